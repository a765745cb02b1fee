// Findings from end states: each fault beside its nearest correct twin.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "chantrace/finding.h"
#include "support/state_builder.h"

namespace chantrace {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::vector<FindingKind> kinds(const std::vector<Finding>& findings) {
  std::vector<FindingKind> result;
  for (const Finding& finding : findings) result.push_back(finding.kind);
  return result;
}

std::vector<std::string> labels(const std::vector<Participant>& participants) {
  std::vector<std::string> result;
  for (const Participant& participant : participants) result.push_back(participant.label);
  return result;
}

TEST(DeadlockTest, TwoTasksThatHoldWhatTheOtherWantsAreACircle) {
  StateBuilder builder;
  const ObjectId mu = builder.mutex("mu");
  const ObjectId nu = builder.mutex("nu");
  const TaskId left = builder.parked("left", lock_of(nu));
  const TaskId right = builder.parked("right", lock_of(mu));
  builder.hold(mu, left);
  builder.hold(nu, right);
  builder.park(StateBuilder::kMain, {join_of(left)});

  const std::vector<Finding> findings = analyze(builder.state());

  ASSERT_THAT(kinds(findings), ElementsAre(FindingKind::kDeadlock));
  EXPECT_EQ(findings[0].certainty, Certainty::kCertain);
  EXPECT_THAT(labels(findings[0].participants), ElementsAre("left", "right"));
  EXPECT_THAT(labels(findings[0].behind), ElementsAre("main"));
  EXPECT_THAT(findings[0].reason,
              ElementsAre("left waits for nu, held by right since test.cpp:53",
                          "right waits for mu, held by left since test.cpp:52"));
}

TEST(DeadlockTest, IsSeenWhileOtherTasksRun) {
  StateBuilder builder;
  const ObjectId mu = builder.mutex("mu");
  const ObjectId nu = builder.mutex("nu");
  builder.hold(mu, builder.parked("left", lock_of(nu)));
  builder.hold(nu, builder.parked("right", lock_of(mu)));

  const std::vector<Finding> findings = analyze(builder.state());

  ASSERT_THAT(kinds(findings), ElementsAre(FindingKind::kDeadlock));
  EXPECT_EQ(findings[0].certainty, Certainty::kCertain);
}

TEST(DeadlockTest, IsNoneWhenTheHolderCanGoOn) {
  StateBuilder builder;
  const ObjectId mu = builder.mutex("mu");
  const TaskId holder = builder.running("holder");
  builder.hold(mu, holder);
  builder.park(StateBuilder::kMain, {lock_of(mu)});

  EXPECT_THAT(analyze(builder.state()), IsEmpty());
}

TEST(DeadlockTest, OfOneTaskThatLocksTwice) {
  StateBuilder builder;
  const ObjectId mu = builder.mutex("mu");
  builder.hold(mu, StateBuilder::kMain);
  builder.park(StateBuilder::kMain, {lock_of(mu)});

  const std::vector<Finding> findings = analyze(builder.state());

  ASSERT_THAT(kinds(findings), ElementsAre(FindingKind::kDeadlock));
  EXPECT_EQ(findings[0].summary, "deadlock: main waits for mu held by itself");
}

TEST(DeadlockTest, OfReaderThatLocksAgainBehindAWriter) {
  StateBuilder builder;
  const ObjectId mu = builder.object(ObjectKind::kSharedMutex, "mu");
  builder.park(StateBuilder::kMain, {on_object(Operation::kLockShared, mu)});
  builder.hold(mu, StateBuilder::kMain, true);
  builder.parked("writer", lock_of(mu));

  const std::vector<Finding> findings = analyze(builder.state());

  ASSERT_THAT(kinds(findings), ElementsAre(FindingKind::kDeadlock));
  EXPECT_THAT(labels(findings[0].participants), ElementsAre("main", "writer"));
}

TEST(DeadlockTest, IsNoneForReadersOfOneLock) {
  StateBuilder builder;
  const ObjectId mu = builder.object(ObjectKind::kSharedMutex, "mu");
  const TaskId reader = builder.running("reader");
  builder.hold(mu, reader, true);
  builder.park(StateBuilder::kMain, {on_object(Operation::kLockShared, mu)});

  EXPECT_THAT(analyze(builder.state()), IsEmpty());
}

TEST(DeadlockTest, OfThousandsOfTasksStaysReadable) {
  StateBuilder builder;
  constexpr std::uint32_t kTasks = 3000;
  std::vector<ObjectId> forks;
  for (std::uint32_t i = 0; i < kTasks; ++i) forks.push_back(builder.mutex("fork"));
  for (std::uint32_t i = 0; i < kTasks; ++i)
    builder.hold(forks[i], builder.parked("philosopher", lock_of(forks[(i + 1) % kTasks])));
  builder.park(StateBuilder::kMain, {join_of(TaskId{2})});

  const std::vector<Finding> findings = analyze(builder.state());

  ASSERT_THAT(kinds(findings), ElementsAre(FindingKind::kDeadlock));
  EXPECT_THAT(findings[0].participants, SizeIs(kTasks));
  const std::string text = to_text(findings[0]);
  EXPECT_LE(std::count(text.begin(), text.end(), '\n'), 25);
}

TEST(BlockedTest, TheTaskThatCannotSendIsTheCauseAndNotTheOneThatJoinsIt) {
  StateBuilder builder;
  const ObjectId results = builder.channel("results");
  const TaskId worker = builder.parked("worker", send_on(results));
  builder.at(results).givers = {worker};
  builder.park(StateBuilder::kMain, {join_of(worker)});

  const std::vector<Finding> findings = analyze(builder.state());

  ASSERT_THAT(kinds(findings), ElementsAre(FindingKind::kBlocked));
  EXPECT_EQ(findings[0].task, worker);
  EXPECT_EQ(findings[0].certainty, Certainty::kCertain);
  EXPECT_THAT(labels(findings[0].behind), ElementsAre("main"));
  EXPECT_THAT(findings[0].reason, ElementsAre("no task has ever received from \"results\""));
}

TEST(BlockedTest, TheLastOfManyUsersIsNamedFirst) {
  StateBuilder builder;
  const ObjectId results = builder.channel("results");
  const TaskId first = builder.ended("first");
  const TaskId second = builder.ended("second");
  builder.at(results).takers = {first, second};
  builder.at(results).last_taker = second;
  builder.park(StateBuilder::kMain, {send_on(results)});

  const std::vector<Finding> findings = analyze(builder.state());

  ASSERT_THAT(kinds(findings), ElementsAre(FindingKind::kBlocked));
  EXPECT_THAT(
      findings[0].reason,
      ElementsAre("nothing that still runs can receive from \"results\":",
                  "  second (task 3), the last that received from it, ended at test.cpp:903",
                  "  first (task 2) ended at test.cpp:902"));
}

TEST(BlockedTest, IsNoneWhileAReceiverRuns) {
  StateBuilder builder;
  const ObjectId results = builder.channel("results");
  builder.at(results).takers = {builder.running("collector")};
  builder.park(StateBuilder::kMain, {send_on(results)});

  EXPECT_THAT(analyze(builder.state()), IsEmpty());
}

TEST(BlockedTest, IsNoneWhileTheReceiverOnlySleeps) {
  StateBuilder builder;
  const ObjectId results = builder.channel("results");
  builder.at(results).takers = {
      builder.parked("collector", {.operation = Operation::kSleep, .has_deadline = true})};
  builder.park(StateBuilder::kMain, {send_on(results)});

  EXPECT_THAT(analyze(builder.state()), IsEmpty());
}

TEST(BlockedTest, IsNoneWithADeadline) {
  StateBuilder builder;
  Wait wait = receive_from(builder.channel("jobs"));
  wait.has_deadline = true;
  builder.park(StateBuilder::kMain, {wait});

  EXPECT_THAT(analyze(builder.state()), IsEmpty());
}

TEST(BlockedTest, IsNoneWhileATimerWillFire) {
  StateBuilder builder;
  const ObjectId timer = builder.channel("timer", 1);
  builder.at(timer).timer_is_pending = true;
  builder.park(StateBuilder::kMain, {receive_from(timer)});

  EXPECT_THAT(analyze(builder.state()), IsEmpty());
}

TEST(BlockedTest, NamesTheNilChannel) {
  StateBuilder builder;
  builder.park(StateBuilder::kMain, {{.operation = Operation::kReceive, .is_nil_channel = true}});

  const std::vector<Finding> findings = analyze(builder.state());

  ASSERT_THAT(kinds(findings), ElementsAre(FindingKind::kBlocked));
  EXPECT_EQ(findings[0].summary, "main is blocked for ever in recv from a nil channel");
  EXPECT_THAT(findings[0].reason, ElementsAre(HasSubstr("the channel is nil")));
}

TEST(BlockedTest, ASelectGivesAReasonForEachCase) {
  StateBuilder builder;
  const ObjectId jobs = builder.channel("jobs");
  const ObjectId stop = builder.channel("stop");
  builder.at(jobs).givers = {builder.ended("feeder")};
  builder.park(StateBuilder::kMain, {receive_from(jobs), receive_from(stop)});
  builder.task(StateBuilder::kMain).is_select = true;

  const std::vector<Finding> findings = analyze(builder.state());

  ASSERT_THAT(kinds(findings), ElementsAre(FindingKind::kBlocked));
  EXPECT_THAT(findings[0].reason,
              ElementsAre("nothing that still runs can send on \"jobs\" or close it:",
                          "  feeder (task 2), its only sender, ended at test.cpp:902",
                          "no task has ever sent on \"stop\" or closed it"));
}

TEST(BlockedTest, ASelectWithOneLiveCaseIsNone) {
  StateBuilder builder;
  const ObjectId jobs = builder.channel("jobs");
  const ObjectId stop = builder.channel("stop");
  builder.at(stop).givers = {builder.running("stopper")};
  builder.park(StateBuilder::kMain, {receive_from(jobs), receive_from(stop)});
  builder.task(StateBuilder::kMain).is_select = true;

  EXPECT_THAT(analyze(builder.state()), IsEmpty());
}

TEST(BlockedTest, ASelectWithoutCasesWaitsForEver) {
  StateBuilder builder;
  builder.park(StateBuilder::kMain, {});
  builder.task(StateBuilder::kMain).is_select = true;

  const std::vector<Finding> findings = analyze(builder.state());

  ASSERT_THAT(kinds(findings), ElementsAre(FindingKind::kBlocked));
  EXPECT_EQ(findings[0].summary, "main is blocked for ever in a select without cases");
}

TEST(BlockedTest, AWaitGroupSaysItsCount) {
  StateBuilder builder;
  const ObjectId group = builder.object(ObjectKind::kWaitGroup, "wg");
  builder.at(group).count = 1;
  builder.at(group).givers = {StateBuilder::kMain, builder.ended("worker")};
  builder.park(StateBuilder::kMain, {on_object(Operation::kWaitGroupWait, group)});

  const std::vector<Finding> findings = analyze(builder.state());

  ASSERT_THAT(kinds(findings), ElementsAre(FindingKind::kBlocked));
  EXPECT_THAT(findings[0].reason,
              ElementsAre("the count of wg is 1", HasSubstr("call done() on wg"),
                          HasSubstr("worker (task 2), the only one to count on it, ended at")));
}

TEST(BlockedTest, AWaitGroupWhoseWorkerRunsIsNone) {
  StateBuilder builder;
  const ObjectId group = builder.object(ObjectKind::kWaitGroup, "wg");
  builder.at(group).count = 1;
  builder.running("worker");
  builder.park(StateBuilder::kMain, {on_object(Operation::kWaitGroupWait, group)});

  EXPECT_THAT(analyze(builder.state()), IsEmpty());
}

TEST(BlockedTest, ForeignThreadsMakeItPossibleOnly) {
  StateBuilder builder;
  builder.park(StateBuilder::kMain, {receive_from(builder.channel("jobs"))});
  builder.state().foreign_threads = 2;

  const std::vector<Finding> findings = analyze(builder.state());

  ASSERT_THAT(kinds(findings), ElementsAre(FindingKind::kBlocked));
  EXPECT_EQ(findings[0].certainty, Certainty::kPossible);
  EXPECT_EQ(findings[0].reason.back(), "2 threads that the library has never seen could still act");
}

TEST(BlockedTest, ALockHeldByAnEndedTaskSaysSo) {
  StateBuilder builder;
  const ObjectId mu = builder.mutex("mu");
  builder.hold(mu, builder.ended("worker"));
  builder.park(StateBuilder::kMain, {lock_of(mu)});

  const std::vector<Finding> findings = analyze(builder.state());

  ASSERT_THAT(kinds(findings), ElementsAre(FindingKind::kBlocked));
  EXPECT_THAT(findings[0].reason,
              ElementsAre("mu is held by worker (task 2) since test.cpp:52, which ended at "
                          "test.cpp:902"));
}

TEST(LostSignalTest, AWaiterWhoseSignalCameBeforeSaysWhoSentIt) {
  StateBuilder builder;
  const ObjectId ready = builder.object(ObjectKind::kConditionVariable, "ready");
  const TaskId notifier = builder.ended("notifier");
  builder.at(ready).givers = {notifier};
  builder.at(ready).lost_signals = 1;
  builder.at(ready).last_lost_by = notifier;
  builder.at(ready).last_lost_at = line(5);
  builder.park(StateBuilder::kMain, {on_object(Operation::kConditionWait, ready)});

  const std::vector<Finding> findings = analyze(builder.state());

  ASSERT_THAT(kinds(findings), ElementsAre(FindingKind::kLostSignal));
  EXPECT_EQ(
      findings[0].reason.back(),
      "a signal came before it waited: notify by notifier at test.cpp:5 found nobody waiting");
}

TEST(LostSignalTest, IsNoneWithoutALostSignal) {
  StateBuilder builder;
  const ObjectId ready = builder.object(ObjectKind::kConditionVariable, "ready");
  builder.park(StateBuilder::kMain, {on_object(Operation::kConditionWait, ready)});

  EXPECT_THAT(kinds(analyze(builder.state())), ElementsAre(FindingKind::kBlocked));
}

TEST(LeakTest, ATaskThatIsStuckWhenTheBodyHasEndedIsCertain) {
  StateBuilder builder;
  const ObjectId results = builder.channel("results");
  const TaskId collector = builder.ended("collector");
  builder.at(results).takers = {collector};
  builder.parked("worker-2", send_on(results), 97);
  builder.end_body();

  const std::vector<Finding> findings = analyze(builder.state());

  ASSERT_THAT(kinds(findings), ElementsAre(FindingKind::kLeaked));
  EXPECT_EQ(findings[0].certainty, Certainty::kCertain);
  EXPECT_EQ(findings[0].summary, "worker-2 leaked, blocked for ever in send on \"results\"");
  EXPECT_EQ(findings[0].sites[0].role, "blocked");
  EXPECT_EQ(findings[0].sites[0].site, line(97));
}

TEST(LeakTest, ATaskThatHasEndedIsNone) {
  StateBuilder builder;
  builder.ended("worker");
  builder.end_body();

  EXPECT_THAT(analyze(builder.state()), IsEmpty());
}

TEST(LeakTest, ATaskThatStillRunsIsPossible) {
  StateBuilder builder;
  builder.running("worker");
  builder.end_body();

  const std::vector<Finding> findings = analyze(builder.state());

  ASSERT_THAT(kinds(findings), ElementsAre(FindingKind::kLeaked));
  EXPECT_EQ(findings[0].certainty, Certainty::kPossible);
  EXPECT_EQ(findings[0].summary, "worker leaked, still running");
}

TEST(LeakTest, IsPossibleWhileATaskThatRunsMightHelp) {
  StateBuilder builder;
  builder.parked("worker", send_on(builder.channel("results")));
  builder.running("busy");
  builder.end_body();

  const std::vector<Finding> findings = analyze(builder.state());

  ASSERT_THAT(findings, SizeIs(2));
  EXPECT_EQ(findings[0].certainty, Certainty::kPossible);
  EXPECT_THAT(findings[0].reason.back(), HasSubstr("busy (task 3) can still go on"));
}

TEST(LeakTest, AHostThreadThatRunsIsNone) {
  StateBuilder builder;
  builder.task(builder.running("pool")).is_host = true;
  builder.end_body();

  EXPECT_THAT(analyze(builder.state()), IsEmpty());
}

TEST(LeakTest, TasksAlikeShareOneFinding) {
  StateBuilder builder;
  const ObjectId results = builder.channel("results");
  for (int i = 0; i < 2000; ++i) {
    const TaskId id = builder.parked("worker-" + std::to_string(i), send_on(results), 97);
    builder.task(id).started_at = line(88);
  }
  builder.end_body();

  const std::vector<Finding> findings = analyze(builder.state());

  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings[0].summary,
            "2000 tasks leaked, blocked for ever in send on \"results\": worker-0, worker-1, "
            "worker-2 and 1997 more");
  const std::string text = to_text(findings[0]);
  EXPECT_LE(std::count(text.begin(), text.end(), '\n'), 25);
  EXPECT_EQ(summarize(findings), "2000 tasks leaked, blocked for ever (certain)");
}

