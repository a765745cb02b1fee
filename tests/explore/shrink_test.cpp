#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "chantrace/chantrace.h"
#include "chantrace/explore.h"

namespace chantrace {
namespace {

/// As a random walk finds it that switches at each operation.
Failure find_failure(const std::function<void()>& body, std::uint64_t seed,
                     const ShrinkLimits& limits = {}) {
  const ExploreResult result = explore(body, {.schedules = 10'000,
                                              .strategy = random_walk(),
                                              .seed = seed,
                                              .skips_private_objects = false,
                                              .shrink = limits});
  EXPECT_TRUE(result.first_failure);
  return result.first_failure.value_or(Failure{});
}

/// Two tasks that take two locks in opposite orders, and two that only keep busy.
void opposite_orders() {
  Mutex left("left");
  Mutex right("right");
  Channel<int> noise("noise");
  Task tasks[] = {go("left first",
                     [&] {
                       const std::scoped_lock first(left);
                       const std::scoped_lock second(right);
                     }),
                  go("right first",
                     [&] {
                       const std::scoped_lock first(right);
                       const std::scoped_lock second(left);
                     }),
                  go("sender",
                     [&] {
                       for (int i = 0; i < 10; ++i) noise.send(i);
                     }),
                  go("receiver", [&] {
                    for (int i = 0; i < 10; ++i) noise.recv();
                  })};
  for (Task& task : tasks) task.join();
}

TEST(ShrinkTest, ADeadlockOfTwoLocksNeedsOnePreemption) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const Failure failure = find_failure(opposite_orders, seed);

    ASSERT_TRUE(failure.shrinking);
    EXPECT_GE(failure.shrinking->before.preemptions, 1u);
    EXPECT_EQ(failure.shrinking->after.preemptions, 1u);
    EXPECT_LT(failure.shrinking->after, failure.shrinking->before);
    EXPECT_LE(failure.shrinking->executions, 1'000u);
    EXPECT_TRUE(std::any_of(failure.findings.begin(), failure.findings.end(),
                            [](const Finding& one) { return one.kind == FindingKind::kDeadlock; }));
  }
}

TEST(ShrinkTest, WhatIsSmallRunsAgainExactly) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const Failure failure = find_failure(opposite_orders, seed);
    const RunResult again = run(opposite_orders, failure.schedule);

    EXPECT_FALSE(again.divergence);
    EXPECT_EQ(again.schedule, failure.schedule);
    EXPECT_EQ(again.findings, failure.findings);
    EXPECT_EQ(again.steps, failure.shrinking->after.steps);
  }
}

TEST(ShrinkTest, ASmallScheduleStaysAsItIs) {
  const Failure failure = find_failure(opposite_orders, 1);
  const Failure again = shrink(opposite_orders, failure.schedule).value();

  ASSERT_TRUE(again.shrinking);
  EXPECT_EQ(again.shrinking->before, again.shrinking->after);
  EXPECT_LE(again.shrinking->after, failure.shrinking->after);
}

TEST(ShrinkTest, WhatFailsAlwaysNeedsNoPreemption) {
  const Failure failure = find_failure(
      [] {
        Channel<int> numbers("numbers", 3);
        Task sender = go([&] {
          for (int i = 0; i < 10; ++i) numbers.send(i);
        });
        for (int i = 0; i < 9; ++i) numbers.recv();
        sender.join();
        throw std::logic_error("one is left");
      },
      3);

  ASSERT_TRUE(failure.shrinking);
  EXPECT_EQ(failure.shrinking->after.preemptions, 0u);
  EXPECT_TRUE(failure.shrinking->is_least);
}

// The body can fail in two ways, one of which takes less.
TEST(ShrinkTest, KeepsToTheSameFailure) {
  const auto body = [] {
    Atomic<int> first(0);
    Atomic<int> second(0);
    Task task = go([&] {
      first.store(1);
      second.store(1);
    });
    const int is_second = second.load();
    const int is_first = first.load();
    task.join();
    if (is_first == 1 && is_second == 0) throw std::logic_error("between");
    if (is_first == 0) throw std::logic_error("before");
  };
  int between = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const Failure found = find_failure(body, seed, {.executions = 0});
    const Failure small = shrink(body, found.schedule).value();
    ASSERT_TRUE(small.shrinking);
    const std::string what = found.findings.front().summary;
    EXPECT_EQ(small.findings.front().summary, what);
    between += what.find("between") != std::string::npos ? 1 : 0;
  }
  EXPECT_GT(between, 0);
  EXPECT_LT(between, 40);
}

