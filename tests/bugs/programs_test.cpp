// Programs with a bug that few schedules show: the portfolio finds each, what it finds runs again
// exactly, and the correct twins are clean.
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "bugs/programs.h"
#include "bugs/schedules.h"
#include "chantrace/explore.h"

namespace chantrace::bugs {
namespace {

std::vector<Program> all_programs() {
  std::vector<Program> all = sctbench_programs();
  const std::vector<Program>& lock_free = lock_free_programs();
  all.insert(all.end(), lock_free.begin(), lock_free.end());
  return all;
}

class ProgramTest : public ::testing::TestWithParam<Program> {};

TEST_P(ProgramTest, PortfolioFindsItAndItRunsAgain) {
  const Program& program = GetParam();
  ExploreOptions options = {.schedules = 1'000'000};
#if defined(CHANTRACE_WITH_TSAN)
  // The more executions a faulty program has, the more of its races are reported.
  options.shrink.executions = 0;
#endif
  const ExploreResult result = explore([&] { program.faulty(); }, options);

  ASSERT_TRUE(result.first_failure);
  // Whoever waits for the task that failed may be told of first.
  EXPECT_TRUE(std::any_of(result.findings().begin(), result.findings().end(),
                          [&](const Finding& finding) {
                            return std::count(program.kinds.begin(), program.kinds.end(),
                                              finding.kind) > 0;
                          }))
      << to_text(result.findings().front());
  for (int i = 0; i < 3; ++i) {
    const RunResult again = run([&] { program.faulty(); }, result.first_failure->schedule);
    ASSERT_FALSE(again.divergence);
    ASSERT_EQ(again.schedule, result.first_failure->schedule);
    ASSERT_EQ(again.findings, result.findings());
  }
}

// What a replay says must not depend on how often a task was asked before it went on.
TEST_P(ProgramTest, WhatTheRandomWalkFindsIsFoundAgain) {
#if defined(CHANTRACE_WITH_TSAN)
  GTEST_SKIP() << "faulty programs have races that are reported";
#endif
  constexpr std::uint64_t kSeeds = 20;
  const Program& program = GetParam();
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    ExploreOptions options = {.schedules = 50, .strategy = random_walk(), .seed = seed};
    options.run.rules.spawn_is_step = seed % 2 == 0;
    options.shrink.executions = 0;
    const ExploreResult result = explore([&] { program.faulty(); }, options);
    if (!result.first_failure) continue;

    const RunResult again =
        run([&] { program.faulty(); }, result.first_failure->schedule, options.run);

    ASSERT_EQ(again.schedule, result.first_failure->schedule);
    ASSERT_EQ(again.findings, result.findings()) << to_text(again.findings.front());
  }
}

TEST_P(ProgramTest, CorrectTwinIsClean) {
  const Program& program = GetParam();
  const ExploreResult result = explore([&] { program.fixed(); }, {.schedules = kSchedulesOfFixed});

  EXPECT_FALSE(result.first_failure) << to_text(result.findings().front());
  EXPECT_EQ(result.cut, 0u);
}

INSTANTIATE_TEST_SUITE_P(, ProgramTest, ::testing::ValuesIn(all_programs()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace chantrace::bugs
