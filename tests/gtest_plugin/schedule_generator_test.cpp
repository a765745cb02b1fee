// Schedules as values that RapidCheck draws and makes small.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "chantrace/chantrace.h"
#include "chantrace/explore.h"
#include "chantrace/rapidcheck.h"

namespace chantrace {
namespace {

/// Loses an update where both tasks read before one of them writes.
void update_twice(Atomic<int>& counter) {
  const auto update = [&] {
    for (int i = 0; i < 3; ++i) {
      const int before = counter.load();
      counter.store(before + 1);
    }
  };
  Task other = go("other", update);
  update();
  other.join();
}

bool loses_an_update(const Schedule& schedule) {
  int sum = 0;
  run(
      [&] {
        Atomic<int> counter(0);
        update_twice(counter);
        sum = counter.load();
      },
      schedule);
  return sum < 6;
}

RC_GTEST_PROP(ScheduleGenerator, AnyScheduleCanBeRunAndAgainAsItWas, (const Schedule& drawn)) {
  const auto body = [] {
    const Channel<int> numbers("numbers", choose(3));
    Task other = go("other", [&] {
      for (const int number : numbers) static_cast<void>(number);
    });
    for (int i = 0; i < 3; ++i) numbers.send(i);
    numbers.close();
    other.join();
  };
  const RunResult once = run(body, drawn);
  const RunResult again = run(body, once.schedule);

  RC_ASSERT(once.findings.empty());
  RC_ASSERT(!again.divergence.has_value());
  RC_ASSERT(again.schedule == once.schedule);
}

RC_GTEST_PROP(ScheduleGenerator, TokenIsReadAsTheSame, (const Schedule& schedule)) {
  const auto parsed = Schedule::parse(schedule.to_string());
  RC_ASSERT(parsed.has_value());
  RC_ASSERT(parsed.value() == schedule);
}

TEST(ScheduleGenerator, FindsALostUpdateAndMakesItSmall) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const rc::detail::TestParams params{.seed = seed, .maxSuccess = 1'000};
    const auto property = rc::detail::toProperty(
        [](const Schedule& schedule) { RC_ASSERT_FALSE(loses_an_update(schedule)); });
    const rc::detail::TestResult result = rc::detail::checkProperty(property, {}, params);

    ASSERT_TRUE(result.is<rc::detail::FailureResult>()) << "seed " << seed;
    const auto& example = result.get<rc::detail::FailureResult>().counterExample;
    ASSERT_EQ(example.size(), 1u);
    std::string token = example.front().second;
    token = token.substr(1, token.size() - 2);  // It is shown as a tuple.
    const auto smallest = Schedule::parse(token);
    ASSERT_TRUE(smallest) << token;
    EXPECT_TRUE(loses_an_update(smallest.value()));
    // One task up to behind its load, and the other up to behind its store.
    EXPECT_LE(smallest.value().segments.size(), 3u) << token;
    EXPECT_TRUE(smallest.value().choices.empty()) << token;
  }
}

TEST(ScheduleGenerator, ShrinkingComesToAnEnd) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    auto shrinkable = rc::gen::arbitrary<Schedule>()(rc::Random(seed), 100);
    std::uint64_t depth = 0;
    for (rc::Random random(seed);; ++depth) {
      ASSERT_LT(depth, 10'000u);
      auto smaller = shrinkable.shrinks();
      auto next = smaller.next();
      for (auto left = random.next() % 5; next && left > 0; --left)
        if (auto another = smaller.next()) next = another;
      if (!next) break;
      EXPECT_NE(next->value(), shrinkable.value());
      shrinkable = *next;
    }
    EXPECT_TRUE(shrinkable.value().segments.empty());
    EXPECT_TRUE(shrinkable.value().choices.empty());
  }
}

}  // namespace
}  // namespace chantrace
