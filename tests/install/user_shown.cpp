#include <cstdio>

#include "chantrace/chantrace.h"

int main() {
  const chantrace::Session session;
  const chantrace::Channel<int> numbers("numbers", 1);
  numbers.send(7);
  std::printf("%d\n", *numbers.recv());
}
