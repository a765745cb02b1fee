#include "chantrace/listener.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "run_binary.h"

// The paths of what is run; given by the build.
#ifndef CHANTRACE_FAULTY_TESTS
#error "CHANTRACE_FAULTY_TESTS, CHANTRACE_SOUND_TESTS, CHANTRACE_ODD_TESTS and CHANTRACE_COMMAND"
#endif

namespace chantrace {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ContainsRegex;
using testing::Each;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

const std::string kFaulty = CHANTRACE_FAULTY_TESTS;
const std::string kSound = CHANTRACE_SOUND_TESTS;
const std::string kOdd = CHANTRACE_ODD_TESTS;
const std::string kCommand = CHANTRACE_COMMAND;

/// What a test with a fault must say, and the kind that `chantrace check` must find in its trace.
struct Expectation {
  const char* test;
  const char* trace;
  const char* kind;
  std::vector<const char*> words;
};

const std::vector<Expectation>& expectations() {
  static const std::vector<Expectation> all = {
      {"Faulty.BlockedSend",
       "Faulty.BlockedSend",
       "blocked",
       {"main is blocked for ever in send on \"results\"", "no task has ever received"}},
      {"Faulty.BlockedReceive",
       "Faulty.BlockedReceive",
       "blocked",
       {"main is blocked for ever in recv from \"jobs\"", "no task has ever sent"}},
      {"Faulty.LeakedTask",
       "Faulty.LeakedTask",
       "leaked",
       {"worker leaked, blocked for ever in send on \"results\"", "started by main"}},
      {"Faulty.LockOrderDeadlock",
       "Faulty.LockOrderDeadlock",
       "deadlock",
       {"one waits for second held by two, two for first held by one", "behind it  main"}},
      {"Faulty.SelfDeadlock",
       "Faulty.SelfDeadlock",
       "deadlock",
       {"main waits for mutex held by itself"}},
      {"Faulty.MutexHeldAtExit",
       "Faulty.MutexHeldAtExit",
       "mutex_held",
       {"mutex is still held by holder, which ended"}},
      {"Faulty.MissingWaitGroupDone",
       "Faulty.MissingWaitGroupDone",
       "blocked",
       {"main is blocked for ever in wait for group", "the count of group is 1"}},
      {"Faulty.LostConditionSignal",
       "Faulty.LostConditionSignal",
       "lost_signal",
       {"main missed the signal", "found nobody waiting"}},
      {"Faulty.ExceptionInTask",
       "Faulty.ExceptionInTask",
       "exception",
       {"thrower ended by an exception", "out of cheese"}},
      {"Faulty.SendOnClosed",
       "Faulty.SendOnClosed",
       "send_on_closed",
       {"sender sent on \"jobs\" after it was closed"}},
      {"Faulty.DoubleClose",
       "Faulty.DoubleClose",
       "double_close",
       {"main closed \"jobs\" a second time"}},
      {"FaultyFixture.LeaksInTearDown",
       "FaultyFixture.LeaksInTearDown",
       "leaked",
       {"flusher leaked, blocked for ever in send on \"log\""}},
      {"Senders/FaultyParameterised.Leaks/0",
       "Senders+FaultyParameterised.Leaks+0",
       "leaked",
       {" leaked, blocked for ever in send on \"numbers\"", "sender-"}},
      {"Senders/FaultyParameterised.Leaks/1",
       "Senders+FaultyParameterised.Leaks+1",
       "leaked",
       {"2 tasks leaked", "sender-"}},
  };
  return all;
}

TEST(ListenerTest, FailsEachFaultyTestForItsOwnReason) {
  const TemporaryFolder folder;

  const RunResult run = run_in(folder.path(), kFaulty + " --gtest_output=json:report.json");

  EXPECT_EQ(run.status, 1) << run.output;
  const auto report = nlohmann::json::parse(read_file(folder.path() / "report.json"));
  const auto failures = failures_by_test(report);
  EXPECT_EQ(failures.size(), expectations().size());
  for (const Expectation& expected : expectations()) {
    ASSERT_TRUE(failures.contains(expected.test)) << expected.test;
    for (const char* const words : expected.words)
      EXPECT_THAT(failures.at(expected.test), HasSubstr(words)) << expected.test;
    EXPECT_THAT(failures.at(expected.test), HasSubstr("faulty_tests.cpp:")) << expected.test;
  }
}

TEST(ListenerTest, LeavesTracesInWhichTheCommandFindsTheSame) {
  const TemporaryFolder folder;
  run_in(folder.path(), kFaulty);

  const RunResult check =
      run_in(folder.path(), kCommand + " check --format json traces 2>/dev/null");

  EXPECT_EQ(check.status, 1) << check.output;
  const auto report = nlohmann::json::parse(check.output);
  std::map<std::string, std::vector<std::string>> kinds;
  for (const auto& trace : report.at("traces"))
    for (const auto& finding : trace.at("findings"))
      if (finding.at("certainty") != "note") kinds[trace.at("path")].push_back(finding.at("kind"));
  EXPECT_EQ(kinds.size(), expectations().size()) << check.output;
  for (const Expectation& expected : expectations())
    EXPECT_THAT(kinds["traces/" + std::string(expected.trace) + ".chantrace"],
                AllOf(Not(IsEmpty()), Each(expected.kind)))
        << expected.test << "\n"
        << check.output;
}

TEST(ListenerTest, PassesEachSoundTwin) {
  const TemporaryFolder folder;

  const RunResult run = run_in(folder.path(), kSound + " --gtest_output=json:report.json");

  EXPECT_EQ(run.status, 0) << run.output;
  const auto failures =
      failures_by_test(nlohmann::json::parse(read_file(folder.path() / "report.json")));
  EXPECT_THAT(failures, SizeIs(expectations().size()));
  EXPECT_THAT(failures, Each(testing::Pair(testing::_, IsEmpty())));
  EXPECT_FALSE(exists(folder.path() / "traces")) << "nothing failed, so nothing stays";
}

TEST(ListenerTest, KeepsTracesAsAsked) {
  const TemporaryFolder folder;

  run_in(folder.path(), kSound + " --chantrace_keep=all --chantrace_out=all");
  run_in(folder.path(), kFaulty + " --chantrace_keep=none --chantrace_out=none");
  run_in(folder.path(), "CHANTRACE_KEEP=all CHANTRACE_OUT=environment " + kSound);
  run_in(folder.path(), "TEST_UNDECLARED_OUTPUTS_DIR=bazel " + kFaulty);

  EXPECT_THAT(file_names(folder.path() / "all"), SizeIs(expectations().size()));
  EXPECT_THAT(file_names(folder.path() / "all"), Each(EndsWith(".chantrace")));
  EXPECT_FALSE(exists(folder.path() / "none"));
  EXPECT_THAT(file_names(folder.path() / "environment"), SizeIs(expectations().size()));
  EXPECT_THAT(file_names(folder.path() / "bazel"), SizeIs(expectations().size()));
}

TEST(ListenerTest, TracesOfSoundTestsAreClean) {
  const TemporaryFolder folder;
  run_in(folder.path(), kSound + " --chantrace_keep=all");

  const RunResult check = run_in(folder.path(), kCommand + " check traces");

  EXPECT_EQ(check.status, 0) << check.output;
}

TEST(ListenerTest, SurvivesRepetitionAndShuffling) {
  const TemporaryFolder folder;

  const RunResult sound =
      run_in(folder.path(), kSound + " --gtest_repeat=5 --gtest_shuffle --chantrace_keep=all");
  const RunResult faulty =
      run_in(folder.path(), kFaulty + " --gtest_repeat=5 --gtest_shuffle --chantrace_out=faulty");

  EXPECT_EQ(sound.status, 0) << sound.output;
  EXPECT_EQ(faulty.status, 1);
  EXPECT_THAT(file_names(folder.path() / "traces"), SizeIs(5 * expectations().size()));
  EXPECT_THAT(file_names(folder.path() / "faulty"), SizeIs(5 * expectations().size()));
  EXPECT_THAT(file_names(folder.path() / "faulty"),
              Contains("Faulty.BlockedSend.repeat5.chantrace"));
}

TEST(ListenerTest, TellsShardsApart) {
  const TemporaryFolder folder;

  for (const char* const shard : {"0", "1", "2"})
    run_in(folder.path(),
           std::string("GTEST_TOTAL_SHARDS=3 GTEST_SHARD_INDEX=") + shard + " " + kFaulty);

  EXPECT_THAT(file_names(folder.path() / "traces"), SizeIs(expectations().size()));
  EXPECT_THAT(file_names(folder.path() / "traces"),
              Contains("Faulty.BlockedSend.shard0of3.chantrace"));
}

TEST(ListenerTest, RecordsPropertiesInXmlAndJson) {
  const TemporaryFolder folder;

  run_in(folder.path(), kFaulty + " --gtest_filter=Faulty.LeakedTask --gtest_output=xml:r.xml");
  run_in(folder.path(), kFaulty + " --gtest_filter=Faulty.LeakedTask --gtest_output=json:r.json");

  const std::string xml = read_file(folder.path() / "r.xml");
  EXPECT_THAT(xml,
              HasSubstr("name=\"chantrace_trace\" value=\"traces/Faulty.LeakedTask.chantrace\""));
  EXPECT_THAT(xml, HasSubstr("name=\"chantrace_findings\" value=\"1\""));
  EXPECT_THAT(xml, HasSubstr("worker leaked"));
  const std::string json = read_file(folder.path() / "r.json");
  EXPECT_THAT(json, HasSubstr("\"chantrace_tasks\": \"2\""));
}

TEST(ListenerTest, FailsOnlyOnTheKindsAskedFor) {
  const TemporaryFolder folder;

  const RunResult leaks =
      run_in(folder.path(),
             kFaulty + " --chantrace_fail_on=leaked --gtest_filter=*Leak*:*ExceptionInTask");
  const RunResult none = run_in(
      folder.path(), kFaulty + " --chantrace_fail_on=none --gtest_filter=*Leak*:*ExceptionInTask");

  EXPECT_THAT(leaks.output, HasSubstr("4 FAILED TESTS"));
  EXPECT_THAT(leaks.output, Not(HasSubstr("[  FAILED  ] Faulty.ExceptionInTask")));
  EXPECT_EQ(none.status, 0) << none.output;
}

TEST(ListenerTest, AllowsLeaksByTaskAndBySite) {
  const TemporaryFolder folder;
  const std::string filter = " --gtest_filter='Senders*':FaultyFixture.*";

  const RunResult by_task =
      run_in(folder.path(), kFaulty + filter + " --chantrace_allow='sender-*,flusher'");
  const RunResult by_site =
      run_in(folder.path(), kFaulty + filter + " --chantrace_allow='faulty_tests.cpp:*'");
  // Three senders, one receive: whichever two are left, one is not allowed.
  const RunResult by_one_of_two =
      run_in(folder.path(), kFaulty + " --gtest_filter='*FaultyParameterised.Leaks/1'" +
                                " --chantrace_allow='sender-1'");

  EXPECT_EQ(by_task.status, 0) << by_task.output;
  EXPECT_EQ(by_site.status, 0) << by_site.output;
  EXPECT_THAT(by_one_of_two.output, HasSubstr("1 FAILED TEST"));
}

TEST(ListenerTest, RefusesFlagsThatMakeNoSense) {
  const TemporaryFolder folder;
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"--chantrace_keep=some", "expected failed, all or none"},
      {"--chantrace_fail_on=dead", "is no kind of finding"},
      {"--chantrace_kepp=all", "there is no such flag"},
      {"--chantrace_out", "expected a value behind ="},
      {"--chantrace_watchdog=-1", "expected a number"},
      {"--chantrace_patience=99999999999", "expected a number"},
  };
  for (const auto& [flag, words] : cases) {
    const RunResult run = run_in(folder.path(), kSound + " " + flag);

    EXPECT_EQ(run.status, 2) << flag;
    EXPECT_THAT(run.output, HasSubstr(words)) << flag;
  }
  EXPECT_EQ(run_in(folder.path(), "CHANTRACE_KEEP=some " + kSound).status, 2);
}

