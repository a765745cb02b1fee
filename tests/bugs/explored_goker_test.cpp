// The kernels under control: each is found within few schedules, runs again exactly, and its
// correct twin is clean.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "bugs/kernels.h"
#include "bugs/schedules.h"
#include "chantrace/explore.h"

namespace chantrace::bugs {
namespace {

constexpr std::uint64_t kSchedulesToFind = 100;
constexpr std::uint64_t kSeeds = 20;
constexpr int kReplays = 5;
/// Kernels whose tasks poll are cut early: what a strategy does to them is of no interest.
constexpr std::uint64_t kStepsMax = 2'000;

ExploreOptions options_with(const SearchStrategy& strategy) {
  ExploreOptions options;
  options.strategy = strategy;
  options.run.steps_max = kStepsMax;
  return options;
}

class ExploredGokerTest : public ::testing::TestWithParam<Kernel> {};

TEST_P(ExploredGokerTest, PortfolioFindsItInFewSchedules) {
  const Kernel& kernel = GetParam();
  std::vector<std::uint64_t> needed;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    ExploreOptions options = options_with(portfolio());
    options.schedules = 10'000;
    options.seed = seed;
    options.shrink.executions = 0;
    const ExploreResult result = explore([&] { kernel.faulty(); }, options);
    ASSERT_TRUE(result.first_failure) << "seed " << seed;
    needed.push_back(result.executions);
    EXPECT_THAT(kernel.kinds, ::testing::Contains(result.findings().front().kind))
        << to_text(result.findings().front());
    if (kernel.shows_always) {
      EXPECT_EQ(result.executions, 1u);
    }
  }

  std::nth_element(needed.begin(), needed.begin() + kSeeds / 2, needed.end());
  EXPECT_LE(needed[kSeeds / 2], kSchedulesToFind);
}

TEST_P(ExploredGokerTest, FailureRunsAgainExactly) {
  const Kernel& kernel = GetParam();
  const SearchStrategy strategies[] = {random_walk(),     partial_order_sampling(),
                                       priorities(3),     selective_uniform_walk(),
                                       deviation_sweep(), greybox()};
  for (const SearchStrategy& strategy : strategies) {
    for (const TimeMode mode : {TimeMode::kChoice, TimeMode::kQuiescence}) {
      ExploreOptions options = options_with(strategy);
      // An execution of a kernel that polls may be cut, which takes long under a sanitizer.
      options.schedules = std::min<std::uint64_t>(300, kSchedulesOfFixed);
      options.run.rules.time_mode = mode;
      options.shrink.executions = 0;
      const ExploreResult explored = explore([&] { kernel.faulty(); }, options);
      if (!explored.first_failure) continue;
      for (int i = 0; i < kReplays; ++i) {
        const RunResult again =
            run([&] { kernel.faulty(); }, explored.first_failure->schedule, options.run);

        ASSERT_FALSE(again.divergence) << to_string(strategy);
        ASSERT_EQ(again.schedule, explored.first_failure->schedule) << to_string(strategy);
        ASSERT_EQ(again.findings, explored.findings()) << to_string(strategy);
      }
    }
  }
}

TEST_P(ExploredGokerTest, CorrectTwinIsClean) {
  const Kernel& kernel = GetParam();
  for (const TimeMode mode : {TimeMode::kChoice, TimeMode::kQuiescence}) {
    ExploreOptions options = options_with(portfolio());
    options.schedules = kSchedulesOfFixed / 2;
    options.run.rules.time_mode = mode;

    const ExploreResult result = explore([&] { kernel.fixed(); }, options);

    EXPECT_FALSE(result.first_failure) << to_text(result.findings().front());
    EXPECT_EQ(result.abandoned, 0u);
  }
}

INSTANTIATE_TEST_SUITE_P(, ExploredGokerTest, ::testing::ValuesIn(kernels()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace chantrace::bugs
