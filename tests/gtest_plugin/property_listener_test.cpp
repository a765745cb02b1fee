// What a user sees of tests with inputs, and of schedules that are kept.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "chantrace/detail/literal.h"
#include "chantrace/detail/race_annotations.h"
#include "run_binary.h"

#ifndef CHANTRACE_PROPERTY_TESTS
#error \
    "CHANTRACE_PROPERTY_TESTS, CHANTRACE_KEPT_TESTS: the paths of what is run; given by the build"
#endif

namespace chantrace {
namespace {

using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

class PropertyListenerTest : public testing::Test {
 protected:
  RunResult run(const std::string& filter, const std::string& flags = "",
                const std::string& variables = "RC_PARAMS=seed=1") const {
    return run_in(folder_.path(), variables + " " + CHANTRACE_PROPERTY_TESTS +
                                      " '--gtest_filter=" + filter + "' " + flags);
  }
  RunResult run_kept(const std::string& filter, const std::string& flags = "",
                     const std::string& variables = "") const {
    return run_in(folder_.path(), variables + " " + CHANTRACE_KEPT_TESTS +
                                      " '--gtest_filter=" + filter + "' " + flags);
  }
  RunResult run_command(const std::string& command) const {
    return run_in(folder_.path(), command);
  }

  /// What stands behind a label such as "again", up to the line's end.
  static std::string line_of(const std::string& label, const std::string& text) {
    const std::string start = "\n  " + label + " ";
    const std::size_t found = text.find(start);
    if (found == std::string::npos) return {};
    const std::size_t line = text.find_first_not_of(' ', found + start.size());
    return text.substr(line, text.find('\n', line) - line);
  }