TEST(ListenerTest, ExplainsItsFlags) {
  const TemporaryFolder folder;

  const RunResult help = run_in(folder.path(), kSound + " --help");

  EXPECT_THAT(help.output,
              AllOf(HasSubstr("--chantrace_keep=failed|all|none"), HasSubstr("--gtest_filter")));
}

TEST(ListenerTest, GoesOnWithoutTracesWhereItCannotWrite) {
  const TemporaryFolder folder;

  const RunResult run = run_in(folder.path(), kFaulty + " --chantrace_out=/proc/none");

  EXPECT_EQ(run.status, 1);
  EXPECT_THAT(run.output, HasSubstr("chantrace: no traces: cannot make the folder /proc/none"));
  EXPECT_THAT(run.output, HasSubstr("worker leaked"));
}

TEST(ListenerTest, WritesNothingInTheChildOfADeathTest) {
  const TemporaryFolder folder;

  for (const char* const style : {"fast", "threadsafe"}) {
    const RunResult run = run_in(
        folder.path(), kOdd + " --gtest_filter=*DeathTest* --chantrace_keep=all" +
                           " --gtest_death_test_style=" + style + " --chantrace_out=" + style);
    EXPECT_EQ(run.status, 0) << run.output;
    EXPECT_THAT(file_names(folder.path() / style),
                testing::ElementsAre("OddDeathTest.DiesInATask.chantrace",
                                     "OddDeathTest.DiesInTheBody.chantrace",
                                     "OddDeathTest.ExitsInTheBody.chantrace"));
  }
  const RunResult check = run_in(folder.path(), kCommand + " check fast threadsafe");
  EXPECT_EQ(check.status, 0) << check.output;
}

