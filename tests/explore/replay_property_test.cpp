// Random programs of all kinds of operations: whatever schedule a strategy comes up with, the
// program does the same under it again.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "chantrace/detail/race_annotations.h"
#include "chantrace/explore.h"
#include "support/random_program.h"

namespace chantrace {
namespace {

#if defined(CHANTRACE_WITH_TSAN) || defined(__SANITIZE_ADDRESS__)
constexpr std::uint64_t kPrograms = 100;
#else
constexpr std::uint64_t kPrograms = 1'500;
#endif

class ReplayProperty : public testing::TestWithParam<std::string> {};

TEST_P(ReplayProperty, WhateverIsExploredDoesTheSameAgain) {
  for (std::uint64_t seed = 1; seed <= kPrograms; ++seed) {
    const auto body = [seed] { run_random_program(seed); };
    ExploreOptions options;
    options.schedules = 1 + seed % 40;
    options.strategy = *parse_search_strategy(GetParam());
    options.seed = seed;
    options.run.steps_max = 3'000;
    if (seed % 3 == 1) options.run.rules.time_mode = TimeMode::kQuiescence;
    options.run.rules.unlock_is_step = seed % 5 == 1;
    options.run.rules.spawn_is_step = seed % 7 == 1;

    const ExploreResult result = explore(body, options);

    for (const Finding& finding : result.findings())
      ASSERT_NE(finding.kind, FindingKind::kDivergence) << "program " << seed << "\n"
                                                        << to_text(finding);
    const RunResult again = run(body, result.last_schedule, options.run);
    ASSERT_FALSE(again.divergence) << "program " << seed;
    ASSERT_EQ(again.schedule, result.last_schedule) << "program " << seed;
  }
}

INSTANTIATE_TEST_SUITE_P(Strategies, ReplayProperty,
                         testing::Values("portfolio", "random", "pos", "pct:3", "surw", "site",
                                         "sweep", "greybox", "dfs"),
                         [](const auto& one) {
                           return one.param == "pct:3" ? std::string("pct") : one.param;
                         });

}  // namespace
}  // namespace chantrace
