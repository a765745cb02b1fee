// From hand-written traces to end states and findings.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "chantrace/trace.h"
#include "support/trace_builder.h"

namespace chantrace {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

EndState end_state_of(const TraceBuilder& builder) {
  const Trace trace = builder.build();
  return end_state(trace, order_events(trace));
}

std::vector<FindingKind> kinds(const std::vector<Finding>& findings) {
  std::vector<FindingKind> result;
  for (const Finding& finding : findings) result.push_back(finding.kind);
  return result;
}

const TaskState& task_of(const EndState& state, TaskId id) {
  return *std::find_if(state.tasks.begin(), state.tasks.end(),
                       [&](const TaskState& task) { return task.id == id; });
}

class TraceAnalysisTest : public testing::Test {
 protected:
  TraceBuilder builder;
  TaskId main = builder.body();
};

TEST_F(TraceAnalysisTest, ARendezvousLeavesNothing) {
  const ObjectId jobs = builder.channel("jobs", 0);
  const TaskId worker = builder.go(main, "worker", 1);
  builder.start(worker, Operation::kReceive, jobs, 10);
  builder.both(main, Operation::kSend, jobs, 11, {.value = 7});
  builder.done(worker, Operation::kReceive, jobs, 10, {.value = 7});
  builder.end(worker);
  builder.join(main, worker, 12);
  builder.end(main);

  EXPECT_THAT(analyze(builder.build()), IsEmpty());
}

TEST_F(TraceAnalysisTest, AnUnfinishedSendIsALeak) {
  const ObjectId results = builder.channel("results", 0);
  const TaskId worker = builder.go(main, "worker", 1);
  builder.start(worker, Operation::kSend, results, 10, {.value = 7});
  builder.end(main);

  const std::vector<Finding> findings = analyze(builder.build());

  ASSERT_THAT(kinds(findings), ElementsAre(FindingKind::kLeaked));
  EXPECT_EQ(findings[0].certainty, Certainty::kCertain);
  EXPECT_EQ(findings[0].participants[0].text,
            "parked in send on \"results\" (int, unbuffered), its operation 1");
}

TEST_F(TraceAnalysisTest, ATaskThatWasCancelledCountsAsParkedWhereItWas) {
  const ObjectId results = builder.channel("results", 0);
  const ObjectId mu = builder.mutex("mu");
  const TaskId worker = builder.go(main, "worker", 1);
  builder.lock(worker, mu, 9);
  builder.start(worker, Operation::kSend, results, 10, {.value = 7});
  builder.end(main);
  builder.done(worker, Operation::kSend, results, 10, {.outcome = Outcome::kCancelled});
  builder.unlock(worker, mu, 11);
  builder.end(worker, Outcome::kCancelled);

  const EndState state = end_state_of(builder);

  EXPECT_EQ(task_of(state, worker).status, TaskStatus::kParked);
  EXPECT_THAT(state.objects[1].holders, SizeIs(1));
  EXPECT_THAT(kinds(analyze(builder.build())), ElementsAre(FindingKind::kLeaked));
}

TEST_F(TraceAnalysisTest, ADeadlockStandsThoughUnwindingOneTaskLetsTheOtherGoOn) {
  const ObjectId mu = builder.mutex("mu");
  const ObjectId nu = builder.mutex("nu");
  const TaskId left = builder.go(main, "left", 1);
  const TaskId right = builder.go(main, "right", 2);
  builder.lock(left, mu, 10);
  builder.lock(right, nu, 20);
  builder.start(left, Operation::kLock, nu, 11);
  builder.start(right, Operation::kLock, mu, 21);
  builder.done(right, Operation::kLock, mu, 21, {.outcome = Outcome::kCancelled});
  builder.unlock(right, nu, 22);
  builder.done(left, Operation::kLock, nu, 11);
  builder.unlock(left, nu, 12);
  builder.unlock(left, mu, 13);
  builder.end(left);
  builder.end(right, Outcome::kCancelled);
  builder.end(main);

  const std::vector<Finding> findings = analyze(builder.build());

  ASSERT_THAT(kinds(findings), ElementsAre(FindingKind::kDeadlock));
  EXPECT_THAT(findings[0].participants, SizeIs(2));
}

TEST_F(TraceAnalysisTest, ASelectThatSentIsASender) {
  const ObjectId jobs = builder.channel("jobs", 3);
  builder.both(main, Operation::kSend, jobs, 10, {.value = 1, .detail = 1});
  builder.both(main, Operation::kSelect, jobs, 11, {.value = 2, .detail = kSendCase});
  builder.both(main, Operation::kSend, jobs, 12, {.value = 3, .detail = 3});
  builder.end(main);

  const EndState state = end_state_of(builder);

  EXPECT_EQ(state.objects[0].size, 3u);
  EXPECT_THAT(state.objects[0].takers, IsEmpty());
}

TEST_F(TraceAnalysisTest, ABodyThatWasCancelledHasNotEnded) {
  const ObjectId results = builder.channel("results", 0);
  builder.start(main, Operation::kReceive, results, 10);
  builder.done(main, Operation::kReceive, results, 10, {.outcome = Outcome::kCancelled});
  builder.end(main, Outcome::kCancelled);

  EXPECT_FALSE(end_state_of(builder).body_ended);
  EXPECT_THAT(kinds(analyze(builder.build())), ElementsAre(FindingKind::kBlocked));
}

TEST_F(TraceAnalysisTest, ASelectWaitsForAllItsCases) {
  const ObjectId a = builder.channel("a", 0);
  const ObjectId b = builder.channel("b", 0);
  const TaskId worker = builder.go(main, "worker", 1);
  builder.start_select(worker, {{a, true}, {b, false}}, 10);
  builder.end(main);

  const TaskState task = task_of(end_state_of(builder), worker);

  EXPECT_TRUE(task.is_select);
  ASSERT_THAT(task.waits, SizeIs(2));
  EXPECT_EQ(task.waits[0].operation, Operation::kSend);
  EXPECT_EQ(task.waits[1].operation, Operation::kReceive);
  EXPECT_EQ(task.waits[1].object, b);
}

TEST_F(TraceAnalysisTest, AConditionWaitGoesOnBehindTheUnlockOfItsMutex) {
  const ObjectId mu = builder.mutex("mu");
  const ObjectId ready = builder.object(ObjectKind::kConditionVariable, "ready");
  builder.both(main, Operation::kConditionNotifyOne, ready, 9);
  builder.lock(main, mu, 10);
  builder.start(main, Operation::kConditionWait, ready, 11);
  builder.unlock(main, mu, 11);
  builder.trace().end->body_ended = false;

  const EndState state = end_state_of(builder);

  EXPECT_EQ(state.tasks[0].status, TaskStatus::kParked);
  EXPECT_EQ(state.tasks[0].waits[0].operation, Operation::kConditionWait);
  EXPECT_THAT(state.objects[0].holders, IsEmpty());
  EXPECT_EQ(state.objects[1].lost_signals, 1u);
  EXPECT_THAT(kinds(analyze(builder.build())), ElementsAre(FindingKind::kLostSignal));
}

TEST_F(TraceAnalysisTest, AMisuseEscapesWithTheTaskThatItEnds) {
  const ObjectId jobs = builder.channel("jobs", 1);
  const TaskId worker = builder.go(main, "worker", 1);
  builder.both(main, Operation::kClose, jobs, 5);
  builder.both(worker, Operation::kSend, jobs, 10, {.outcome = Outcome::kMisuse});
  builder.end(worker, Outcome::kException);
  builder.end(main);

  const std::vector<Finding> findings = analyze(builder.build());

  ASSERT_THAT(kinds(findings), ElementsAre(FindingKind::kSendOnClosed));
  EXPECT_EQ(findings[0].certainty, Certainty::kCertain);
}

TEST_F(TraceAnalysisTest, AMisuseWithAnOperationAfterItWasCaught) {
  const ObjectId jobs = builder.channel("jobs", 1);
  builder.both(main, Operation::kClose, jobs, 5);
  builder.both(main, Operation::kClose, jobs, 6, {.outcome = Outcome::kMisuse});
  builder.both(main, Operation::kReceive, jobs, 7, {.outcome = Outcome::kClosed});
  builder.end(main);

  const std::vector<Finding> findings = analyze(builder.build());

  ASSERT_THAT(kinds(findings), ElementsAre(FindingKind::kDoubleClose));
  EXPECT_EQ(findings[0].certainty, Certainty::kNote);
}

TEST_F(TraceAnalysisTest, AForeignUnlockIsANoteAndFreesTheLock) {
  const ObjectId mu = builder.mutex("mu");
  const TaskId worker = builder.go(main, "worker", 1);
  builder.lock(main, mu, 5);
  builder.both(worker, Operation::kUnlock, mu, 6, {.outcome = Outcome::kForeign});
  builder.end(worker);
  builder.join(main, worker, 7);
  builder.end(main);

  const std::vector<Finding> findings = analyze(builder.build());

  ASSERT_THAT(kinds(findings), ElementsAre(FindingKind::kForeignUnlock));
  EXPECT_EQ(findings[0].certainty, Certainty::kNote);
}

TEST_F(TraceAnalysisTest, ATimedFormThatWaitsIsNotStuck) {
  const ObjectId jobs = builder.channel("jobs", 0);
  builder.start(main, Operation::kReceive, jobs, 5, {.outcome = Outcome::kTimedOut});
  builder.trace().end->body_ended = false;

  EXPECT_THAT(analyze(builder.build()), IsEmpty());
}

TEST_F(TraceAnalysisTest, TheTaskThatFiresTimersIsNoLeak) {
  const ObjectId timer = builder.object(ObjectKind::kTimer, "");
  const TaskId timers = builder.go(main, "timers", 1);
  builder.both(main, Operation::kTimerStart, timer, 5);
  builder.both(timers, Operation::kTimerFire, timer, 5);
  builder.end(main);

  EXPECT_THAT(analyze(builder.build()), IsEmpty());
}

TEST_F(TraceAnalysisTest, AnIncompleteTraceSaysSoAndIsCertainOfNothing) {
  const ObjectId jobs = builder.channel("jobs", 0);
  builder.start(main, Operation::kReceive, jobs, 5);
  builder.cut_off();

  const std::vector<Finding> findings = analyze(builder.build());

  ASSERT_THAT(kinds(findings), ElementsAre(FindingKind::kBlocked, FindingKind::kUncertain));
  EXPECT_EQ(findings[0].certainty, Certainty::kPossible);
  EXPECT_EQ(findings[1].certainty, Certainty::kNote);
}

TEST_F(TraceAnalysisTest, LostEventsAreNamedWithWhatTheyTouch) {
  const ObjectId mu = builder.mutex("mu");
  const ObjectId jobs = builder.channel("jobs", 0);
  const TaskId worker = builder.go(main, "worker", 1);
  builder.lock(worker, mu, 10);
  builder.lose(worker, 1);
  builder.skip_sequence(Operation::kUnlock, mu, 1);
  builder.both(worker, Operation::kYield, ObjectId{0}, 11);
  builder.start(worker, Operation::kReceive, jobs, 12);
  builder.start(main, Operation::kLock, mu, 13);
  builder.trace().end->body_ended = false;

  const std::vector<Finding> findings = analyze(builder.build());

  const auto uncertain = std::find_if(findings.begin(), findings.end(), [](const Finding& finding) {
    return finding.kind == FindingKind::kUncertain;
  });
  ASSERT_NE(uncertain, findings.end());
  EXPECT_THAT(uncertain->summary, HasSubstr("1 event of 1 task was lost"));
  EXPECT_THAT(uncertain->reason, ElementsAre("worker: 1 event before its event 3",
                                             "touched: mu; what is said of all else is sure"));
  for (const Finding& finding : findings) {
    EXPECT_NE(finding.kind, FindingKind::kInconsistent) << to_text(finding);
    for (const Participant& participant : finding.participants)
      EXPECT_TRUE(participant.task != main || finding.certainty == Certainty::kPossible);
  }
}

TEST_F(TraceAnalysisTest, WhatOnlyTheRuntimeSawIsKept) {
  builder.end(main);
  Finding race;
  race.kind = FindingKind::kRace;
  race.summary = "two tasks wrote to total";
  builder.trace().end->findings = {race};

  EXPECT_THAT(analyze(builder.build()), ElementsAre(race));
}

TEST_F(TraceAnalysisTest, WhatBothSawIsSaidOnce) {
  const ObjectId results = builder.channel("results", 0);
  const TaskId worker = builder.go(main, "worker", 1);
  builder.start(worker, Operation::kSend, results, 10, {.value = 7});
  builder.end(main);
  builder.trace().end->findings = analyze(builder.build());

  EXPECT_THAT(analyze(builder.build()), SizeIs(1));
}

TEST_F(TraceAnalysisTest, TwoEventsWithOneSequenceContradict) {
  const ObjectId mu = builder.mutex("mu");
  builder.lock(main, mu, 5);
  builder.unlock(main, mu, 6);
  builder.last(main).sequence = 1;
  builder.end(main);

  const std::vector<Finding> findings = analyze(builder.build());

  ASSERT_FALSE(findings.empty());
  EXPECT_EQ(findings[0].kind, FindingKind::kInconsistent);
  EXPECT_THAT(findings[0].summary, HasSubstr("is given twice"));
}

TEST_F(TraceAnalysisTest, TwoHoldersOfOneLockContradict) {
  const ObjectId mu = builder.mutex("mu");
  const TaskId worker = builder.go(main, "worker", 1);
  builder.lock(main, mu, 5);
  builder.lock(worker, mu, 6);
  builder.end(main);

  const std::vector<Finding> findings = analyze(builder.build());

  const auto found = std::find_if(findings.begin(), findings.end(), [](const Finding& finding) {
    return finding.kind == FindingKind::kInconsistent;
  });
  ASSERT_NE(found, findings.end());
  EXPECT_EQ(
      found->summary,
      "the trace contradicts itself: lock by worker, its event 2 at test.cpp:6, takes the lock "
      "while main holds it");
}

TEST_F(TraceAnalysisTest, ACircleInTheOrderIsBrokenAndReported) {
  const ObjectId mu = builder.mutex("mu");
  const ObjectId nu = builder.mutex("nu");
  const TaskId worker = builder.go(main, "worker", 1);
  builder.lock(main, mu, 5);
  builder.lock(main, nu, 6);
  builder.lock(worker, nu, 7);
  builder.lock(worker, mu, 8);
  Trace trace = builder.build();
  trace.streams[0].events[1].sequence = 2;  // main: lock(mu) as its second,
  trace.streams[0].events[2].sequence = 1;  // lock(nu) as its first;
  trace.streams[1].events[1].sequence = 2;  // worker: lock(nu) as its second,
  trace.streams[1].events[2].sequence = 1;  // lock(mu) as its first.

  const TraceOrder order = order_events(trace);

  EXPECT_EQ(order.places.size(), trace.events_count());
  EXPECT_THAT(order.contradictions, ElementsAre(HasSubstr("comes both before and after")));
}

TEST_F(TraceAnalysisTest, HostileIdsAreHarmless) {
  builder.lock(main, builder.mutex("mu"), 5);
  Trace trace = builder.build();
  trace.streams[0].events[0].object = 0xffffffff;
  trace.streams[0].events[0].sequence = 0xffffffff;
  trace.streams[0].events.push_back(trace.streams[0].events[0]);
  trace.objects[0].id = ObjectId{0xfffffffe};

  EXPECT_EQ(order_events(trace).places.size(), 2u);
  EXPECT_THAT(analyze(trace), testing::Not(IsEmpty()));
}

}  // namespace
}  // namespace chantrace