TEST(ListenerTest, IsNotDisturbedByAFork) {
  const TemporaryFolder folder;

  const RunResult run =
      run_in(folder.path(), kOdd + " --gtest_filter=Odd.Forks --chantrace_keep=all");
  const RunResult check = run_in(folder.path(), kCommand + " check traces");

  EXPECT_EQ(run.status, 0) << run.output;
  EXPECT_EQ(check.status, 0) << check.output;
}

TEST(ListenerTest, EndsATestThatBlocksOutsideTheLibrary) {
  const TemporaryFolder folder;

  const RunResult run =
      run_in(folder.path(), kOdd + " --gtest_filter=Odd.BlocksOutside --chantrace_watchdog=1");

  EXPECT_EQ(run.status, 1);
  EXPECT_THAT(run.output, HasSubstr("Odd.BlocksOutside has taken longer than 1 s"));
  EXPECT_THAT(run.output, HasSubstr("waiter"));
  EXPECT_THAT(run.output, HasSubstr("parked in recv"));
  EXPECT_THAT(run.output,
              ContainsRegex("#[0-9]+ +Odd_BlocksOutside_Test::TestBody\\(\\) at .*odd_tests"));
  EXPECT_THAT(file_names(folder.path() / "traces"), Contains("Odd.BlocksOutside.chantrace"));
  const RunResult check = run_in(folder.path(), kCommand + " check traces");
  EXPECT_THAT(check.output, HasSubstr("incomplete"));
}

