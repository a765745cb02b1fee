#include "stall.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

namespace chantrace::notouch {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

Moment at(int second) { return Moment(seconds(second)); }

StalledThread waits_for_lock(pid_t id, std::optional<pid_t> holder) {
  return {id, Wait::kLock, false, true, holder};
}
StalledThread waits(pid_t id, Wait wait) { return {id, wait, false, true, std::nullopt}; }

TEST(ProgressTableTest, KnowsWhoHasNotRun) {
  ProgressTable table;
  table.update({{1, {5, 0}}, {2, {7, 0}}}, at(0));
  table.update({{1, {5, 0}}, {2, {8, 0}}}, at(5));

  EXPECT_THAT(table.stalled_for(seconds(5)), ElementsAre(1));
  EXPECT_THAT(table.stalled_for(seconds(6)), IsEmpty());
  table.update({{1, {5, 1}}, {2, {8, 0}}}, at(10));
  EXPECT_THAT(table.stalled_for(seconds(5)), ElementsAre(2));
}

TEST(ProgressTableTest, ForgetsThreadsThatHaveEnded) {
  ProgressTable table;
  table.update({{1, {5, 0}}}, at(0));
  table.update({}, at(5));
  table.update({{1, {5, 0}}}, at(10));

  EXPECT_THAT(table.stalled_for(seconds(1)), IsEmpty());
}

TEST(ProgressTableTest, CountsChanges) {
  ProgressTable table;
  table.update({{1, {5, 0}}}, at(0));
  const auto before = table.changes();
  table.update({{1, {5, 0}}}, at(1));
  EXPECT_EQ(table.changes(), before);
  table.update({{2, {5, 0}}}, at(2));
  EXPECT_NE(table.changes(), before);
}

TEST(JudgeTest, ACycleIsStuckAndWhoeverWaitsBehindIt) {
  const auto verdict = judge({waits_for_lock(1, 2), waits_for_lock(2, 1), waits_for_lock(3, 1)},
                             {1, 2, 3, 4}, StuckOn::kLocks);

  EXPECT_THAT(verdict.threads, ElementsAre(1, 2, 3));
  EXPECT_EQ(verdict.reason, "they wait for locks in a cycle");
}

TEST(JudgeTest, AThreadMayWaitForItself) {
  EXPECT_THAT(judge({waits_for_lock(1, 1)}, {1, 2}, StuckOn::kLocks).threads, ElementsAre(1));
}

TEST(JudgeTest, AHolderThatRunsIsWaitedFor) {
  EXPECT_THAT(
      judge({waits_for_lock(1, 2), waits_for_lock(3, 1)}, {1, 2, 3}, StuckOn::kLocks).threads,
      IsEmpty());
}

TEST(JudgeTest, AHolderThatIsOnlyKeptFromAProcessorIsWaitedFor) {
  EXPECT_THAT(
      judge({waits_for_lock(1, 2), waits(2, Wait::kRunning)}, {1, 2}, StuckOn::kLocks).threads,
      IsEmpty());
}

TEST(JudgeTest, ALockJustGivenBackIsNoReason) {
  EXPECT_THAT(judge({waits_for_lock(1, 0)}, {1, 2}, StuckOn::kLocks).threads, IsEmpty());
}

TEST(JudgeTest, HoldersThatHaveEndedOrWaitThemselvesAre) {
  EXPECT_EQ(judge({waits_for_lock(1, 9)}, {1, 2}, StuckOn::kLocks).reason,
            "they wait for a lock whose holder has ended");
  EXPECT_EQ(
      judge({waits_for_lock(1, 2), waits(2, Wait::kTransfer)}, {1, 2, 3}, StuckOn::kLocks).reason,
      "they wait for a lock whose holder waits for something else");
  EXPECT_EQ(judge({waits_for_lock(1, std::nullopt)}, {1, 2}, StuckOn::kLocks).reason,
            "they wait for a lock that is not given back");
}

TEST(JudgeTest, ATimeoutEndsAWait) {
  StalledThread thread = waits_for_lock(1, 9);
  thread.has_timeout = true;

  EXPECT_THAT(judge({thread}, {1, 2}, StuckOn::kLocks).threads, IsEmpty());
}

TEST(JudgeTest, AnIdlePoolIsNotStuckWhileAnybodyCouldGiveItWork) {
  const std::vector<StalledThread> pool{waits(1, Wait::kCondition), waits(2, Wait::kCondition)};

  EXPECT_THAT(judge(pool, {1, 2, 3}, StuckOn::kLocks).threads, IsEmpty());
  EXPECT_THAT(judge(pool, {1, 2, 3}, StuckOn::kAnyWait).threads, ElementsAre(1, 2));
}

TEST(JudgeTest, AProcessInWhichEachWaitsForAnotherIsStuck) {
  EXPECT_THAT(
      judge({waits(1, Wait::kCondition), waits(2, Wait::kJoin)}, {1, 2}, StuckOn::kLocks).threads,
      ElementsAre(1, 2));
  // A handler of a signal may post a semaphore.
  EXPECT_THAT(
      judge({waits(1, Wait::kCondition), waits(2, Wait::kSemaphore)}, {1, 2}, StuckOn::kLocks)
          .threads,
      IsEmpty());
}

TEST(JudgeTest, NothingIsStuckWhereNothingIsWanted) {
  EXPECT_THAT(judge({waits_for_lock(1, 1)}, {1}, StuckOn::kNothing).threads, IsEmpty());
}

TEST(JudgeTest, AChainOfThousandsIsFollowed) {
  std::vector<StalledThread> chain;
  std::vector<pid_t> threads(1000);
  std::iota(threads.begin(), threads.end(), 1);
  for (const pid_t id : threads) chain.push_back(waits_for_lock(id, id == 1000 ? 1001 : id + 1));
  threads.push_back(1001);

  EXPECT_THAT(judge(chain, threads, StuckOn::kLocks).threads, IsEmpty());
  chain.back().holder = 1;
  EXPECT_EQ(judge(chain, threads, StuckOn::kLocks).threads.size(), 1000u);
}

}  // namespace
}  // namespace chantrace::notouch