 private:
  TemporaryFolder folder_;
};

using KeptScheduleTest = PropertyListenerTest;

// Neither shows the bug alone: other inputs pass under all schedules, and this one under most.
TEST_F(PropertyListenerTest, ShrinksInputsAndSchedulesTogether) {
  for (int seed = 1; seed <= 10; ++seed) {
    const RunResult found =
        run("Pool.IsDoneAfterTwoResults", "", "RC_PARAMS=seed=" + std::to_string(seed));

    EXPECT_EQ(found.status, 1);
    EXPECT_THAT(found.output,
                AllOf(HasSubstr("chantrace: deadlock: "),
                      HasSubstr("\n  inputs     workers = 3\n             capacity = 0\n"),
                      // The third worker looks before there are enough, without any preemption.
                      Not(HasSubstr("could have gone on")),
                      ContainsRegex("why +fails only if +load\\(.*\\) by worker-"),
                      ContainsRegex(", input [0-9]+, schedule [0-9]+, found by ")))
        << "seed " << seed;
  }
}

TEST_F(PropertyListenerTest, CorrectTwinPasses) {
  const RunResult sound = run("Pool.LetsWorkersGo:Sum.LosesNone");

  EXPECT_EQ(sound.status, 0) << sound.output;
  EXPECT_THAT(sound.output,
              ContainsRegex("explored 100 inputs, [0-9]+ schedules, .*nothing found"));
}

TEST_F(PropertyListenerTest, RunsTheSameAgain) {
  const RunResult found = run("Pool.IsDoneAfterTwoResults");
  const std::string again = line_of("again", found.output);
  ASSERT_THAT(again, AllOf(HasSubstr("RC_PARAMS=reproduce="), HasSubstr("--chantrace_replay=c1:")));

  const RunResult replayed = run_command(again);
  EXPECT_EQ(replayed.status, 1);
  EXPECT_THAT(replayed.output, AllOf(HasSubstr("under the schedule that was given"),
                                     HasSubstr("workers = 3"), Not(HasSubstr("divergence"))));
  EXPECT_EQ(line_of("again", replayed.output), again);

  // The inputs alone: the schedule is found once more.
  const RunResult inputs = run("Pool.IsDoneAfterTwoResults", "", again.substr(0, again.find(' ')));
  EXPECT_THAT(inputs.output, AllOf(HasSubstr("explored 1 input, "), HasSubstr("workers = 3")));
  EXPECT_EQ(line_of("keep", inputs.output), line_of("keep", found.output));
}

TEST_F(PropertyListenerTest, AScheduleWithoutItsInputsIsRefused) {
  const RunResult refused = run("Pool.IsDoneAfterTwoResults", "--chantrace_replay=c1:0:1");

  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.output, HasSubstr("this test has inputs"));
}

TEST_F(PropertyListenerTest, TakesAssertionsOfRapidCheck) {
  const RunResult found = run("Sum.LosesNumbers");

  EXPECT_EQ(found.status, 1);
  // Two numbers at least, one of which is lost.
  EXPECT_THAT(
      found.output,
      AllOf(ContainsRegex("property_tests.cpp:[0-9]+: Failure\nRC_ASSERT\\(sum == "),
            HasSubstr("Expands to:\n"),
            ContainsRegex("inputs +numbers = \\[-?[0-9]+, -?[0-9]+\\]\n"),
            ContainsRegex(
                "keep +CHANTRACE_REPLAY\\(Sum, LosesNumbers, .*\\{-?[0-9]+, -?[0-9]+\\}\\);")));
}

TEST_F(PropertyListenerTest, SaysWhereNoScheduleMatters) {
  const RunResult found = run("Text.IsShort");

  EXPECT_THAT(found.output,
              AllOf(HasSubstr("inputs     text = \"aaa\"\n\n  why        failed in all"),
                    HasSubstr("CHANTRACE_REPLAY(Text, IsShort, \"c1:0:\", \"aaa\");")));
}

TEST_F(PropertyListenerTest, KeepsNoInputsThatHaveNoLiteral) {
  const RunResult found = run("Opaque.IsSmall");

  EXPECT_THAT(found.output, HasSubstr("\n  again "));
  EXPECT_EQ(line_of("keep", found.output), "");
}

TEST_F(PropertyListenerTest, NamesMisuse) {
  EXPECT_THAT(run("Misuse.DrawsInItsBody").output, HasSubstr("has to be an argument"));
  const RunResult unwanted = run("Misuse.WantsNothing");
  EXPECT_EQ(unwanted.status, 1);
  EXPECT_THAT(unwanted.output, ContainsRegex("gave up after [0-9]+ inputs"));
}

TEST_F(KeptScheduleTest, FailsAsLongAsTheBugIsThere) {
  const RunResult found = run_kept("Kept.Fails*");

  EXPECT_EQ(found.status, 1);
  EXPECT_THAT(found.output,
              AllOf(ContainsRegex("failed, under the schedule kept at kept_tests.cpp:[0-9]+\n"),
                    HasSubstr("[  FAILED  ] Kept.Fails "),
                    HasSubstr("[  FAILED  ] Kept.FailsUnderTheSecond ")));
  EXPECT_EQ(line_of("keep", found.output), "") << "it is kept already";
  EXPECT_THAT(run_command(line_of("again", found.output)).output,
              HasSubstr("under the schedule kept at"));
}

TEST_F(KeptScheduleTest, ThenTheTestRunsAsEver) {
  const RunResult passed = run_kept("Kept.Passes");
  EXPECT_EQ(passed.status, 0) << passed.output;
  EXPECT_THAT(passed.output, Not(HasSubstr("explored")));

  const RunResult explored = run_kept("Kept.Passes", "--chantrace_explore=100");
  EXPECT_EQ(explored.status, 0) << explored.output;
  EXPECT_THAT(explored.output, ContainsRegex("explored .*; nothing found"));
}

TEST_F(KeptScheduleTest, OneThatFitsNoLongerPassesAndIsNamed) {
  const RunResult passed = run_kept("Kept.FitsNoLonger");

  EXPECT_EQ(passed.status, 0) << passed.output;
  EXPECT_THAT(passed.output, ContainsRegex("kept at kept_tests.cpp:[0-9]+ fits no longer"));
}

TEST_F(KeptScheduleTest, StandsForEachKindOfTest) {
  EXPECT_THAT(run_kept("Fixture.IsSetUp").output,
              AllOf(HasSubstr("under the schedule kept at"), Not(HasSubstr("suites_set_up"))));
  const RunResult parameters = run_kept("Some/*");
  EXPECT_THAT(parameters.output, AllOf(HasSubstr("[       OK ] Some/Parameters.AreThere/0"),
                                       HasSubstr("[  FAILED  ] Some/Parameters.AreThere/1")));
}

TEST_F(KeptScheduleTest, PropertyIsExploredBehindItsOwn) {
  EXPECT_THAT(run_kept("Pool.*", "", "RC_PARAMS=seed=1").output,
              AllOf(HasSubstr("workers = 3"), HasSubstr("found by")));
}

TEST_F(KeptScheduleTest, NamesMisuse) {
  EXPECT_THAT(run_kept("Kept.IsNoSchedule").output,
              AllOf(HasSubstr("[  FAILED  ]"),
                    ContainsRegex("kept at kept_tests.cpp:[0-9]+ is not a schedule")));

  const RunResult orphan = run_kept("Kept.Passes", "", "KEEPS_FOR_NOBODY=1");
  EXPECT_EQ(orphan.status, 1);
  EXPECT_THAT(orphan.output, HasSubstr("there is no test Kept.HasAnotherName"));
}

TEST_F(KeptScheduleTest, OneThatFitsNoLongerIsNamedWhereItFailsToo) {
  EXPECT_THAT(run_kept("Kept.FailsThough*").output,
              AllOf(HasSubstr("fits no longer"), HasSubstr("as far as can be, and failed"),
                    HasSubstr("under the schedule kept at")));
}

TEST_F(KeptScheduleTest, StandsForATestThatIsDisabled) {
  EXPECT_THAT(run_kept("Kept.DISABLED_*", "--gtest_also_run_disabled_tests").output,
              HasSubstr("under the schedule kept at"));
}

TEST_F(KeptScheduleTest, InputsThatAreWantedNoLongerAreNamed) {
  const RunResult passed = run_kept("Inputs.MayBecomeUnwanted");

  EXPECT_EQ(passed.status, 0) << passed.output;
  EXPECT_THAT(passed.output, ContainsRegex("wants no longer the inputs kept at kept_tests.cpp:"));
}

TEST_F(PropertyListenerTest, DrawsTheSameInputsEachTime) {
  const std::string once = line_of("again", run("Sum.LosesNumbers", "", "").output);
  EXPECT_EQ(line_of("again", run("Sum.LosesNumbers", "", "").output), once);
  EXPECT_NE(line_of("again", run("Sum.LosesNumbers", "--chantrace_seed=7", "").output), once);
}

TEST_F(PropertyListenerTest, ShardsShareTheInputs) {
  EXPECT_THAT(run("Sum.LosesNone", "--chantrace_explore_shard=0/3").output,
              HasSubstr("explored 34 inputs, "));
  EXPECT_THAT(run("Sum.LosesNone", "--chantrace_explore_shard=1/3").output,
              HasSubstr("explored 33 inputs, "));
  EXPECT_THAT(run("Sum.LosesNone", "--chantrace_explore_shard=2/3").output,
              HasSubstr("explored 33 inputs, "));
  // What one process finds, one of them does.
  const std::string whole = line_of("keep", run("Text.IsShort").output);
  const std::string parts = run("Text.IsShort", "--chantrace_explore_shard=0/2").output +
                            run("Text.IsShort", "--chantrace_explore_shard=1/2").output;
  EXPECT_THAT(parts, HasSubstr(whole));
}

TEST_F(PropertyListenerTest, ABudgetThatIsOverIsNoFailure) {
  for (int seed = 1; seed <= 5; ++seed) {
    const std::string variables = "RC_PARAMS=seed=" + std::to_string(seed);
    // Whether there is time to find it depends on the machine; what is said of it does not.
    EXPECT_THAT(run("Budget.*", "", variables).output,
                AllOf(Not(HasSubstr("hidden nondeterminism")),
                      HasSubstr("[       OK ] Budget.IsOverAfterUnwantedInputs")));
  }
}

TEST_F(PropertyListenerTest, NoPropertyPassesWithoutAnInput) {
  const RunResult death = run("PoolDeathTest.*");
  EXPECT_EQ(death.status, 1);
  EXPECT_THAT(death.output, HasSubstr("nothing has drawn an input"));
  EXPECT_EQ(run("Sum.LosesNone", "", "RC_PARAMS=max_success=0").status, 1);

  // RapidCheck passes over properties that it is not to reproduce.
  const std::string again = line_of("again", run("Text.IsShort").output);
  EXPECT_THAT(run("Sum.LosesNone", "", again.substr(0, again.find(' '))).output,
              HasSubstr("[  SKIPPED ] Sum.LosesNone"));
}

TEST_F(PropertyListenerTest, TheCommandKnowsTheInputsOfATrace) {
  run("Pool.IsDoneAfterTwoResults");
  const std::string trace = " traces/Pool.IsDoneAfterTwoResults.chantrace";

  const RunResult replayed = run_command(CHANTRACE_COMMAND " replay" + trace);
  EXPECT_EQ(replayed.status, 0) << replayed.output;
  EXPECT_THAT(replayed.output, HasSubstr("identical"));
  EXPECT_THAT(run_command(CHANTRACE_COMMAND " explain" + trace).output,
              AllOf(HasSubstr("workers = 3"), HasSubstr("fails only if")));
}

TEST_F(PropertyListenerTest, ATraceWithGivenInputsIsNotRunWithoutThem) {
  run_kept("Inputs.FailWithThree");

  const RunResult refused =
      run_command(CHANTRACE_COMMAND " replay traces/Inputs.FailWithThree.chantrace");
  EXPECT_THAT(refused.output, HasSubstr("its inputs were given by a CHANTRACE_REPLAY"));
}

TEST_F(PropertyListenerTest, ACrashComesWithItsInputs) {
#if defined(CHANTRACE_WITH_TSAN)
  GTEST_SKIP() << "its runtime does not come back from a signal in a fiber";
#endif
  const RunResult crashed = run("Crash.AtFive", "", "RC_PARAMS=seed=1 ASAN_OPTIONS=handle_segv=0");

  EXPECT_THAT(
      crashed.output,
      AllOf(HasSubstr("has met a call of abort"), HasSubstr("chantrace: inputs: number = 5\n"),
            ContainsRegex("chantrace: keep: CHANTRACE_REPLAY\\(Crash, AtFive, \"c1:.*\", 5\\);")));
}

TEST_F(PropertyListenerTest, SaysNothingOfASeedThatDoesNotCount) {
  EXPECT_THAT(run("Sum.LosesNone", "", "").output, Not(HasSubstr("Using configuration")));
}

TEST_F(PropertyListenerTest, SaysWhatIsWrongWithItsParameters) {
  const RunResult refused = run("Sum.LosesNone", "", "RC_PARAMS=max_success=many");

  EXPECT_NE(refused.status, 0);
  EXPECT_THAT(refused.output, HasSubstr("max_success"));
}

TEST_F(PropertyListenerTest, ArgumentsWithoutANameAreCounted) {
  EXPECT_THAT(run("Misuse.DrawsInItsBody").output, HasSubstr("inputs     argument 1 = 0\n"));
}

/// That the text behind the type initializes a parameter of that type, and is what is written.
#define EXPECT_LITERAL(type, ...)                                           \
  EXPECT_EQ([](type value) { return detail::to_list(value); }(__VA_ARGS__), \
            std::optional<std::string>(#__VA_ARGS__))

TEST(LiteralTest, IsWhatInitializesAParameter) {
  using Numbers = std::vector<int>;
  using Pair = std::pair<int, std::string>;
  using Two = std::array<int, 2>;
  using Map = std::map<int, bool>;
  using MaybeNumber = std::optional<int>;
  EXPECT_LITERAL(int, 3);
  EXPECT_LITERAL(bool, true);
  EXPECT_LITERAL(long, -1);
  EXPECT_LITERAL(unsigned, 7);
  EXPECT_LITERAL(unsigned long, 7u);
  EXPECT_LITERAL(char, 97);
  EXPECT_LITERAL(long long, -9223372036854775807 - 1);
  EXPECT_LITERAL(unsigned long long, 18446744073709551615u);
  EXPECT_LITERAL(Numbers, {1, 2});
  EXPECT_LITERAL(std::vector<Numbers>, {{1}, {}});
  EXPECT_LITERAL(std::vector<std::string>, {});
  EXPECT_LITERAL(std::string, "a\"b\\\n\001");
  EXPECT_LITERAL(std::string, std::string("a\000b", 3));
  EXPECT_LITERAL(Pair, {1, "x"});
  EXPECT_LITERAL(std::tuple<int>, {2});
  EXPECT_LITERAL(Two, {{1, 2}});
  EXPECT_LITERAL(Map, {{1, false}});
  EXPECT_LITERAL(MaybeNumber, std::nullopt);
  EXPECT_LITERAL(MaybeNumber, 4);
}

TEST(LiteralTest, IsNoneWhereItWouldMeanSomethingElse) {
  EXPECT_EQ(detail::to_list(std::optional(std::vector<int>())), std::nullopt);
  EXPECT_EQ(detail::to_list(std::optional<std::optional<int>>(std::in_place)), std::nullopt);
  EXPECT_EQ(detail::to_list(1, std::vector{1.5}), std::nullopt);
}

}  // namespace
}  // namespace chantrace
