#include "chantrace/detail/byte_runs.h"

#include <utility>

#include "../runtime/controlled_executor.h"
#include "byte_schedule.h"
#include "controlled_run.h"
#include "replay_schedule.h"

namespace chantrace::detail {

struct ByteRuns::Impl {
  Impl(const RunOptions& options, std::span<std::uint8_t> edges)
      : finds_races(options.finds_races), control(control_options(options)), strategy(edges) {
    // What is known of objects would depend on the executions before.
    control.skips_private_objects = false;
  }

  /// Returns: the rules under which it ran.
  StepRules run(ControlledRuns& runs, const std::function<void()>& body, Strategy& decides,
                StepRules rules);

  const bool finds_races;
  ControlOptions control;
  ByteSchedule strategy;
  EventLog log;
};

StepRules ByteRuns::Impl::run(ControlledRuns& runs, const std::function<void()>& body,
                              Strategy& decides, StepRules rules) {
  ObjectFamilies& families = runs.executor().families();
  for (;;) {
    families.clear();
    decides.begin(0);
    ControlOptions options = control;
    options.rules = rules;
    runs.run(body, decides, options, &log);
    // As in `explore`, but from the start: what an input means must not depend on others.
    const StepRules before =
        std::exchange(rules, {.time_mode = rules.time_mode,
                              .spawn_is_step = rules.spawn_is_step,
                              .unlock_is_step = rules.unlock_is_step || families.locks_are_tried(),
                              .end_is_step = rules.end_is_step || families.ends_are_seen()});
    if (rules == before) return rules;
  }
}

ByteRuns::ByteRuns(const RunOptions& options, std::span<std::uint8_t> edges)
    : impl_(std::make_unique<Impl>(options, edges)) {}
ByteRuns::~ByteRuns() = default;

ByteRun ByteRuns::run(const std::function<void()>& body, std::span<const std::uint8_t> bytes,
                      const Judge& judge) {
  ControlledRuns runs({.for_races = impl_->finds_races});
  impl_->strategy.follow(bytes);
  impl_->run(runs, body, impl_->strategy, impl_->control.rules);
  ByteRun result{.has_failed = !judge(runs.findings()).empty(),
                 .decisions = impl_->strategy.decisions(),
                 .tasks = impl_->strategy.tasks()};
  if (result.has_failed) result.findings = runs.findings();
  return result;
}

Schedule ByteRuns::schedule() { return Runtime::instance().controlled().schedule(); }

std::optional<std::vector<std::uint8_t>> ByteRuns::find_bytes(const std::function<void()>& body,
                                                              const Schedule& schedule) {
  ReplaySchedule replay(schedule);
  ByteRecorder recorder(replay);
  std::uint64_t fingerprint = 0;
  {
    ControlledRuns runs({.for_races = false});
    impl_->run(runs, body, recorder, impl_->control.rules);
    fingerprint = runs.executor().schedule().fingerprint;
  }
  if (replay.divergence() || (schedule.fingerprint != 0 && schedule.fingerprint != fingerprint))
    return std::nullopt;
  std::vector<std::uint8_t> bytes = recorder.bytes();
  run(body, bytes);
  if (this->schedule().fingerprint != fingerprint) return std::nullopt;
  return bytes;
}

}  // namespace chantrace::detail