TEST(ListenerTest, WarnsOfLockOrdersOfPassingTests) {
  const TemporaryFolder folder;
  const std::string test = kOdd + " --gtest_filter=Odd.LocksInTwoOrders";

  const RunResult warned = run_in(folder.path(), test);
  const RunResult failed = run_in(folder.path(), test + " --chantrace_fail_on=deadlock,lock_order");

  EXPECT_EQ(warned.status, 0) << warned.output;
  EXPECT_THAT(warned.output, HasSubstr("first and second are locked in two orders"));
  EXPECT_THAT(warned.output, HasSubstr("[       OK ] Odd.LocksInTwoOrders"));
  EXPECT_THAT(file_names(folder.path() / "traces"), Contains("Odd.LocksInTwoOrders.chantrace"))
      << "of the second run, which failed";
  EXPECT_EQ(failed.status, 1);
  EXPECT_THAT(failed.output, HasSubstr("first and second are locked in two orders"));
}

TEST(ListenerTest, ReportsABodyThatWaitsInADestructor) {
  const TemporaryFolder folder;

  const RunResult run = run_in(folder.path(), kOdd + " --gtest_filter=Odd.WaitsInADestructor");

  EXPECT_EQ(run.status, 1) << run.output;
  EXPECT_THAT(run.output, HasSubstr("worker is blocked for ever in recv from \"jobs\""));
  EXPECT_THAT(run.output, HasSubstr("lets no exception out"));
}

