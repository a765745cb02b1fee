// What a user sees of tests that are explored, and of one that is run again under its schedule.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "chantrace/schedule.h"
#include "chantrace/trace.h"
#include "run_binary.h"

#ifndef CHANTRACE_EXPLORED_TESTS
#error "CHANTRACE_EXPLORED_TESTS, CHANTRACE_COMMAND: the paths of what is run; given by the build"
#endif

namespace chantrace {
namespace {

using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

const std::string kExplored = CHANTRACE_EXPLORED_TESTS;
const std::string kCommand = CHANTRACE_COMMAND;

class ExploreListenerTest : public testing::Test {
 protected:
  /// Runs the tests of `filter`. `variables`: of the environment, as a shell takes them.
  RunResult run(const std::string& filter, const std::string& flags,
                const std::string& variables = "") const {
    return run_in(folder_.path(),
                  variables + kExplored + " '--gtest_filter=" + filter + "' " + flags);
  }
  /// Removes what GoogleTest leaves where it knows of shards. Returns: whether it did.
  bool take_status_file() const { return std::filesystem::remove(folder_.path() / "status"); }
  /// The command, on the trace of a test.
  RunResult replay(const std::string& test, const std::string& arguments,
                   const std::string& variables = "") const {
    return run_in(folder_.path(),
                  variables + kCommand + " replay '" + trace_of(test) + "' " + arguments);
  }
  /// Another command, on the trace of a test.
  RunResult command(const std::string& name, const std::string& test,
                    const std::string& arguments = "") const {
    return run_in(folder_.path(), kCommand + " " + name + " '" + trace_of(test) + "' " + arguments);
  }
  std::filesystem::path in_folder(const std::string& name) const { return folder_.path() / name; }
  std::string trace_of(const std::string& test) const {
    return (folder_.path() / "traces" / (test + ".chantrace")).string();
  }

  /// What stands behind `word` and an equals sign, up to the line's end.
  static std::string value_of(const std::string& word, const std::string& text) {
    const std::size_t start = text.rfind(word + "=");
    if (start == std::string::npos) return {};
    const std::size_t value = start + word.size() + 1;
    return text.substr(value, text.find('\n', value) - value);
  }

