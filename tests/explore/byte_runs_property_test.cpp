// Whatever bytes say, and whatever they say it of: an execution comes of it, its schedule leads to
// the same one, and the schedule has bytes.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "chantrace/detail/byte_runs.h"
#include "chantrace/explore.h"
#include "explore/deviation.h"
#include "support/random_program.h"

namespace chantrace {
namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::uint64_t kStepsMax = 3'000;

RC_GTEST_PROP(DeviationProperty, IsReadAsItWasWritten, ()) {
  const auto gaps = *rc::gen::container<std::vector<std::uint32_t>>(rc::gen::oneOf(
      rc::gen::inRange<std::uint32_t>(0, 40), rc::gen::inRange<std::uint32_t>(0, 30'000'000)));
  std::vector<detail::Deviation> written;
  for (const std::uint32_t gap : gaps)
    written.push_back({gap, *rc::gen::inRange<std::uint32_t>(0, 300), *rc::gen::arbitrary<bool>()});
  Bytes bytes;
  for (const detail::Deviation& deviation : written) append_bytes(bytes, deviation);

  RC_ASSERT(detail::to_deviations(bytes).size() == written.size());
  RC_ASSERT(detail::to_deviations(bytes) == written);
}

RC_GTEST_PROP(DeviationProperty, AnyBytesAreDeviationsThatCanBeWritten, (const Bytes& bytes)) {
  const std::vector<detail::Deviation> read = detail::to_deviations(bytes);
  Bytes written;
  for (const detail::Deviation& deviation : read) append_bytes(written, deviation);

  RC_ASSERT(read.size() <= bytes.size());
  RC_ASSERT(detail::to_deviations(written) == read);
}

RC_GTEST_PROP(ByteRunsProperty, AnyBytesLeadToAnExecutionThatCanRunAgain,
              (const Bytes& bytes, std::uint64_t program)) {
  const RunOptions options{.steps_max = kStepsMax};
  const auto body = [&] { run_random_program(program); };
  detail::ByteRuns runs(options);

  const detail::ByteRun made = runs.run(body, bytes);
  const Schedule schedule = runs.schedule();
  const RunResult again = run(body, schedule, options);

  RC_CLASSIFY(made.has_failed, "failed");
  RC_ASSERT(!again.divergence.has_value());
  RC_ASSERT(again.schedule == schedule);
  runs.run(body, bytes);
  RC_ASSERT(runs.schedule() == schedule);
}

RC_GTEST_PROP(ByteRunsProperty, EachScheduleOfBytesHasBytes,
              (const Bytes& bytes, std::uint64_t program)) {
  const auto body = [&] { run_random_program(program); };
  detail::ByteRuns runs({.steps_max = kStepsMax});
  runs.run(body, bytes);
  const Schedule schedule = runs.schedule();

  const std::optional<Bytes> found = runs.find_bytes(body, schedule);

  RC_ASSERT(found.has_value());
  RC_ASSERT(found->size() <= bytes.size() + 100);
  runs.run(body, *found);
  RC_ASSERT(runs.schedule() == schedule);
}

// What is explored is not decided in the same places, and still comes to the same executions.
RC_GTEST_PROP(ByteRunsProperty, EachScheduleThatIsExploredHasBytes,
              (std::uint64_t seed, std::uint64_t program)) {
  const auto body = [&] { run_random_program(program); };
  const ExploreOptions options{
      .schedules = 5, .strategy = random_walk(), .seed = seed, .run = {.steps_max = kStepsMax}};
  const ExploreResult explored = explore(body, options);
  RC_PRE(!explored.first_failure.has_value());
  detail::ByteRuns runs(options.run);

  const std::optional<Bytes> found = runs.find_bytes(body, explored.last_schedule);

  RC_ASSERT(found.has_value());
  runs.run(body, *found);
  RC_ASSERT(runs.schedule().fingerprint == explored.last_schedule.fingerprint);
}

}  // namespace
}  // namespace chantrace