TEST(LeakTest, TasksThatWaitForDifferentThingsDoNot) {
  StateBuilder builder;
  builder.parked("worker-1", send_on(builder.channel("results")), 97);
  builder.parked("worker-2", receive_from(builder.channel("jobs")), 97);
  builder.end_body();

  EXPECT_THAT(analyze(builder.state()), SizeIs(2));
}

TEST(LeakTest, APartialRecordMakesItPossible) {
  StateBuilder builder;
  builder.parked("worker", send_on(builder.channel("results")));
  builder.end_body();
  builder.state().is_partial = true;

  const std::vector<Finding> findings = analyze(builder.state());

  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings[0].certainty, Certainty::kPossible);
  EXPECT_THAT(findings[0].reason.back(), HasSubstr("not known"));
}

TEST(MutexHeldTest, AHolderThatHasEndedIsNamed) {
  StateBuilder builder;
  const ObjectId mu = builder.mutex("mu");
  builder.hold(mu, builder.ended("worker"));
  builder.end_body();

  const std::vector<Finding> findings = analyze(builder.state());

  ASSERT_THAT(kinds(findings), ElementsAre(FindingKind::kMutexHeld));
  EXPECT_EQ(findings[0].certainty, Certainty::kCertain);
  EXPECT_EQ(findings[0].summary, "mu is still held by worker, which ended at test.cpp:902");
}

