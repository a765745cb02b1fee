// What a failure under control says of those who could have helped: who was the last, and where it
// ended.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "chantrace/chantrace.h"

namespace chantrace {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::EndsWith;
using testing::HasSubstr;

std::string here(std::uint32_t line) {
  return "ended at " + std::string(__FILE__) + ":" + std::to_string(line);
}

/// The first finding; `kind` is what it must be.
Finding explore_to_failure(const std::function<void()>& body, FindingKind kind) {
  const ExploreResult result = explore(body, {.strategy = random_walk()});
  if (!result.first_failure) return {};
  const Finding& finding = result.findings().front();
  EXPECT_EQ(finding.kind, kind) << to_text(finding);
  return finding;
}

TEST(LastHelpTest, SenderIsToldOfTheLastReceiver) {
  std::uint32_t line = 0;
  const Finding finding = explore_to_failure(
      [&] {
        Channel<int> values("values");
        Task first = go("first", [=] { values.recv(); });
        values.send(1);
        first.join();
        line = __LINE__ + 1;
        Task second = go("second", [=] { values.recv(); });
        values.send(2);
        second.join();
        values.send(3);
      },
      FindingKind::kBlocked);

  EXPECT_THAT(finding.reason,
              Contains("  second (task 3), the last that received from it, " + here(line)));
  EXPECT_THAT(finding.reason, Contains(HasSubstr("first (task 2) ended at")));
}

TEST(LastHelpTest, LeakedReceiverIsToldOfTheOnlySender) {
  std::uint32_t line = 0;
  const Finding finding = explore_to_failure(
      [&] {
        Channel<int> values("values", 1);
        line = __LINE__ + 1;
        Task sender = go("sender", [=] { values.send(1); });
        go("receiver", [=] {
          values.recv();
          values.recv();
        });
        sender.join();
      },
      FindingKind::kLeaked);

  EXPECT_THAT(finding.reason, Contains("  sender (task 2), its only sender, " + here(line)));
}

TEST(LastHelpTest, WhoWaitsForALockIsToldThatItsHolderEnded) {
  std::uint32_t line = 0;
  const Finding finding = explore_to_failure(
      [&] {
        Mutex mutex("mutex");
        line = __LINE__ + 1;
        Task holder = go("holder", [&] { mutex.lock(); });
        holder.join();
        mutex.lock();
      },
      FindingKind::kBlocked);

  EXPECT_THAT(finding.reason, Contains(EndsWith(", which " + here(line))));
}

TEST(LastHelpTest, WhoWaitsForAGroupIsToldOfTheLastToCountOnIt) {
  std::uint32_t line = 0;
  const Finding finding = explore_to_failure(
      [&] {
        WaitGroup group("group", 3);
        go("first", [&] { group.done(); }).join();
        line = __LINE__ + 1;
        go("second", [&] { group.done(); }).join();
        group.wait();
      },
      FindingKind::kBlocked);

  EXPECT_THAT(finding.reason,
              Contains("  second (task 3), the last that called done() on it, " + here(line)));
}

TEST(LastHelpTest, DeadlockNamesWhoHoldsAndWhoHasSentBefore) {
  const Finding finding = explore_to_failure(
      [] {
        Mutex mutex("mutex");
        Channel<int> values("values");
        Task sender = go("sender", [&] {
          values.send(1);
          mutex.lock();
          values.send(2);
          mutex.unlock();
        });
        values.recv();
        mutex.lock();
        values.recv();
        mutex.unlock();
        sender.join();
      },
      FindingKind::kDeadlock);

  // Which of the two has the lock depends on the schedule.
  EXPECT_THAT(finding.reason, Contains(HasSubstr(" waits for mutex, held by ")));
  EXPECT_THAT(finding.reason, Contains(AllOf(HasSubstr(" waits in "), HasSubstr(", which has "),
                                             HasSubstr(" it before"))));
}

}  // namespace
}  // namespace chantrace
