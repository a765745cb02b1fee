#include "chantrace/analyzer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "chantrace/chantrace.h"
#include "runtime/collecting_sink.h"
#include "support/crossed_locks.h"
#include "support/until_parked.h"

namespace chantrace {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;
using Outlook = WaitingTask::Outlook;

/// All that waits is blocked at once, and what nobody helps any more is leaked at once.
const AnalyzerOptions kAtOnce{.blocked_after = {}, .leaked_after = {}};

Options silent() { return Options{}.sink(std::make_shared<CollectingSink>()); }

std::vector<std::string> labels_of(const std::vector<BlockedTask>& tasks) {
  std::vector<std::string> labels;
  for (const BlockedTask& task : tasks) labels.push_back(task.label);
  return labels;
}

TEST(AnalyzerTest, WorkerThatWaitsForItsNextJobIsBlockedAndNotLeaked) {
  const Session session(silent());
  const Channel<int> jobs("jobs");
  const Task worker = go("worker", [=] {
    for ([[maybe_unused]] const int job : jobs) {
    }
  });
  jobs.send(1);
  until_parked("worker");

  const AnalyzerReport report = Analyzer(kAtOnce).report();
  jobs.close();
  worker.join();

  ASSERT_THAT(labels_of(report.blocked), ElementsAre("worker"));
  EXPECT_EQ(report.blocked[0].outlook, Outlook::kGoesOn);
  EXPECT_THAT(report.blocked[0].what, HasSubstr("jobs"));
  EXPECT_GT(report.blocked[0].duration.count(), 0);
  EXPECT_NE(report.blocked[0].waiting_at.line, 0u);
  EXPECT_THAT(report.leaked, IsEmpty());
  EXPECT_THAT(report.findings, IsEmpty());
}

TEST(AnalyzerTest, WorkerThatHasHadNoJobYetIsNotLeaked) {
  const Session session(silent());
  const Channel<int> jobs("jobs");
  const Task worker = go("worker", [=] { jobs.recv(); });
  until_parked("worker");

  const AnalyzerReport report = Analyzer(kAtOnce).report();
  jobs.close();
  worker.join();

  ASSERT_THAT(labels_of(report.blocked), ElementsAre("worker"));
  EXPECT_EQ(report.blocked[0].outlook, Outlook::kUnknown);
  EXPECT_THAT(report.leaked, IsEmpty());
}

/// A sender whose receiver has ended, as after an early return.
struct AbandonedSender {
  AbandonedSender() {
    const Channel<int> to = results;
    const Task receiver = go("receiver", [=] { to.recv(); });
    sender = go("sender", [=] {
      for (int i = 0; i < 2; ++i) to.send(i);
    });
    receiver.join();
    until_parked("sender");
  }
  ~AbandonedSender() {
    results.recv();
    sender.join();
  }
  Channel<int> results{"results"};
  Task sender;
};

TEST(AnalyzerTest, SenderWhoseReceiverHasEndedIsLeaked) {
  const Session session(silent());
  const AbandonedSender abandoned;

  const AnalyzerReport report = Analyzer(kAtOnce).report();

  ASSERT_THAT(labels_of(report.leaked), ElementsAre("sender"));
  EXPECT_EQ(report.leaked[0].outlook, Outlook::kDoubtful);
  EXPECT_THAT(report.leaked[0].reason, ::testing::Contains(HasSubstr("receiver")));
}

TEST(AnalyzerTest, ThresholdsHoldBack) {
  const Session session(silent());
  const AbandonedSender abandoned;

  const AnalyzerReport none =
      Analyzer({.blocked_after = std::chrono::hours(1), .leaked_after = {}}).report();
  const AnalyzerReport blocked =
      Analyzer({.blocked_after = {}, .leaked_after = std::chrono::hours(1)}).report();

  EXPECT_THAT(none.blocked, IsEmpty());
  EXPECT_THAT(none.leaked, IsEmpty());
  EXPECT_THAT(labels_of(blocked.blocked), ElementsAre("sender"));
  EXPECT_THAT(blocked.leaked, IsEmpty());
}

TEST(AnalyzerTest, IsExactAfterLosses) {
  const Session session(silent().buffer_size(1));
  const AbandonedSender abandoned;
  const Channel<int> busy("busy", 1);
  for (int i = 0; i < 20'000; ++i) {
    busy.send(i);
    busy.recv();
  }

  const AnalyzerReport report = Analyzer(kAtOnce).report();

  EXPECT_GT(session.lost(), 0u);
  EXPECT_THAT(labels_of(report.leaked), ElementsAre("sender"));
}

TEST(AnalyzerTest, DeadlockIsLeakedHoweverShortItHasBeen) {
  const Session session(silent());
  const CrossedLocks deadlock;

  const AnalyzerReport report =
      Analyzer({.blocked_after = {}, .leaked_after = std::chrono::hours(1)}).report();

  EXPECT_THAT(labels_of(report.leaked), UnorderedElementsAre("one", "two"));
  ASSERT_EQ(report.findings.size(), 1u);
  EXPECT_EQ(report.findings[0].kind, FindingKind::kDeadlock);
}

TEST(AnalyzerTest, WhoWaitsForALockWhoseHolderGoesOnIsNotLeaked) {
  const Session session(silent());
  Mutex mutex("held");
  mutex.lock();
  const Task waiter = go("waiter", [&] { const std::scoped_lock lock(mutex); });
  until_parked("waiter");

  const AnalyzerReport report = Analyzer(kAtOnce).report();
  mutex.unlock();
  waiter.join();

  ASSERT_THAT(labels_of(report.blocked), ElementsAre("waiter"));
  EXPECT_EQ(report.blocked[0].outlook, Outlook::kGoesOn);
  EXPECT_THAT(report.leaked, IsEmpty());
  EXPECT_THAT(report.findings, IsEmpty());
}

TEST(AnalyzerTest, TellsWhoIsBlockedAnew) {
  std::promise<AnalyzerReport> told;
  bool is_told = false;
  AnalyzerOptions options{.blocked_after = {}, .leaked_after = {}};
  options.on_change = [&](const AnalyzerReport& report) {
    if (report.leaked.empty() || is_told) throw std::runtime_error("is dropped");
    is_told = true;
    told.set_value(report);
  };
  const auto analyzer = std::make_shared<Analyzer>(options);
  const Session session(Options{}.sink(analyzer));
  const AbandonedSender abandoned;

  EXPECT_THAT(labels_of(told.get_future().get().leaked), ElementsAre("sender"));
}

TEST(AnalyzerTest, HasNothingToSayWhereNothingIsRecorded) {
  EXPECT_THAT(Analyzer(kAtOnce).report().blocked, IsEmpty());
}

}  // namespace
}  // namespace chantrace