TEST(MutexHeldTest, TheBodyThatHoldsOneWhileItRunsIsNone) {
  StateBuilder builder;
  builder.hold(builder.mutex("mu"), StateBuilder::kMain);

  EXPECT_THAT(analyze(builder.state()), IsEmpty());
}

TEST(MutexHeldTest, IsNotSaidAgainWhereATaskIsStuckForIt) {
  StateBuilder builder;
  const ObjectId mu = builder.mutex("mu");
  builder.hold(mu, StateBuilder::kMain);
  builder.parked("worker", lock_of(mu));
  builder.end_body();

  const std::vector<Finding> findings = analyze(builder.state());

  ASSERT_THAT(kinds(findings), ElementsAre(FindingKind::kLeaked));
  EXPECT_THAT(findings[0].reason,
              ElementsAre("mu is held by main (task 1) since test.cpp:51, which has left the test "
                          "body"));
}

TEST(ExceptionTest, ATaskThatThrewIsNamedWithWhatItThrew) {
  StateBuilder builder;
  const TaskId task = builder.ended("worker", TaskStatus::kEndedByException);
  builder.task(task).exception = "std::runtime_error: bang";
  builder.end_body();

  const std::vector<Finding> findings = analyze(builder.state());

  ASSERT_THAT(kinds(findings), ElementsAre(FindingKind::kException));
  EXPECT_EQ(findings[0].summary, "worker ended by an exception: std::runtime_error: bang");
}