TEST(ShrinkTest, ChoicesThatDoNotMatterAreTheFirst) {
  const auto body = [] {
    int sum = 0;
    for (int i = 0; i < 8; ++i) sum += i == 5 ? 0 : static_cast<int>(choose(4));
    if (choose(4) == 2) throw std::logic_error("two, after " + std::to_string(sum));
  };
  const Failure failure = find_failure(body, 0);

  ASSERT_TRUE(failure.shrinking);
  EXPECT_EQ(failure.shrinking->after.choices, 1u);
  EXPECT_EQ(failure.schedule.choices, (std::vector<std::uint32_t>{0, 0, 0, 0, 0, 0, 0, 2}));
}

// A reader sees what was interrupted right where it mattered.
TEST(ShrinkTest, APreemptionComesAsLateAsItCan) {
  const auto body = [] {
    Atomic<int> busy(0);
    Atomic<int> value(0);
    Task other = go([&] { value.fetch_add(1); });
    for (int i = 0; i < 5; ++i) busy.load();
    const int seen = value.load();
    for (int i = 0; i < 5; ++i) busy.load();
    value.store(seen + 1);
    busy.store(1);
    other.join();
    if (value.load() != 2) throw std::logic_error("lost");
  };
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const Failure failure = find_failure(body, seed);
    ASSERT_TRUE(failure.shrinking);
    EXPECT_EQ(failure.shrinking->after.preemptions, 1u);
    // All looks before the store are made, the body's own ones among them.
    const std::vector<Segment>& segments = failure.schedule.segments;
    EXPECT_TRUE(std::find(segments.begin(), segments.end(), Segment{1, 11}) != segments.end())
        << failure.schedule.to_string();
  }
}

TEST(ShrinkTest, KeepsToItsLimits) {
  const Failure whole = find_failure(opposite_orders, 5, {.executions = 0});
  EXPECT_FALSE(whole.shrinking);

  const Failure cut = find_failure(opposite_orders, 5, {.executions = 7});
  ASSERT_TRUE(cut.shrinking);
  EXPECT_LE(cut.shrinking->executions, 7u);
  EXPECT_LE(cut.shrinking->after, cut.shrinking->before);
  EXPECT_FALSE(run(opposite_orders, cut.schedule).divergence);
}

TEST(ShrinkTest, AScheduleThatPassesIsNotShrunk) {
  EXPECT_FALSE(shrink([] { go([] {}).join(); }, Schedule{}));
}

TEST(ShrinkTest, WhatDependsOnMoreThanItsScheduleIsNotShrunk) {
  int executions = 0;
  const auto body = [&] {
    Channel<int> numbers("numbers", 1);
    if (++executions % 2 == 0) numbers.send(1);
    throw std::logic_error("always");
  };
  const Failure failure = explore(body, {.schedules = 10}).first_failure.value();

  EXPECT_EQ(failure.findings.back().kind, FindingKind::kDivergence);
  EXPECT_FALSE(failure.shrinking);
  EXPECT_FALSE(failure.explanation);
}

// Time is a task as well, whose turns can be taken out.
TEST(ShrinkTest, TimersThatNeedNotFireDoNot) {
  using namespace std::chrono_literals;
  const auto body = [] {
    Channel<int> work("work");
    Task worker = go([=] {
      for (int i = 0; i < 3; ++i) {
        sleep_for(1ms);
        work.send(i);
      }
    });
    int late = 0;
    for (int i = 0; i < 3;) select(on_recv(work, [&] { ++i; }), on_timeout(10ms, [&] { ++late; }));
    worker.join();
    if (late > 0) throw std::logic_error("late");
  };
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const Failure failure = find_failure(body, seed);
    ASSERT_TRUE(failure.shrinking);
    EXPECT_LE(failure.shrinking->after, failure.shrinking->before);
    EXPECT_FALSE(run(body, failure.schedule).divergence);
  }
}

}  // namespace
}  // namespace chantrace
