#include "chantrace/wait_group.h"

#include <gtest/gtest.h>

#include <atomic>
#include <limits>
#include <memory>

#include "chantrace/task.h"
#include "support/run_on_threads.h"
#include "support/until_parked.h"

namespace chantrace {
namespace {

TEST(WaitGroupTest, WaitReturnsAtOnceWhenTheCountIsZero) {
  WaitGroup group("group");

  group.wait();
}

TEST(WaitGroupTest, WaitsForAll) {
  WaitGroup group("group");
  std::atomic<int> ended = 0;
  group.add(10);
  for (int i = 0; i < 10; ++i) {
    go("worker", [&] {
      ended.fetch_add(1);
      group.done();
    });
  }

  group.wait();

  EXPECT_EQ(ended.load(), 10);
}

TEST(WaitGroupTest, WakesAllThatWait) {
  WaitGroup group("group", 2);
  const Task first = go("waiter", [&] { group.wait(); });
  const Task second = go("waiter", [&] { group.wait(); });
  until_parked("waiter", 2);

  group.done();
  EXPECT_FALSE(first.has_ended());
  group.done();
  first.join();
  second.join();
}

TEST(WaitGroupTest, MayBeUsedAgain) {
  WaitGroup group;
  for (int round = 0; round < 50; ++round) {
    group.add(2);
    go("worker", [&] { group.add(-2); });
    group.wait();
  }
}

TEST(WaitGroupTest, CountBelowZeroThrowsAndIsUndone) {
  WaitGroup group("group", 1);

  EXPECT_THROW(group.add(-2), NegativeWaitGroup);
  group.done();
  group.wait();
  EXPECT_THROW(group.done(), NegativeWaitGroup);
  group.wait();
}

TEST(WaitGroupTest, CountMayNotOverflow) {
  WaitGroup group(std::numeric_limits<std::int64_t>::max());

  EXPECT_THROW(group.add(1), NegativeWaitGroup);
  group.add(-std::numeric_limits<std::int64_t>::max());
  group.wait();
}

TEST(WaitGroupTest, CountBelowZeroIsFoundWhenItEscapes) {
  const ThreadsRun run = run_on_threads([] {
    WaitGroup group("group");
    go("worker", [&] { group.done(); }).join();
  });

  EXPECT_NE(run.find(FindingKind::kNegativeWaitGroup), nullptr) << run.to_string();
  EXPECT_FALSE(run.faults().empty());
}

TEST(WaitGroupTest, MissingDoneIsFound) {
  const ThreadsRun run = run_on_threads([] {
    WaitGroup group("group", 2);
    go("worker", [&] { group.done(); });
    group.wait();
  });

  EXPECT_TRUE(run.body_was_stuck);
  EXPECT_NE(run.find(FindingKind::kBlocked), nullptr) << run.to_string();
}

}  // namespace
}  // namespace chantrace