TEST(MisuseTest, ASendOnAClosedChannelThatEscapedIsCertainAndNoExceptionBeside) {
  StateBuilder builder;
  const ObjectId results = builder.channel("results");
  const TaskId task = builder.ended("worker", TaskStatus::kEndedByException);
  builder.state().misuses = {{Misuse::Kind::kSendOnClosed, task, results, line(7), true}};
  builder.end_body();

  const std::vector<Finding> findings = analyze(builder.state());

  ASSERT_THAT(kinds(findings), ElementsAre(FindingKind::kSendOnClosed));
  EXPECT_EQ(findings[0].certainty, Certainty::kCertain);
  EXPECT_EQ(findings[0].summary, "worker sent on \"results\" after it was closed");
}

TEST(MisuseTest, OneThatWasCaughtIsANote) {
  StateBuilder builder;
  const ObjectId results = builder.channel("results");
  builder.state().misuses = {
      {Misuse::Kind::kCloseOfClosed, StateBuilder::kMain, results, line(7), false}};
  builder.end_body();

  const std::vector<Finding> findings = analyze(builder.state());

  ASSERT_THAT(kinds(findings), ElementsAre(FindingKind::kDoubleClose));
  EXPECT_EQ(findings[0].certainty, Certainty::kNote);
}

TEST(ValueLeftTest, IsANoteOnceTheBodyHasEnded) {
  StateBuilder builder;
  const ObjectId jobs = builder.channel("jobs", 10);
  builder.at(jobs).size = 2;
  builder.at(jobs).givers = {StateBuilder::kMain};

  EXPECT_THAT(analyze(builder.state()), IsEmpty());
  builder.end_body();
  const std::vector<Finding> findings = analyze(builder.state());

  ASSERT_THAT(kinds(findings), ElementsAre(FindingKind::kValueLeft));
  EXPECT_EQ(findings[0].summary,
            "2 values sent on \"jobs\" (int, capacity 10) were never received");
}

TEST(AnalyzeTest, PutsCertainFindingsFirst) {
  StateBuilder builder;
  const ObjectId jobs = builder.channel("jobs", 10);
  builder.at(jobs).size = 2;
  builder.parked("worker", send_on(builder.channel("results")));
  builder.end_body();

  EXPECT_THAT(kinds(analyze(builder.state())),
              ElementsAre(FindingKind::kLeaked, FindingKind::kValueLeft));
}

TEST(AnalyzeTest, FindsNothingInAnEmptyState) { EXPECT_THAT(analyze(EndState{}), IsEmpty()); }

}  // namespace
}  // namespace chantrace
