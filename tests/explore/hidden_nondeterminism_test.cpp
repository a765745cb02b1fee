// Bodies that depend on more than their schedule, each caught at the operation that was not the
// same; and their nearest twins that depend on nothing else.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "chantrace/chantrace.h"
#include "chantrace/explore.h"

namespace chantrace {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;

/// The only finding, or one that says nothing.
Finding only_finding(const ExploreResult& result) {
  return result.findings().size() == 1 ? result.findings().front() : Finding{};
}

testing::Matcher<const Finding&> differs(const std::string& whose, const std::string& once,
                                         const std::string& again) {
  return AllOf(Field(&Finding::kind, FindingKind::kDivergence),
               Field(&Finding::certainty, Certainty::kCertain),
               Field(&Finding::summary, HasSubstr("hidden nondeterminism: " + whose + " ")),
               Field(&Finding::participants, ElementsAre(Field(&Participant::text, once),
                                                         Field(&Participant::text, again))));
}

/// What is the same for a body and its twin: a worker that makes its third operation on `left` or
/// on `right`.
void work(bool takes_left) {
  Atomic<int> left(0, "left");
  Atomic<int> right(0, "right");
  Task worker = go("worker", [&] {
    left.store(1);
    right.store(1);
    (takes_left ? left : right).store(2);
    left.store(3);
  });
  right.load();
  worker.join();
}

TEST(HiddenNondeterminismTest, AStaticCounterIsCaughtWhereItMatters) {
  int calls = 0;

  const ExploreResult result = explore([&] { work(calls++ % 2 == 0); });

  EXPECT_EQ(result.executions, 1u);
  const Finding finding = only_finding(result);
  EXPECT_THAT(finding, differs("worker's operation 3", "store(left)", "store(right)"));
  EXPECT_EQ(to_number(finding.task), 2u);
  ASSERT_EQ(finding.sites.size(), 1u);
  EXPECT_THAT(finding.sites[0].site.file, HasSubstr("hidden_nondeterminism_test.cpp"));
}

TEST(HiddenNondeterminismTest, ACounterThatIsSetAnewIsSound) {
  int calls = 0;

  const ExploreResult result = explore([&] {
    calls = 0;
    work(calls++ % 2 == 0);
  });

  EXPECT_THAT(result.findings(), IsEmpty());
  EXPECT_TRUE(result.is_exhausted);
}

TEST(HiddenNondeterminismTest, WhatIsSetUpOnceIsCaughtInTheFirstExecution) {
  bool is_set_up = false;
  const auto body = [&] {
    Atomic<int> table(0, "table");
    if (!is_set_up) table.store(1);
    is_set_up = true;
    table.load();
  };

  EXPECT_THAT(only_finding(explore(body)),
              differs("main's operation 1", "store(table)", "load(table)"));
}

TEST(HiddenNondeterminismTest, WhatChangesLaterIsCaughtByALaterSample) {
  for (const int change : {3, 40, 5'000}) {
    int calls = 0;
    const auto body = [&] {
      Atomic<int> value(0, "value");
      for (int i = 0; i < 10; ++i) value.store(i);
      if (++calls > change && calls % 2 == 0) value.load();
    };

    const ExploreResult result = explore(body, {.schedules = 100'000, .strategy = random_walk()});

    EXPECT_THAT(only_finding(result).summary, HasSubstr("main's operation 11 is made only"));
    EXPECT_LT(result.executions, static_cast<std::uint64_t>(3 * change));
  }
}

TEST(HiddenNondeterminismTest, AnAddressIsCaughtWhereItMatters) {
  // All stay allocated, so that no two executions have the same address.
  std::vector<std::unique_ptr<std::uint64_t[]>> kept;
  std::vector<std::size_t> places;
  const auto body = [&] {
    kept.push_back(std::make_unique<std::uint64_t[]>(4));
    Atomic<int> begun(0, "begun");
    std::vector<std::unique_ptr<Atomic<int>>> slots;
    for (int i = 0; i < 61; ++i)
      slots.push_back(std::make_unique<Atomic<int>>(0, "slot " + std::to_string(i)));
    places.push_back(reinterpret_cast<std::uintptr_t>(kept.back().get()) / 16 % slots.size());
    begun.store(1);
    slots[places.back()]->store(1);
  };

  const ExploreResult result = explore(body, {.schedules = 1'000, .strategy = random_walk()});

  ASSERT_GE(places.size(), 2u);
  const std::size_t once = places[places.size() - 2];
  EXPECT_THAT(only_finding(result),
              differs("main's operation 2", "store(slot " + std::to_string(once) + ")",
                      "store(slot " + std::to_string(places.back()) + ")"));
}

TEST(HiddenNondeterminismTest, AnAddressThatDecidesNothingIsSound) {
  std::vector<std::unique_ptr<std::uint64_t[]>> kept;

  const ExploreResult result = explore([&] {
    kept.push_back(std::make_unique<std::uint64_t[]>(4));
    work(reinterpret_cast<std::uintptr_t>(kept.back().get()) % 16 == 0);
  });

  EXPECT_THAT(result.findings(), IsEmpty());
}

/// 64 operations, each on one of two objects, as the bits say.
void draw_lots(std::uint64_t bits) {
  Atomic<int> heads(0, "heads");
  Atomic<int> tails(0, "tails");
  Task other = go([&] { heads.load(); });
  for (int i = 0; i < 64; ++i) ((bits >> i & 1) != 0 ? heads : tails).store(i);
  other.join();
}

TEST(HiddenNondeterminismTest, ARandomDeviceIsCaughtAtItsFirstOtherNumber) {
  std::vector<std::uint64_t> drawn;
  const auto body = [&] {
    std::random_device device;
    drawn.push_back(std::uint64_t{device()} << 32 | device());
    draw_lots(drawn.back());
  };

  const ExploreResult result = explore(body);

  ASSERT_EQ(drawn.size(), 2u);
  int same = 0;
  while ((drawn[0] >> same & 1) == (drawn[1] >> same & 1)) ++same;
  const bool is_heads = (drawn[0] >> same & 1) != 0;
  // Its first operation starts the other task.
  EXPECT_THAT(only_finding(result), differs("main's operation " + std::to_string(same + 2),
                                            is_heads ? "store(heads)" : "store(tails)",
                                            is_heads ? "store(tails)" : "store(heads)"));
}

TEST(HiddenNondeterminismTest, ASeededEngineIsSound) {
  const ExploreResult result = explore(
      [] {
        std::mt19937_64 engine(7);
        draw_lots(engine());
      },
      {.schedules = 300});

  EXPECT_THAT(result.findings(), IsEmpty());
  EXPECT_EQ(result.executions, 300u);
}

TEST(HiddenNondeterminismTest, AFailureThatDoesNotComeAgainSaysSo) {
  int calls = 0;
  const auto body = [&] {
    Atomic<int> value(0, "value");
    value.store(1);
    if (calls++ % 2 == 0) throw std::logic_error("every other time");
  };

  const ExploreResult result = explore(body);

  ASSERT_EQ(result.findings().size(), 2u);
  EXPECT_EQ(result.findings()[0].kind, FindingKind::kException);
  EXPECT_THAT(result.findings()[1].summary,
              HasSubstr("failed, and passed when the same schedule ran again, by the same"));
}

TEST(HiddenNondeterminismTest, AFailureWithOtherOperationsEachTimeNamesTheFirst) {
  int calls = 0;
  const auto body = [&] {
    Atomic<int> value(0, "value");
    value.store(1);
    if (++calls < 13) return;
    for (int i = 0; i < calls; ++i) value.load();
    throw std::logic_error("late");
  };

  const ExploreResult result = explore(body, {.strategy = random_walk()});

  ASSERT_EQ(result.findings().size(), 2u);
  // No log is kept of the 13th execution, so that the next two are compared.
  EXPECT_THAT(result.findings()[1].summary, HasSubstr("main's operation 16 is made only"));
}

TEST(HiddenNondeterminismTest, WhatDiffersOnceOnlyWithoutALogIsKnownByItsStep) {
  int calls = 0;
  const auto body = [&] {
    Atomic<int> value(0, "value");
    value.store(1);
    if (++calls != 13) return;
    value.load();
    throw std::logic_error("once");
  };

  const ExploreResult result =
      explore(body, {.schedules = 100, .strategy = random_walk(), .goes_on = true});

  ASSERT_EQ(result.findings().size(), 2u);
  EXPECT_THAT(result.findings()[1].summary, HasSubstr("main's step 2 is made there only once"));
  EXPECT_EQ(to_number(result.findings()[1].task), 1u);
  EXPECT_EQ(result.failures, 1u);
}

TEST(HiddenNondeterminismTest, WhatIsAnotherOperationOnceOnlyWithoutALogIsSaid) {
  int calls = 0;
  const auto body = [&] {
    Atomic<int> left(0, "left");
    Atomic<int> right(0, "right");
    left.store(1);
    right.store(1);
    (++calls == 13 ? left : right).store(2);
    if (calls == 13) throw std::logic_error("once");
  };

  const ExploreResult result = explore(body, {.strategy = random_walk()});

  ASSERT_EQ(result.findings().size(), 2u);
  EXPECT_THAT(result.findings()[1].summary, HasSubstr("another operation, or on another object"));
}

TEST(HiddenNondeterminismTest, TasksThatPollDoTheSameAgain) {
  // What the body has seen in an execution before must not matter to when it is taken to spin.
  const auto body = [] {
    Atomic<bool> is_left_ready(false);
    Atomic<bool> is_right_ready(false);
    Task left = go("left", [&] {
      while (!is_right_ready.load()) yield();
      is_left_ready.store(true);
    });
    while (!is_left_ready.load()) yield();
    is_right_ready.store(true);
    left.join();
  };
  for (const SearchStrategy& strategy :
       {random_walk(), partial_order_sampling(), priorities(3), deviation_sweep(), depth_first()}) {
    const ExploreResult result =
        explore(body, {.schedules = 8, .strategy = strategy, .goes_on = true});

    EXPECT_EQ(result.failures, 8u);
    EXPECT_EQ(only_finding(result).kind, FindingKind::kStepLimit) << to_string(strategy);
  }
}

TEST(HiddenNondeterminismTest, NobodyLooksWhereThatIsNotAskedFor) {
  int calls = 0;

  const ExploreResult result =
      explore([&] { work(calls++ % 2 == 0); },
              {.schedules = 50, .strategy = random_walk(), .runs_again = false});

  EXPECT_FALSE(result.first_failure);
  EXPECT_EQ(result.again, 0u);
  EXPECT_EQ(calls, 50);
}

TEST(HiddenNondeterminismTest, FewSchedulesRunAgain) {
  const auto body = [] { work(true); };
  for (const std::uint64_t schedules : {1'000u, 10'000u}) {
    const ExploreResult result = explore(body, {.schedules = schedules, .strategy = random_walk()});

    EXPECT_GE(result.again, 10u);
    EXPECT_LE(result.again, schedules / 100);
  }
}

}  // namespace
}  // namespace chantrace
