// Orders of locks that can deadlock, the two sides of which never come in one execution.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "chantrace/chantrace.h"

namespace chantrace {
namespace {

using testing::AnyOf;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

void take_both(Mutex& outer, Mutex& inner) {
  outer.lock();
  inner.lock();
  inner.unlock();
  outer.unlock();
}

ExploreResult explore_some(const std::function<void()>& body) {
  return explore(body, {.schedules = 200, .strategy = random_walk()});
}

/// Each task takes both locks in its own order, in another execution than the other.
void in_turns(bool has_one_order, Mutex* gate, bool joins_between) {
  Mutex mu("mu");
  Mutex nu("nu");
  const bool is_left = choose(2) == 0;
  const auto guarded = [&](Mutex& outer, Mutex& inner) {
    if (gate != nullptr) gate->lock();
    take_both(outer, inner);
    if (gate != nullptr) gate->unlock();
  };
  Task left = go("left", [&] {
    if (is_left) guarded(mu, nu);
  });
  if (joins_between) left.join();
  Task right = go("right", [&] {
    if (is_left) return;
    has_one_order ? guarded(mu, nu) : guarded(nu, mu);
  });
  left.join();
  right.join();
}

TEST(ExploredLockOrdersTest, BothSidesMayComeFromDifferentExecutions) {
  const ExploreResult result = explore_some([] { in_turns(false, nullptr, false); });

  EXPECT_FALSE(result.first_failure);
  ASSERT_THAT(result.lock_orders, SizeIs(1));
  const Finding& order = result.lock_orders[0];
  EXPECT_EQ(order.kind, FindingKind::kLockOrder);
  EXPECT_EQ(order.certainty, Certainty::kPossible);
  EXPECT_THAT(order.summary, AnyOf("mu and nu are locked in two orders, which can deadlock",
                                   "nu and mu are locked in two orders, which can deadlock"));
  ASSERT_THAT(order.participants, SizeIs(2));
  std::vector<std::string> labels = {order.participants[0].label, order.participants[1].label};
  EXPECT_THAT(labels, testing::UnorderedElementsAre("left", "right"));
  EXPECT_THAT(order.sites, SizeIs(2));  // Both tasks do it at the same places.
}

TEST(ExploredLockOrdersTest, OneOrderIsNone) {
  const ExploreResult result = explore_some([] { in_turns(true, nullptr, false); });

  EXPECT_THAT(result.lock_orders, IsEmpty());
}

TEST(ExploredLockOrdersTest, AGateAroundBothSidesMakesItNone) {
  const ExploreResult result = explore_some([] {
    Mutex gate("gate");
    in_turns(false, &gate, false);
  });

  EXPECT_THAT(result.lock_orders, IsEmpty());
}

TEST(ExploredLockOrdersTest, AJoinBetweenTheSidesMakesItNone) {
  const ExploreResult result = explore_some([] { in_turns(false, nullptr, true); });

  EXPECT_THAT(result.lock_orders, IsEmpty());
}

TEST(ExploredLockOrdersTest, AreNotLookedForWhereNobodyAsks) {
  const ExploreResult result =
      explore([] { in_turns(false, nullptr, false); },
              {.schedules = 200, .strategy = random_walk(), .finds_lock_orders = false});

  EXPECT_THAT(result.lock_orders, IsEmpty());
}

/// Locks that were made at one place are not mixed up, whichever is used first.
void locks_of_one_place(bool has_two_orders) {
  std::array<std::unique_ptr<Mutex>, 2> locks;
  for (auto& lock : locks) lock = std::make_unique<Mutex>();
  const std::uint32_t first = choose(2);
  locks[first]->lock();
  locks[first]->unlock();
  const bool is_swapped = has_two_orders && first == 1;
  Task task = go("task", [&] {
    if (first == 1) take_both(*locks[is_swapped ? 1 : 0], *locks[is_swapped ? 0 : 1]);
  });
  if (first == 0) take_both(*locks[0], *locks[1]);
  task.join();
}

TEST(ExploredLockOrdersTest, LocksAreToldApartByWhoMadeThemAsWhich) {
  EXPECT_THAT(explore_some([] { locks_of_one_place(false); }).lock_orders, IsEmpty());
  EXPECT_THAT(explore_some([] { locks_of_one_place(true); }).lock_orders, SizeIs(1));
}

/// Tasks are told apart by who started them: each worker takes the locks in one order only.
TEST(ExploredLockOrdersTest, StaticLocksAreTheSameInAllExecutions) {
  static Mutex mu;
  static Mutex nu;
  const ExploreResult result = explore_some([] {
    const bool is_left = choose(2) == 0;
    Task left = go("left", [&] {
      if (is_left) take_both(mu, nu);
    });
    if (!is_left) take_both(nu, mu);
    left.join();
  });

  EXPECT_THAT(result.lock_orders, SizeIs(1));
}

TEST(ExploredLockOrdersTest, ACircleThatClosedIsTold) {
  const ExploreResult result = explore(
      [] {
        Mutex mu("mu");
        Mutex nu("nu");
        Task task = go("task", [&] {
          nu.lock();
          mu.lock();
          mu.unlock();
          nu.unlock();
        });
        mu.lock();
        nu.lock();
        nu.unlock();
        mu.unlock();
        task.join();
      },
      {.strategy = random_walk(), .goes_on = true});

  ASSERT_TRUE(result.first_failure);
  EXPECT_EQ(result.findings()[0].kind, FindingKind::kDeadlock);
  EXPECT_THAT(result.lock_orders, IsEmpty());
}

TEST(ExploredLockOrdersTest, AreToldBesideAnotherFailure) {
  const ExploreResult result = explore(
      [] {
        in_turns(false, nullptr, false);
        if (choose(8) == 0) throw std::logic_error("another fault");
      },
      {.schedules = 200, .strategy = random_walk(), .goes_on = true});

  ASSERT_TRUE(result.first_failure);
  EXPECT_EQ(result.findings()[0].kind, FindingKind::kException);
  EXPECT_THAT(result.lock_orders, SizeIs(1));
}

TEST(ExploredLockOrdersTest, TheFirstExecutionThatNestsLocksIsLookedAt) {
  std::vector<std::uint32_t> nesting;
  const auto body = [&] {
    Mutex mu("mu");
    Mutex nu("nu");
    const std::uint32_t side = choose(60);
    if (side < 2) nesting.push_back(side);
    Task left = go("left", [&] {
      if (side == 0) take_both(mu, nu);
    });
    Task right = go("right", [&] {
      if (side == 1) take_both(nu, mu);
    });
    left.join();
    right.join();
  };
  // Once more with a log, and then the other side, which has one at once.
  const auto has_each_once = AnyOf(ElementsAre(0, 0, 1), ElementsAre(1, 1, 0));
  ExploreResult result;
  for (std::uint64_t seed = 0; seed < 1'000 && !testing::Value(nesting, has_each_once); ++seed) {
    nesting.clear();
    result = explore(body, {.schedules = 60, .strategy = random_walk(), .seed = seed});
  }

  ASSERT_THAT(nesting, has_each_once);
  EXPECT_THAT(result.lock_orders, SizeIs(1));
}

}  // namespace
}  // namespace chantrace