 private:
  TemporaryFolder folder_;
};

TEST_F(ExploreListenerTest, FindsWhatShowsInFewSchedules) {
  const RunResult found = run("Counter.LosesAnUpdate", "--chantrace_explore=1000");

  EXPECT_EQ(found.status, 1);
  EXPECT_THAT(found.output, AllOf(HasSubstr("counter.load()"), HasSubstr("Which is: 1"),
                                  HasSubstr("chantrace: failed, schedule "),
                                  ContainsRegex("explored [0-9]+ schedules?, [0-9]+ distinct")));
}

TEST_F(ExploreListenerTest, SaysWhatAFailureFreeExplorationIsWorth) {
  const RunResult clean = run("Counter.LosesNone", "--chantrace_explore=1000");

  EXPECT_EQ(clean.status, 0) << clean.output;
  EXPECT_THAT(clean.output, AllOf(ContainsRegex("explored all [0-9]+ schedules, "),
                                  HasSubstr("/s; "), HasSubstr("nothing found")));
  EXPECT_THAT(run("Counter.LosesNone", "--chantrace_explore=1000 --chantrace_strategy=pos").output,
              HasSubstr("explored 1000 schedules, "));
}

TEST_F(ExploreListenerTest, NoneIsExploredWhereThatIsAskedFor) {
  EXPECT_THAT(run("Own.IsExploredByItself", "").output, HasSubstr("explored 123 schedules"));
  EXPECT_THAT(run("Own.IsExploredByItself", "--chantrace_explore=0").output,
              AllOf(Not(HasSubstr("explored")), HasSubstr("[       OK ]")));
}

TEST_F(ExploreListenerTest, WarnsOfOrdersOfLocksFromDifferentSchedules) {
  const RunResult warned = run("Locks.TakeTurnsInTwoOrders", "--chantrace_explore=100");

  EXPECT_EQ(warned.status, 0) << warned.output;
  EXPECT_THAT(warned.output, AllOf(HasSubstr("are locked in two orders, which can deadlock"),
                                   HasSubstr("no schedule that was tried has closed it")));
}

TEST_F(ExploreListenerTest, AnOrderOfLocksThatDidDeadlockIsNoWarning) {
  const RunResult found = run("Locks.DeadlockInSomeOrders", "--chantrace_explore=1000");

  EXPECT_EQ(found.status, 1) << found.output;
  EXPECT_THAT(found.output, AllOf(HasSubstr("deadlock: "), Not(HasSubstr("in two orders"))));
}

TEST_F(ExploreListenerTest, TellsTheSmallestScheduleAndWhyItFails) {
  const RunResult lost = run("Counter.LosesAnUpdate", "--chantrace_explore=1000");
  EXPECT_THAT(lost.output, AllOf(HasSubstr("---- preempted: main could have gone on ----"),
                                 ContainsRegex("why +fails only if +load\\(.*\\) by main"),
                                 ContainsRegex("before +store\\(.*\\) by other"),
                                 HasSubstr("the other way round 0 of 200 schedules failed")));

  const RunResult deadlock = run("Locks.DeadlockInSomeOrders", "--chantrace_explore=1000");
  EXPECT_THAT(deadlock.output, AllOf(ContainsRegex("end +lock\\(right\\) :45 waits"),
                                     ContainsRegex("only if +lock\\(left\\) by main")));

  const RunResult whole =
      run("Counter.LosesAnUpdate", "--chantrace_explore=1000 --chantrace_shrink=0");
  EXPECT_EQ(whole.status, 1) << whole.output;
  EXPECT_THAT(whole.output, AllOf(Not(HasSubstr("preempted")), Not(HasSubstr("fails only if"))));
}

TEST_F(ExploreListenerTest, ARaceFailsATestHoweverItIsRun) {
  for (const char* const flags :
       {"", "--chantrace_explore=100", "--chantrace_explore=100 --chantrace_keep=none"}) {
    const RunResult found = run("Variable.IsUsedWithoutOrder", flags);
    EXPECT_EQ(found.status, 1) << found.output;
    EXPECT_THAT(found.output, AllOf(HasSubstr("data race on value: "), HasSubstr("in no order")));
    EXPECT_THAT(found.output, Not(HasSubstr("when it was run again")));

    const RunResult clean = run("Variable.IsUsedInOrder", flags);
    EXPECT_EQ(clean.status, 0) << clean.output;
  }
}

TEST_F(ExploreListenerTest, TokenOfAFailureShowsItAgain) {
  for (const char* const test : {"Counter.LosesAnUpdate", "Locks.DeadlockInSomeOrders"}) {
    const RunResult found = run(test, "--chantrace_explore=1000");
    ASSERT_EQ(found.status, 1) << found.output;
    const std::string token = value_of("--chantrace_replay", found.output);
    ASSERT_TRUE(Schedule::parse(token).has_value()) << token;

    for (int i = 0; i < 3; ++i) {
      const RunResult again = run(test, "--chantrace_replay=" + token);

      EXPECT_EQ(again.status, 1);
      EXPECT_THAT(again.output, HasSubstr("under the schedule that was given"));
      EXPECT_EQ(value_of("--chantrace_replay", again.output), token);
      EXPECT_THAT(again.output, Not(HasSubstr("depends on more")));
    }
  }
}

TEST_F(ExploreListenerTest, TraceOfAFailureHoldsItsSchedule) {
  const RunResult found = run("Locks.DeadlockInSomeOrders", "--chantrace_explore=1000");
  ASSERT_EQ(found.status, 1) << found.output;
  const std::string path = trace_of("Locks.DeadlockInSomeOrders");
  const auto trace = read_trace(path);

  ASSERT_TRUE(trace.has_value()) << trace.error().to_string();
  EXPECT_TRUE(trace.value().header.is_controlled);
  ASSERT_TRUE(trace.value().end && trace.value().end->schedule);
  EXPECT_EQ(trace.value().end->schedule->to_string(), value_of("--chantrace_replay", found.output));
  EXPECT_EQ(trace.value().end->findings.at(0).kind, FindingKind::kDeadlock);
  EXPECT_EQ(run("Locks.DeadlockInSomeOrders", "--chantrace_replay=" + path).status, 1);
}

TEST_F(ExploreListenerTest, SameScheduleLeavesTheSameEvents) {
  std::vector<std::vector<EventRecord>> events;
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(run("Counter.LosesAnUpdate", "--chantrace_explore=1000").status, 1);
    const auto trace = read_trace(trace_of("Counter.LosesAnUpdate"));
    ASSERT_TRUE(trace.has_value());
    events.emplace_back();
    for (const TaskStream& stream : trace.value().streams)
      events.back().insert(events.back().end(), stream.events.begin(), stream.events.end());
  }

