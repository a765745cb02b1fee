#include <gtest/gtest.h>

#include "chantrace/chantrace.h"

TEST(User, IsSound) {
  const chantrace::Channel<int> numbers("numbers");
  const chantrace::Task sender = chantrace::go("sender", [=] { numbers.send(7); });

  EXPECT_EQ(numbers.recv(), 7);
  sender.join();
}

TEST(User, Leaks) {
  const chantrace::Channel<int> numbers("numbers");
  chantrace::go("sender", [=] { numbers.send(7); });
}
