// Properties: tests with inputs, some of which fail with some inputs under some schedules.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <numeric>
#include <string>
#include <vector>

#include "chantrace/chantrace.h"
#include "chantrace/property.h"
#include "examples/property_test.cpp"

// The twin of `IsDoneAfterTwoResults`: whoever is not needed any more goes away.
CHANTRACE_PROP(Pool, LetsWorkersGo, (Between<1, 6> workers, Between<0u, 3u> capacity)) {
  const chantrace::Channel<int> results("results", capacity);
  const chantrace::Channel<int> enough("enough");
  std::vector<chantrace::Task> tasks;
  for (int i = 0; i < workers; ++i)
    tasks.push_back(chantrace::go("worker", [&, i] {
      chantrace::select(chantrace::on_send(results, i), chantrace::on_recv(enough));
    }));
  for (int i = 0; i < std::min<int>(workers, 2); ++i) results.recv();
  enough.close();
  for (chantrace::Task& task : tasks) task.join();
}

namespace {

int sum_of(const std::vector<int>& numbers, bool is_sound) {
  chantrace::Atomic<int> sum(0);
  std::vector<chantrace::Task> tasks;
  for (const int number : numbers)
    tasks.push_back(chantrace::go("adder", [&sum, number, is_sound] {
      if (is_sound) {
        sum.fetch_add(number);
      } else {
        const int before = sum.load();
        sum.store(before + number);
      }
    }));
  for (chantrace::Task& task : tasks) task.join();
  return sum.load();
}

/// So many tasks are few enough, and so small numbers have a sum.
std::vector<int> first_five(std::vector<int> numbers) {
  numbers.resize(std::min<std::size_t>(numbers.size(), 5));
  for (int& number : numbers) number %= 1'000;
  return numbers;
}

}  // namespace

CHANTRACE_PROP(Sum, LosesNumbers, (const std::vector<int>& numbers)) {
  const std::vector<int> few = first_five(numbers);
  const int sum = sum_of(few, false);
  RC_ASSERT(sum == sum_of(few, true));
}

CHANTRACE_PROP(Sum, LosesNone, (const std::vector<int>& numbers), .schedules = 20) {
  RC_PRE(numbers.size() % 3 != 1);
  const std::vector<int> few = first_five(numbers);
  const int sum = sum_of(few, true);
  EXPECT_EQ(sum, std::accumulate(few.begin(), few.end(), 0));
}

// No schedule matters.
CHANTRACE_PROP(Text, IsShort, (const std::string& text)) { EXPECT_LT(text.size(), 3u); }

CHANTRACE_PROP(Misuse, DrawsInItsBody, (int)) { EXPECT_GE(*rc::gen::inRange(0, 5), 0); }
CHANTRACE_PROP(Misuse, WantsNothing, (int)) { RC_PRE(false); }

/// Without an `rc::show` and without a literal.
struct Opaque {
  int value = 0;
};

template <>
struct rc::Arbitrary<Opaque> {
  static Gen<Opaque> arbitrary() { return gen::build<Opaque>(gen::set(&Opaque::value)); }
};

CHANTRACE_PROP(Opaque, IsSmall, (Opaque one)) { EXPECT_LT(one.value, 5); }

namespace {

/// Some hundred steps.
void work() {
  chantrace::Atomic<int> sum(0);
  chantrace::Task other = chantrace::go("other", [&] {
    for (int i = 0; i < 100; ++i) sum.fetch_add(1);
  });
  for (int i = 0; i < 100; ++i) sum.fetch_add(1);
  other.join();
}

}  // namespace

// The time is over while inputs are drawn, or made small.
CHANTRACE_PROP(Budget, IsShort, (Between<0, 1'000'000> number),
               .budget = std::chrono::milliseconds(2)) {
  work();
  EXPECT_LT(number, 20);
}

CHANTRACE_PROP(Budget, IsOverAfterUnwantedInputs, (int number),
               .budget = std::chrono::milliseconds(1)) {
  work();
  RC_PRE(number % 2 == 0);
}

CHANTRACE_PROP(PoolDeathTest, IsNotExplored, (int)) {}

CHANTRACE_PROP(Crash, AtFive, (Between<5, 5> number)) {
  chantrace::go("worker", [=] {
    if (number == 5) std::abort();
  }).join();
}
