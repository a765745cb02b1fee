// The kernels on threads: what shows in every schedule is found in every run, and their correct
// twins are clean in every run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "bugs/kernels.h"
#include "chantrace/trace.h"
#include "support/run_on_threads.h"
#include "support/temporary_folder.h"

namespace chantrace::bugs {
namespace {

constexpr int kRuns = 20;
/// For kernels whose tasks poll, and so never come to rest, in a schedule that hides the bug.
constexpr auto kPatience = std::chrono::milliseconds(300);

class GokerTest : public ::testing::TestWithParam<Kernel> {};

TEST_P(GokerTest, FaultyVariantIsFound) {
  const Kernel& kernel = GetParam();
  int found = 0;
  for (int i = 0; i < kRuns; ++i) {
    const ThreadsRun run = run_on_threads([&] { kernel.faulty(); }, kPatience);

    const auto faults = run.faults();
    if (!faults.empty()) {
      ++found;
      EXPECT_THAT(kernel.kinds, ::testing::Contains(faults.front().kind)) << run.to_string();
    }
    if (kernel.shows_always) {
      ASSERT_FALSE(faults.empty()) << "run " << i;
    }
    EXPECT_EQ(run.end.abandoned, 0u);
  }
  RecordProperty("found_of_20", found);
}

TEST_P(GokerTest, FixedVariantIsClean) {
  const Kernel& kernel = GetParam();
  for (int i = 0; i < kRuns; ++i) {
    const ThreadsRun run = run_on_threads([&] { kernel.fixed(); }, std::chrono::seconds(20));

    ASSERT_TRUE(run.faults().empty()) << "run " << i << "\n" << run.to_string();
    ASSERT_FALSE(run.body_was_stuck);
    EXPECT_EQ(run.end.abandoned, 0u);
  }
}

/// What must be the same of a finding, however it was found.
std::string to_line(const Finding& finding) {
  return std::string(to_string(finding.certainty)) + " " + to_text(finding);
}

// There is one analysis. What it is given, by the runtime or by the trace of the same run, must be
// the same; but for notes, as the runtime does not remember channels that nobody waits at.
TEST_P(GokerTest, TraceShowsWhatTheRuntimeSaw) {
  const Kernel& kernel = GetParam();
  const TemporaryFolder folder;
  for (const Variant variant : {Variant::kFaulty, Variant::kFixed}) {
    for (int i = 0; i < kRuns; ++i) {
      const auto path = folder.path() / "kernel.chantrace";
      detail::RecordingOptions recording;
      recording.path = path;
      const ThreadsRun run = run_on_threads([&] { kernel.run(variant); }, kPatience, recording);
      const auto trace = read_trace(path);
      ASSERT_TRUE(trace.has_value()) << trace.error().to_string();

      std::vector<std::string> seen;
      for (const Finding& finding : run.faults()) seen.push_back(to_line(finding));
      std::vector<std::string> shown;
      for (const Finding& finding : analyze(end_state(trace.value(), order_events(trace.value()))))
        if (finding.certainty != Certainty::kNote) shown.push_back(to_line(finding));
      ASSERT_EQ(shown, seen) << "run " << i;
      for (const Finding& finding : analyze(trace.value()))
        ASSERT_NE(finding.kind, FindingKind::kInconsistent) << to_text(finding);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(, GokerTest, ::testing::ValuesIn(kernels()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace chantrace::bugs
