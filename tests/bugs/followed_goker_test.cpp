// The kernels on threads, recorded, and again under control in the order of their traces: nearly
// always what the threads did can be followed, and then it ends in the same way.
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "bugs/kernels.h"
#include "chantrace/chantrace.h"
#include "chantrace/detail/execution.h"
#include "chantrace/detail/explore_body.h"
#include "chantrace/trace.h"
#include "support/run_on_threads.h"
#include "support/temporary_folder.h"

namespace chantrace::bugs {
namespace {

constexpr int kRuns = 20;
/// Of all runs of a kernel. A trace does not tell when a select left the channels whose cases it
/// did not take; where a run hangs on that, it is the time of records that is believed.
constexpr int kNotFollowedMax = 4;
/// What a trace does not tell of. Timers that are due within nanoseconds of each other fire on
/// threads in whatever order the host takes them, and under control in the order in which they are
/// due.
constexpr std::string_view kTimersRace = "moby_33781";
/// A select that takes its default leaves no mark at its channels, and two tasks poll so.
constexpr std::string_view kPollsRace = "kubernetes_11298";
/// One task polls so. Whether it saw the sender is told by times alone, which are wrong now and
/// then.
constexpr std::string_view kPolls = "moby_28462";
constexpr auto kPatience = std::chrono::milliseconds(300);

using Kinds = std::set<std::string>;

Kinds kinds_of(const std::vector<Finding>& findings) {
  Kinds kinds;
  for (const Finding& finding : findings)
    if (finding.certainty != Certainty::kNote) kinds.insert(std::string(to_string(finding.kind)));
  return kinds;
}

struct Followed {
  Kinds kinds;
  std::string divergence;  ///< Empty: there was none.
};

Followed follow(const Kernel& kernel, Variant variant, std::shared_ptr<const Trace> trace) {
  detail::Follower follower(std::move(trace));
  detail::ExecutionOptions options;
  options.strategy = &follower.strategy();
  options.control = detail::control_options(follower.options_for({}));
  Followed followed;
  const auto add = [&](const EndState& state) { followed.kinds.merge(kinds_of(analyze(state))); };
  options.on_deadlock = add;
  detail::Execution execution(std::move(options));
  try {
    kernel.run(variant);
  } catch (...) {
    // It was blocked for ever, which has been noted.
  }
  const detail::ExecutionEnd end = execution.settle({});
  if (followed.kinds.empty()) add(end.state);
  if (end.cut) followed.kinds.insert("cut");
  if (const auto divergence = follower.divergence(*end.schedule))
    followed.divergence = to_text(*divergence);
  execution.finish(false, false, {});
  return followed;
}

class FollowedGokerTest : public ::testing::TestWithParam<Kernel> {};

TEST_P(FollowedGokerTest, OrderOfThreadsLeadsToTheSameEnd) {
  const Kernel& kernel = GetParam();
  if (kernel.name == kTimersRace || kernel.name == kPollsRace)
    GTEST_SKIP() << "its order is not in its trace";
  const TemporaryFolder folder;
  int not_followed = 0;
  for (const Variant variant : {Variant::kFaulty, Variant::kFixed}) {
    for (int i = 0; i < kRuns / 2; ++i) {
      const auto path = folder.path() / "kernel.chantrace";
      detail::RecordingOptions recording;
      recording.path = path;
      const ThreadsRun run = run_on_threads([&] { kernel.run(variant); }, kPatience, recording);
      auto trace = read_trace(path);
      ASSERT_TRUE(trace.has_value()) << trace.error().to_string();

      const Followed followed =
          follow(kernel, variant, std::make_shared<const Trace>(std::move(trace).value()));

      if (!followed.divergence.empty()) {
        ++not_followed;
        continue;
      }
      if (kernel.name == kPolls && followed.kinds != kinds_of(run.faults())) {
        ++not_followed;
        continue;
      }
      EXPECT_EQ(followed.kinds, kinds_of(run.faults())) << "run " << i;
    }
  }
  RecordProperty("not_followed_of_20", not_followed);
  EXPECT_LE(not_followed, kernel.shows_always ? 0 : kNotFollowedMax);
}

// The first task that is unwound gives back the lock that the other one waits for.
TEST(FollowedUnwindingTest, WhatIsGivenBackThereIsNoPartOfTheOrder) {
  const Kernel deadlock = {
      "scoped locks", KernelClass::kResource, true, {FindingKind::kDeadlock}, [](Variant) {
        Mutex left("left");
        Mutex right("right");
        Channel<int> has_left("has left", 1);
        Channel<int> has_right("has right", 1);
        Task tasks[] = {go([&] {
                          const std::scoped_lock first(left);
                          has_left.send(1);
                          has_right.recv();
                          const std::scoped_lock second(right);
                        }),
                        go([&] {
                          const std::scoped_lock first(right);
                          has_right.send(1);
                          has_left.recv();
                          const std::scoped_lock second(left);
                        })};
        for (Task& task : tasks) task.join();
      }};
  const TemporaryFolder folder;
  for (int i = 0; i < kRuns; ++i) {
    const auto path = folder.path() / "deadlock.chantrace";
    detail::RecordingOptions recording;
    recording.path = path;
    const ThreadsRun run =
        run_on_threads([&] { deadlock.run(Variant::kFaulty); }, kPatience, recording);
    auto trace = read_trace(path);
    ASSERT_TRUE(trace.has_value()) << trace.error().to_string();

    const Followed followed =
        follow(deadlock, Variant::kFaulty, std::make_shared<const Trace>(std::move(trace).value()));

    EXPECT_EQ(followed.divergence, "");
    EXPECT_EQ(followed.kinds, kinds_of(run.faults()));
    EXPECT_TRUE(followed.kinds.contains("deadlock"));
  }
}

INSTANTIATE_TEST_SUITE_P(, FollowedGokerTest, ::testing::ValuesIn(kernels()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace chantrace::bugs
