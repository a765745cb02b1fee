/// \file
/// Stages that hand values on: each reads one channel, and closes the one it writes.
#include <cstdio>

#include "chantrace/chantrace.h"

using chantrace::Channel;
using chantrace::RecvChannel;

RecvChannel<int> count_to(int last) {
  const Channel<int> numbers("numbers", 5);
  chantrace::go("generator", [=] {
    for (int number = 1; number <= last; ++number) numbers.send(number);
    numbers.close();
  });
  return numbers;
}

RecvChannel<int> square(const RecvChannel<int>& numbers) {
  const Channel<int> squares("squares", 5);
  chantrace::go("squarer", [=] {
    for (const int number : numbers) squares.send(number * number);
    squares.close();
  });
  return squares;
}

RecvChannel<int> keep_even(const RecvChannel<int>& numbers) {
  const Channel<int> even("even", 5);
  chantrace::go("filter", [=] {
    for (const int number : numbers)
      if (number % 2 == 0) even.send(number);
    even.close();
  });
  return even;
}

int main() {
  const chantrace::Session session;

  std::printf("even squares:");
  for (const int number : keep_even(square(count_to(10)))) std::printf(" %d", number);
  std::printf("\n");
}