  EXPECT_FALSE(events[0].empty());
  EXPECT_EQ(events[0], events[1]);
}

TEST_F(ExploreListenerTest, FixtureIsMadeAnewForEachExecution) {
  const RunResult clean = run("Fixture.*", "--chantrace_explore=50 --chantrace_strategy=random");

  EXPECT_EQ(clean.status, 0) << clean.output;
  // 50, of which the first, second, fourth and so on run again, and the one that is recorded.
  EXPECT_THAT(clean.output, HasSubstr("made 57, set up 57, torn down 57, destroyed 57"));
}

TEST_F(ExploreListenerTest, SkippedTestIsSkipped) {
  const RunResult skipped = run("Skipped.*", "--chantrace_explore=50");

  EXPECT_EQ(skipped.status, 0) << skipped.output;
  EXPECT_THAT(skipped.output, AllOf(HasSubstr("SKIPPED"), HasSubstr("explored all 2 schedules,")));
}

TEST_F(ExploreListenerTest, ExceptionOfTheBodyIsGoogleTestsToReport) {
  const RunResult found = run("Odd.ThrowsInItsBody", "--chantrace_explore=100");

  EXPECT_EQ(found.status, 1);
  EXPECT_THAT(found.output, AllOf(HasSubstr("C++ exception with description \"the fourth way\""),
                                  HasSubstr("--chantrace_replay=c1:")));
}

TEST_F(ExploreListenerTest, FailureThatDoesNotComeAgainIsCalledThat) {
  const RunResult found = run("Hidden.FailsEveryOtherTime", "--chantrace_explore=100");

  EXPECT_EQ(found.status, 1);
  EXPECT_THAT(found.output, HasSubstr("depends on more"));
}

TEST_F(ExploreListenerTest, HiddenNondeterminismIsSaidFromBothSides) {
  const RunResult found = run("Hidden.CountsItsCalls", "--chantrace_explore=100");

  EXPECT_EQ(found.status, 1);
  EXPECT_THAT(
      found.output,
      AllOf(HasSubstr("chantrace: hidden nondeterminism: worker's operation 2 is another one"),
            HasSubstr("schedule 1 of 100"),
            ContainsRegex("once       send\\(jobs\\) at .*explored_tests.cpp:[0-9]+"),
            ContainsRegex("again      lock\\(log\\) at .*explored_tests.cpp:[0-9]+"),
            HasSubstr("std::random_device")));
  const auto trace = read_trace(trace_of("Hidden.CountsItsCalls"));
  ASSERT_TRUE(trace.has_value() && trace.value().end);
  ASSERT_EQ(trace.value().end->findings.size(), 1u);
  EXPECT_EQ(trace.value().end->findings[0].kind, FindingKind::kDivergence);
}

TEST_F(ExploreListenerTest, WhatIsCountedAnewIsNoHiddenNondeterminism) {
  EXPECT_EQ(run("Hidden.CountsAnew", "--chantrace_explore=100").status, 0);
}

TEST_F(ExploreListenerTest, HiddenNondeterminismIsLetPassWhereThatIsAskedFor) {
  const RunResult passed =
      run("Hidden.CountsItsCalls", "--chantrace_explore=100 --chantrace_fail_on=deadlock");

  EXPECT_EQ(passed.status, 0) << passed.output;
}

TEST_F(ExploreListenerTest, TestThatNeverEndsIsCutAndDoesNotHang) {
  const RunResult cut = run("Polls.WithoutEnd", "--chantrace_explore=5 --chantrace_steps_max=1000");

  EXPECT_THAT(cut.output, HasSubstr("5 cut at 1000 operations"));
}

TEST_F(ExploreListenerTest, LivelockFailsAndSoDoesATestThatNeverEnds) {
  const RunResult livelock = run("Polls.EachOther", "--chantrace_explore=5");
  const RunResult polling =
      run("Polls.WithoutEnd", "--chantrace_explore=5 --chantrace_steps_max=100");

  EXPECT_EQ(livelock.status, 1);
  EXPECT_THAT(livelock.output, HasSubstr("chantrace: livelock: all tasks that are left yield"));
  EXPECT_EQ(polling.status, 1);
  EXPECT_THAT(polling.output, AllOf(HasSubstr("chantrace: not at its end after 101 operations"),
                                    HasSubstr("5 cut at 100 operations; nothing found")));
}

TEST_F(ExploreListenerTest, TestWithItsOwnOptionsIsExploredWithoutAFlag) {
  EXPECT_THAT(run("Own.*", "").output, HasSubstr("explored 123 schedules"));
  EXPECT_THAT(run("Own.*", "--chantrace_explore=7").output, HasSubstr("explored 7 schedules"));
}

TEST_F(ExploreListenerTest, ExplorationIsSharedOut) {
  const std::string random = "--chantrace_strategy=random --chantrace_explore=100 ";

  EXPECT_THAT(run("Counter.LosesNone", random + "--chantrace_explore_shard=2/3").output,
              AllOf(HasSubstr("explored 33 schedules"), HasSubstr("random, shard 2 of 3")));
  EXPECT_THAT(run("Counter.LosesNone", random + "--chantrace_explore_shard=0/3").output,
              HasSubstr("explored 34 schedules"));
}

TEST_F(ExploreListenerTest, ShardsOfGoogleTestShareTestsUnlessToldOtherwise) {
  const std::string flags = "--chantrace_explore=90 --chantrace_strategy=random ";
  const auto run_shard = [&](int index, const std::string& more) {
    return run("Counter.LosesNone:Own.*", flags + more,
               "GTEST_TOTAL_SHARDS=2 GTEST_SHARD_STATUS_FILE=status "
               "GTEST_SHARD_INDEX=" +
                   std::to_string(index) + " ");
  };

  for (int index = 0; index < 2; ++index) {
    const RunResult tests = run_shard(index, "");
    EXPECT_THAT(tests.output, AllOf(HasSubstr("1 test from 1 test suite ran"),
                                    HasSubstr("explored 90 schedules")));
    EXPECT_TRUE(take_status_file());
    const RunResult schedules = run_shard(index, "--chantrace_explore_shard=gtest");
    EXPECT_EQ(schedules.status, 0) << schedules.output;
    EXPECT_THAT(schedules.output,
                AllOf(HasSubstr("2 tests from 2 test suites ran"),
                      HasSubstr("explored 45 schedules"), Not(HasSubstr("explored 90"))));
    EXPECT_TRUE(take_status_file());
  }
}

TEST_F(ExploreListenerTest, WithoutShardsOfGoogleTestAllIsExplored) {
  EXPECT_THAT(run("Own.*", "--chantrace_explore_shard=gtest").output,
              HasSubstr("explored 123 schedules"));
}

TEST_F(ExploreListenerTest, DeathTestIsRunOnce) {
  const RunResult clean = run("TaskDeathTest.*", "--chantrace_explore=50");

  EXPECT_EQ(clean.status, 0) << clean.output;
  EXPECT_THAT(clean.output, Not(HasSubstr("explored")));
}

TEST_F(ExploreListenerTest, BudgetBoundsTheTime) {
  const RunResult clean = run("Counter.LosesNone", "--chantrace_budget=20ms");

  EXPECT_EQ(clean.status, 0) << clean.output;
  EXPECT_THAT(clean.output, ContainsRegex("explored all [0-9]+ schedules"));
}

TEST_F(ExploreListenerTest, RefusesWhatMakesNoSense) {
  const auto refused = [&](const std::string& flag) {
    const RunResult run_with = run("Own.*", flag);
    EXPECT_EQ(run_with.status, 2) << flag;
    return run_with.output;
  };

  EXPECT_THAT(refused("--chantrace_strategy=best"), HasSubstr("expected portfolio"));
  EXPECT_THAT(refused("--chantrace_budget=5"), HasSubstr("expected a time such as"));
  EXPECT_THAT(refused("--chantrace_explore=-1"), HasSubstr("expected a number"));
  EXPECT_THAT(refused("--chantrace_time_mode=never"), HasSubstr("expected choice or quiescence"));
  for (const char* const shard : {"3/2", "0/0", "first", "1", "0/"})
    EXPECT_THAT(refused(std::string("--chantrace_explore_shard=") + shard),
                HasSubstr("expected INDEX/COUNT"));
  for (const char* const place : {"2", "2.", ".4", "0.4", "2.0", "a.b"})
    EXPECT_THAT(refused(std::string("--chantrace_stop_at=") + place),
                HasSubstr("expected TASK.OPERATION"));
  EXPECT_THAT(refused("--chantrace_replay=c1:zz:"), HasSubstr("not a schedule"));
  EXPECT_THAT(refused("--chantrace_replay=" + kExplored), HasSubstr("--chantrace_replay="));
}

TEST_F(ExploreListenerTest, CommandReplaysATraceAndFindsItIdentical) {
  for (const char* const test :
       {"Counter.LosesAnUpdate", "Locks.DeadlockInSomeOrders", "Fixture.IsUsedInEachExecution"}) {
    run(test, "--chantrace_explore=1000 --chantrace_keep=all");

    const RunResult identical = replay(test, "--times 3 -- " + kExplored);

    EXPECT_EQ(identical.status, 0) << identical.output;
    EXPECT_THAT(identical.output, ContainsRegex("identical 3 times: [0-9]+ steps, [0-9]+ events"));
  }
  EXPECT_THAT(replay("Locks.DeadlockInSomeOrders", "").output, HasSubstr("the same deadlock"));
}

TEST_F(ExploreListenerTest, CommandExplainsAFailure) {
  run("Counter.*", "--chantrace_explore=1000 --chantrace_keep=all");
  run("Locks.DeadlockInSomeOrders", "--chantrace_explore=1000 --chantrace_shrink=0");

  const RunResult failed = command("explain", "Counter.LosesAnUpdate");
  const RunResult passed = command("explain", "Counter.LosesNone");
  const RunResult unknown = command("explain", "Locks.DeadlockInSomeOrders");

  EXPECT_EQ(failed.status, 0) << failed.output;
  EXPECT_THAT(failed.output, AllOf(HasSubstr("Counter.LosesAnUpdate: "),
                                   HasSubstr("---- preempted: main could have gone on ----"),
                                   HasSubstr("fails only if ")));
  EXPECT_THAT(passed.output, HasSubstr("a test that passed needs no explanation"));
  EXPECT_THAT(unknown.output, HasSubstr("chantrace shrink "));
}

TEST_F(ExploreListenerTest, CommandShrinksATraceOfThreads) {
  run("Locks.DeadlockInEveryOrder", "--chantrace_keep=all");

  const RunResult small =
      command("shrink", "Locks.DeadlockInEveryOrder", "-o small.chantrace -- " + kExplored);

  EXPECT_EQ(small.status, 1) << small.output;
  EXPECT_THAT(small.output,
              AllOf(HasSubstr("Locks.DeadlockInEveryOrder: deadlock"), HasSubstr("why "),
                    HasSubstr("schedule   c1"), HasSubstr("trace      small.chantrace")));
  const auto trace = read_trace(in_folder("small.chantrace").string());
  ASSERT_TRUE(trace.has_value());
  ASSERT_TRUE(trace.value().end && trace.value().end->explanation);
  EXPECT_FALSE(trace.value().end->explanation->deeds.empty());
  EXPECT_EQ(run_in(in_folder(""), kCommand + " replay small.chantrace").status, 0);
}

TEST_F(ExploreListenerTest, CommandMakesAScheduleThatWasFoundSmaller) {
  run("Locks.DeadlockInSomeOrders",
      "--chantrace_explore=1000 --chantrace_shrink=0 --chantrace_strategy=random");

  const RunResult small = command("shrink", "Locks.DeadlockInSomeOrders");

  EXPECT_EQ(small.status, 1) << small.output;
  EXPECT_THAT(small.output, AllOf(HasSubstr("1 preemption"),
                                  HasSubstr("Locks.DeadlockInSomeOrders.small.chantrace")));
}

TEST_F(ExploreListenerTest, CommandShrinksOnlyWhatFails) {
  run("Counter.LosesNone", "--chantrace_explore=10 --chantrace_keep=all");

  const RunResult passes = command("shrink", "Counter.LosesNone");

  EXPECT_EQ(passes.status, 0) << passes.output;
  EXPECT_THAT(passes.output, HasSubstr("passes under that schedule"));
  EXPECT_FALSE(std::filesystem::exists(trace_of("Counter.LosesNone.small")));
  // Not even where that is asked to be written over.
  command("shrink", "Counter.LosesNone", "-o '" + trace_of("Counter.LosesNone") + "'");
  EXPECT_TRUE(read_trace(trace_of("Counter.LosesNone")).has_value());
  EXPECT_EQ(run_in(in_folder(""), kCommand + " shrink nothing.chantrace").status, 3);
}

TEST_F(ExploreListenerTest, CommandSaysWhereAReplayDiverges) {
  run("Hidden.SendsARandomNumber", "--chantrace_explore=1 --chantrace_keep=all");

  const RunResult diverged = replay("Hidden.SendsARandomNumber", "-- " + kExplored);

  EXPECT_EQ(diverged.status, 4) << diverged.output;
  EXPECT_THAT(
      diverged.output,
      AllOf(HasSubstr("diverged at step 1, main's record"), HasSubstr("recorded   send(numbers, "),
            HasSubstr("now        send(numbers, "), HasSubstr("hidden nondeterminism")));
}

TEST_F(ExploreListenerTest, CommandFollowsATraceOfThreads) {
  run("Counter.LosesNone:Locks.DeadlockInEveryOrder:Fixture.*", "--chantrace_keep=all");

  const RunResult passed = replay("Counter.LosesNone", "--times 3 -- " + kExplored);
  const RunResult fixture = replay("Fixture.IsUsedInEachExecution", "");
  const RunResult failed = replay("Locks.DeadlockInEveryOrder", "");

  EXPECT_EQ(passed.status, 0) << passed.output;
  EXPECT_THAT(passed.output,
              ContainsRegex("followed 3 times: [0-9]+ events of 2 tasks in the order of the "
                            "trace, nothing found"));
  EXPECT_EQ(fixture.status, 0) << fixture.output;
  EXPECT_EQ(failed.status, 0) << failed.output;
  EXPECT_THAT(failed.output, HasSubstr("the same deadlock"));
}

TEST_F(ExploreListenerTest, WhatFollowedThreadsHasASchedule) {
  run("Locks.DeadlockInEveryOrder", "");
  const std::string recorded = "threads.chantrace";
  std::filesystem::rename(trace_of("Locks.DeadlockInEveryOrder"), in_folder(recorded));

  const RunResult followed = run("Locks.DeadlockInEveryOrder", "--chantrace_replay=" + recorded);

  EXPECT_EQ(followed.status, 1);
  EXPECT_THAT(followed.output, HasSubstr("in the order that was recorded"));
  EXPECT_EQ(replay("Locks.DeadlockInEveryOrder", "").output.substr(0, 9), "identical");
}

TEST_F(ExploreListenerTest, CommandSaysWhereAProgramLeavesTheOrderOfThreads) {
  run("Changing.*", "--chantrace_keep=all");
  EXPECT_EQ(replay("Changing.IsAnotherOneLater", "").status, 0);

  const RunResult diverged = replay("Changing.IsAnotherOneLater", "", "EXPLORED_TESTS_CHANGED=1 ");

  EXPECT_EQ(diverged.status, 4) << diverged.output;
  EXPECT_THAT(
      diverged.output,
      AllOf(HasSubstr("the recorded order could be followed up to step 3 only"),
            ContainsRegex(
                "recorded   worker's send\\(jobs\\)[[:space:]]+at .*explored_tests.cpp:[0-9]+"),
            ContainsRegex("now        lock[[:space:]]+at .*explored_tests.cpp:[0-9]+")));
}

/// Notes its arguments, and runs what stands behind the one that ends its own.
const char* const kFakeDebugger =
    "#!/bin/sh\n"
    "printf '%s\\n' \"$0\" \"$@\" >arguments\n"
    "while [ \"$1\" != --args ] && [ \"$1\" != -- ]; do shift; done\n"
    "shift\n"
    "exec \"$@\"\n";

TEST_F(ExploreListenerTest, DebuggerStopsAtTheOperationThatFails) {
  run("Locks.DeadlockInEveryOrder", "");
  for (const std::string name : {"gdb", "lldb", "gdb-of-mine"}) {
    std::ofstream(in_folder(name)) << kFakeDebugger;
    std::filesystem::permissions(in_folder(name), std::filesystem::perms::owner_all);

    const RunResult run_under =
        replay("Locks.DeadlockInEveryOrder", "--debugger " + name + " -- " + kExplored,
               "PATH=\"$PWD:$PATH\" ");

    EXPECT_EQ(run_under.status, 1) << run_under.output;
    EXPECT_THAT(run_under.output, AllOf(HasSubstr("stops in front of main's operation 6: lock("),
                                        HasSubstr("chantrace: deadlock")));
    const std::string arguments = read_file(in_folder("arguments"));
    EXPECT_THAT(arguments, HasSubstr("/" + name + "\n"));
    EXPECT_THAT(arguments,
                HasSubstr(name == "lldb" ? "-o\nbreakpoint set --name chantrace_stop_here\n-o\nrun"
                                         : "-ex\nbreak chantrace_stop_here\n-ex\nrun"));
    EXPECT_THAT(arguments, HasSubstr(kExplored + "\n--gtest_filter=Locks.DeadlockInEveryOrder"));
    EXPECT_THAT(arguments, HasSubstr("--chantrace_stop_at=1.6\n"));
    EXPECT_THAT(arguments, HasSubstr("--chantrace_watchdog=0"));
  }
}

TEST_F(ExploreListenerTest, DebuggerThatIsNotThereIsNamed) {
  run("Locks.DeadlockInEveryOrder", "");

  const RunResult refused = replay("Locks.DeadlockInEveryOrder", "--debugger nowhere-to-be-found");

  EXPECT_EQ(refused.status, 3);
  EXPECT_THAT(refused.output, HasSubstr("cannot run nowhere-to-be-found: No such file"));
}

TEST_F(ExploreListenerTest, GdbShowsTheCallThatFails) {
  if (run_in("/", "gdb --version").status != 0) GTEST_SKIP() << "there is no gdb";
  run("Locks.DeadlockInEveryOrder", "");

  const RunResult shown =
      replay("Locks.DeadlockInEveryOrder", "--debugger gdb </dev/null", "DEBUGINFOD_URLS= ");

  if (shown.output.find("ptrace") != std::string::npos) GTEST_SKIP() << "nothing can be traced";
  EXPECT_THAT(shown.output, AllOf(HasSubstr("Breakpoint 1, chantrace_stop_here"),
                                  ContainsRegex("explored_tests.cpp:[0-9]+")));
}

TEST_F(ExploreListenerTest, CommandSaysWhatItCouldNotRun) {
  run("Counter.LosesNone", "--chantrace_explore=1 --chantrace_keep=all");

  EXPECT_EQ(replay("Counter.LosesNone", "-- /nowhere/to/be/found").status, 3);
  const RunResult silent = replay("Counter.LosesNone", "-- /bin/true");
  EXPECT_EQ(silent.status, 3);
  EXPECT_THAT(silent.output, HasSubstr("left 0 traces"));
}

TEST_F(ExploreListenerTest, TestSeesItsOwnFailures) {
  const RunResult failed = run("Asks.*", "--chantrace_explore=10");

  EXPECT_EQ(failed.status, 1) << failed.output;
  EXPECT_THAT(failed.output,
              AllOf(HasSubstr("schedule 1 of 10"), Not(HasSubstr("segmentation fault"))));
}

TEST_F(ExploreListenerTest, BodyDoesNotRunBehindASetUpThatIsBlocked) {
  const RunResult blocked = run("Blocked.*", "--chantrace_explore=10");

  EXPECT_EQ(blocked.status, 1);
  EXPECT_THAT(blocked.output, AllOf(HasSubstr("main is blocked for ever in recv from \"nothing\""),
                                    Not(HasSubstr("the body has run"))));
}

TEST_F(ExploreListenerTest, TestThatIsSkippedAfterAFailureIsNotExplored) {
  const RunResult result =
      run("Asks.*:Fails.*", "--chantrace_explore=10 --gtest_fail_fast --gtest_brief=1");

  EXPECT_THAT(result.output,
              AllOf(HasSubstr("[  SKIPPED ] 1 test"), Not(HasSubstr("hidden nondeterminism"))));
}

TEST_F(ExploreListenerTest, BreaksOnTheFailureThatIsReported) {
  const RunResult broken = run("Asks.*", "--chantrace_explore=10 --gtest_break_on_failure");

  EXPECT_NE(broken.status, 0);
  EXPECT_THAT(broken.output, HasSubstr("Expected: (value) != (nullptr)"));
}

TEST_F(ExploreListenerTest, DeathTestOfAnotherProcessFindsItsPlace) {
  const RunResult passed = run("Dies.*", "--chantrace_explore=10");

  EXPECT_EQ(passed.status, 0) << passed.output;
}

TEST_F(ExploreListenerTest, WatchdogEndsATestThatIsExplored) {
  const RunResult ended = run("Hangs.*", "--chantrace_explore=10 --chantrace_watchdog=1");

  EXPECT_EQ(ended.status, 1) << ended.output;
  EXPECT_THAT(ended.output,
              HasSubstr("[  FAILED  ] Hangs.OutsideTheLibrary (ended by the watchdog)"));
}

TEST_F(ExploreListenerTest, WhatIsLearnedOfTriedLocksHoldsForTheRecordedExecution) {
  const RunResult failed = run("Tries.*", "--chantrace_explore=1000");

  EXPECT_EQ(failed.status, 1);
  EXPECT_THAT(failed.output,
              AllOf(HasSubstr("Value of: was_free"), Not(HasSubstr("hidden nondeterminism"))));
  const std::string again = value_of("--chantrace_replay", failed.output);
  EXPECT_THAT(run("Tries.*", "--chantrace_replay=" + again).output,
              HasSubstr("Value of: was_free"));
}

TEST_F(ExploreListenerTest, ReplaySaysWhetherTheTestItselfFailedAgain) {
  run("Fails.*", "--chantrace_explore=10");

  const RunResult same = replay("Fails.AsItsSurroundingsSay", "");
  const RunResult other = replay("Fails.AsItsSurroundingsSay", "", "EXPLORED_TEST_PASSES=1 ");

  EXPECT_EQ(same.status, 0) << same.output;
  EXPECT_THAT(same.output, HasSubstr("the test failed again"));
  EXPECT_EQ(other.status, 4) << other.output;
  EXPECT_THAT(other.output, HasSubstr("the test passed where it had failed"));
}

TEST_F(ExploreListenerTest, ContextsOfThreadsAreFollowed) {
  run("Contexts.*", "--chantrace_keep=all");

  const RunResult followed = replay("Contexts.EndWithTheOneAbove", "");

  EXPECT_EQ(followed.status, 0) << followed.output;
  EXPECT_THAT(followed.output, HasSubstr("followed: "));
}

TEST_F(ExploreListenerTest, ReplayWithoutAPlaceForTemporaryFilesSaysSo) {
  run("Fails.*", "--chantrace_explore=10");

  const RunResult result = replay("Fails.AsItsSurroundingsSay", "", "TMPDIR=/nowhere ");

  EXPECT_EQ(result.status, 3) << result.output;
  EXPECT_THAT(result.output, HasSubstr("no folder for temporary files"));
}

TEST_F(ExploreListenerTest, TestThatExploresSomethingItselfIsWatchedAllTheSame) {
  const RunResult failed = run("Explores.*", "");

  EXPECT_EQ(failed.status, 1);
  EXPECT_THAT(failed.output,
              HasSubstr("chantrace: waiting leaked, blocked for ever in recv from \"nothing\""));
  const auto trace = read_trace(trace_of("Explores.InsideATest"));
  ASSERT_TRUE(trace);
  EXPECT_FALSE(trace.value().is_incomplete());
  EXPECT_EQ(trace.value().tasks.size(), 2u);
  std::vector<std::string> names;
  for (const ObjectInfo& object : trace.value().objects) names.push_back(object.name);
  EXPECT_THAT(names, testing::UnorderedElementsAre("before", "nothing", "after"));
}

}  // namespace
}  // namespace chantrace