TEST(ListenerTest, UnwindsWhatCanBeAndAbandonsTheRest) {
  const TemporaryFolder folder;

  const RunResult run = run_in(folder.path(), kOdd + " --gtest_filter='Unwinding.*'");

  EXPECT_THAT(run.output, HasSubstr("[       OK ] Unwinding.TheNextTestRuns"));
  EXPECT_THAT(run.output, HasSubstr("1 task could not be unwound"));
  EXPECT_THAT(run.output, HasSubstr("3 FAILED TESTS"));
}

TEST(ListenerTest, BlamesOnlyTheTestThatLeavesALockHeld) {
  const TemporaryFolder folder;

  const RunResult run = run_in(folder.path(), kOdd + " --gtest_filter='LeftLocked.*'");

  EXPECT_THAT(run.output, HasSubstr("[  FAILED  ] LeftLocked.Locks"));
  EXPECT_THAT(run.output, HasSubstr("[       OK ] LeftLocked.IsNobodysFaultAfterwards"));
  EXPECT_THAT(run.output, HasSubstr("receiver leaked, blocked for ever in recv from \"local\""));
}

TEST(ListenerTest, FailsADeadlockWhileOtherTasksGoOn) {
  const TemporaryFolder folder;

  const RunResult run = run_in(folder.path(), kOdd + " --gtest_filter=Odd.DeadlocksBesideAPoller" +
                                                  " --chantrace_watchdog=0");

  EXPECT_EQ(run.status, 1) << run.output;
  EXPECT_THAT(run.output, HasSubstr("deadlock: main waits for mutex held by itself (certain)"));
  EXPECT_THAT(run.output, HasSubstr("1 FAILED TEST"));
}

TEST(ListenerTest, EndsASuiteThatBlocksInItsSetUp) {
  const TemporaryFolder folder;

  const RunResult run =
      run_in(folder.path(), kOdd + " --gtest_filter='BlocksInSetUp.*' --chantrace_watchdog=0");

  EXPECT_EQ(run.status, 1);
  EXPECT_THAT(run.output, HasSubstr("SetUpTestSuite of BlocksInSetUp is blocked for ever"));
  EXPECT_THAT(run.output, HasSubstr("blocked for ever in recv from \"early\""));
}

TEST(ListenerTest, PrintsNoNameAsItIs) {
  const TemporaryFolder folder;

  const RunResult run = run_in(
      folder.path(), kOdd + " --gtest_filter=Odd.HasHostileNames --gtest_output=xml:report.xml");

  const std::string report = read_file(folder.path() / "report.xml");
  EXPECT_THAT(run.output, HasSubstr("\"a\\x1b[31mred\\n\\xff\""));
  for (const std::string& text : {run.output, report}) {
    EXPECT_THAT(text, Not(HasSubstr("\x1b")));
    EXPECT_THAT(text, Not(HasSubstr("\xff")));
  }
}

TEST(ListenerTest, FindsTheTestsOfASuiteThatSharesATask) {
  const TemporaryFolder folder;

  const RunResult run = run_in(folder.path(), kOdd + " --gtest_filter='SharedTask.*'");

  EXPECT_EQ(run.status, 0) << run.output;
}

}  // namespace
}  // namespace chantrace
