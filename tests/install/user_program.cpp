#include "chantrace/chantrace.h"

int main() {
  const chantrace::Channel<int> numbers("numbers", 1);
  numbers.send(7);
  return numbers.recv() == 7 ? 0 : 1;
}
