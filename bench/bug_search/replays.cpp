#include "replays.h"

#include <fmt/format.h>

#include <cstdio>
#include <cstring>
#include <stdexcept>

#include "chantrace/detail/execution.h"
#include "chantrace/detail/explore_body.h"
#include "chantrace/misuse.h"
#include "chantrace/trace.h"
#include "measure.h"

namespace chantrace::bench {
namespace {

bool are_same(const std::vector<EventRecord>& left, const std::vector<EventRecord>& right) {
  return left.size() == right.size() &&
         std::memcmp(left.data(), right.data(), left.size() * sizeof(EventRecord)) == 0;
}

struct BodyIsStuck {};

}  // namespace

Replayer::Recorded Replayer::record(const std::function<void()>& body, const Schedule& schedule,
                                    const RunOptions& options) const {
  const auto path = folder_.file("replayed.chantrace");
  detail::Follower follower(schedule);
  detail::ExecutionOptions execution_options;
  execution_options.recording.path = path;
  execution_options.throw_in_body = [] { throw BodyIsStuck{}; };
  execution_options.strategy = &follower.strategy();
  execution_options.control = detail::control_options(options);
  execution_options.control.rules = schedule.rules;
  detail::Execution execution(std::move(execution_options));
  try {
    body();
  } catch (const BodyIsStuck&) {
    // The end of a body that waits for what cannot come.
  } catch (const std::exception& error) {
    execution.note_body_exception(error.what());
  }
  Recorded recorded{.schedule = *execution.settle({}).schedule};
  if (const auto divergence = follower.divergence(recorded.schedule))
    recorded.divergence = divergence->summary;
  execution.finish(true, true, {});
  const auto trace = read_trace(path);
  if (!trace) throw std::runtime_error(trace.error().to_string());
  for (const TaskStream& stream : trace.value().streams)
    recorded.events.insert(recorded.events.end(), stream.events.begin(), stream.events.end());
  return recorded;
}

void Replayer::check(const std::string& what, const std::function<void()>& body,
                     const Schedule& schedule, const RunOptions& options,
                     const std::vector<Finding>* findings) {
  ++schedules_;
  const RunResult again = run(body, schedule, options);
  const Recorded first = record(body, schedule, options);
  const Recorded second = record(body, schedule, options);
  events_ += first.events.size();
  if (!again.findings.empty()) ++failing_;
  const auto differs = [&](std::string_view how) {
    differences_.push_back(fmt::format("{}: {} ({})", what, how, schedule.to_string()));
  };
  if (again.divergence || !first.divergence.empty() || !second.divergence.empty()) {
    ++diverged_;
    differs(fmt::format("diverged: {}; {}; {}", again.divergence ? again.divergence->summary : "",
                        first.divergence, second.divergence));
  } else if (again.schedule != schedule || first.schedule != schedule ||
             second.schedule != schedule) {
    differs("another schedule");
  } else if (findings != nullptr && again.findings != *findings) {
    differs("other findings");
  } else if (!are_same(first.events, second.events)) {
    differs("other events");
  }
}

bool replay_many(const std::vector<BugProgram>& programs, std::uint64_t count) {
  constexpr std::uint64_t kSchedulesMax = 40;
  Replayer replayer;
  for (std::uint64_t round = 0; replayer.schedules() < count; ++round) {
    for (const BugProgram& program : programs) {
      for (const SearchStrategy& strategy : searched_strategies()) {
        if (replayer.schedules() >= count) break;
        const StepRules rules = {
            .time_mode = round % 2 == 0 ? TimeMode::kChoice : TimeMode::kQuiescence,
            .spawn_is_step = round % 4 == 3,
            .unlock_is_step = round % 8 == 5};
        const RunOptions options = run_options(rules);
        const bool is_fixed = round % 3 == 2;
        const auto body = [&] { is_fixed ? program.fixed() : program.faulty(); };
        const ExploreResult result = explore(body, {.schedules = 1 + round * 7 % kSchedulesMax,
                                                    .strategy = strategy,
                                                    .seed = round,
                                                    .run = options,
                                                    .goes_on = true,
                                                    .shrink = {.executions = 0}});
        const std::string what =
            fmt::format("{}, {}, seed {}", program.name, to_string(strategy), round);
        if (result.first_failure)
          replayer.check(what, body, result.first_failure->schedule, options,
                         &result.first_failure->findings);
        if (!result.first_failure || result.first_failure->schedule != result.last_schedule)
          replayer.check(what, body, result.last_schedule, options, nullptr);
      }
    }
    fmt::print(stderr, "{} of {} schedules\n", replayer.schedules(), count);
  }
  fmt::print(
      "{} schedules, {} of them with findings, replayed 3 times each: {} diverged, {} differ; {} "
      "events compared\n",
      replayer.schedules(), replayer.failing(), replayer.diverged(), replayer.differences().size(),
      replayer.events());
  for (const std::string& difference : replayer.differences()) fmt::print("  {}\n", difference);
  return replayer.differences().empty();
}

}  // namespace chantrace::bench
