#include "chantrace/explore.h"

#include <algorithm>
#include <memory>

#include "../runtime/controlled_executor.h"
#include "chantrace/detail/explore_body.h"
#include "controlled_run.h"
#include "distinct_counter.h"
#include "random.h"
#include "replay_schedule.h"
#include "strategies.h"

namespace chantrace {

using namespace detail;  // NOLINT: this file is made of its parts.

namespace {

using SteadyClock = std::chrono::steady_clock;

/// Being cut is none: a strategy may let a task poll for ever.
bool is_fault(const Finding& finding) {
  return finding.certainty != Certainty::kNote && !is_step_limit(finding);
}

Judgement judge_by_faults(const std::vector<Finding>& findings) {
  return std::any_of(findings.begin(), findings.end(), is_fault) ? Judgement::kFailed
                                                                 : Judgement::kPassed;
}

/// The last execution once more, under the same schedule, and watched.
void run_again(ControlledRuns& runs, const std::function<void()>& body,
               const ControlOptions& options) {
  const Schedule schedule = runs.executor().schedule();
  ReplaySchedule replay(schedule);
  replay.begin(0);
  runs.watch_next();
  runs.run(body, replay, options);
}

/// A circle that did close is told of as a deadlock already.
std::vector<Finding> lock_orders_beside(ControlledRuns& runs, const std::vector<Finding>& told) {
  std::vector<Finding> orders = runs.find_lock_orders();
  const auto waits_there = [](const Finding& deadlock, const Participant& locking) {
    return std::any_of(deadlock.participants.begin(), deadlock.participants.end(),
                       [&](const Participant& waiting) { return waiting.site == locking.site; });
  };
  std::erase_if(orders, [&](const Finding& order) {
    return std::any_of(told.begin(), told.end(), [&](const Finding& one) {
      return one.kind == FindingKind::kDeadlock &&
             std::all_of(order.participants.begin(), order.participants.end(),
                         [&](const Participant& locking) { return waits_there(one, locking); });
    });
  });
  return orders;
}

}  // namespace

const std::vector<Finding>& ExploreResult::findings() const {
  static const std::vector<Finding> none;
  return first_failure ? first_failure->findings : none;
}

ExploreResult explore(const std::function<void()>& body, const ExploreOptions& options) {
  return explore_body(body, options, judge_by_faults);
}

namespace detail {

ControlOptions control_options(const RunOptions& options) {
  return {
      .rules = options.rules, .steps_max = options.steps_max, .stack_bytes = options.stack_bytes};
}

ExploreResult explore_body(const std::function<void()>& body, const ExploreOptions& options,
                           const Judge& judge) {
  ControlledRuns runs({options.run.finds_races, options.finds_lock_orders});
  runs.executor().families().clear();
  ControlOptions control = control_options(options.run);
  control.skips_private_objects = options.skips_private_objects;
  const std::unique_ptr<Strategy> strategy = make_strategy(options.strategy, options.schedules);
  DistinctCounter distinct;
  ExploreResult result;
  const auto start = SteadyClock::now();
  const auto is_over = [&] {
    return options.budget.count() > 0 && SteadyClock::now() - start >= options.budget;
  };
  while (result.executions < options.schedules && !is_over() && !result.is_exhausted) {
    const std::uint64_t index = result.executions++;
    strategy->begin(seed_of(options.seed, index));
    ControlledExecutor& executor = runs.executor();
    const std::uint32_t known = executor.families().changes();
    runs.run(body, *strategy, control);
    if (control.skips_private_objects && executor.families().changes() != known)
      strategy->forget_places();
    const bool is_whole = executor.cut() == Cut::kNone && runs.has_ended_well();
    result.is_exhausted = !strategy->end(is_whole);
    distinct.add(executor.trace_hash());
    result.steps += executor.steps();
    result.decisions += executor.decisions();
    result.abandoned += executor.abandoned();
    if (executor.cut() == Cut::kStepLimit) ++result.cut;
    if (runs.has_missed_something()) run_again(runs, body, control);
    const Judgement judgement = judge(runs.findings());
    if (judgement == Judgement::kEnough) break;
    if (judgement == Judgement::kPassed) continue;
    ++result.failures;
    if (!result.first_failure) {
      result.first_failure = {index, std::string(strategy->name()), executor.schedule(),
                              runs.findings()};
      // A watched execution can say more of its tasks.
      if (!runs.was_watched() && !runs.has_stranger()) run_again(runs, body, control);
      if (!runs.findings().empty()) result.first_failure->findings = runs.findings();
    }
    if (!options.goes_on || runs.has_stranger()) break;
  }
  result.elapsed = SteadyClock::now() - start;
  if (result.executions > 0) result.last_schedule = runs.executor().schedule();
  result.distinct = distinct.count();
  result.lock_orders = lock_orders_beside(runs, result.findings());
  return result;
}

struct Follower::Impl {
  explicit Impl(Schedule followed) : schedule(std::move(followed)), strategy(schedule) {
    strategy.begin(0);
  }
  const Schedule schedule;
  ReplaySchedule strategy;
};

Follower::Follower(Schedule schedule) : impl_(std::make_unique<Impl>(std::move(schedule))) {}
Follower::~Follower() = default;

Strategy& Follower::strategy() { return impl_->strategy; }
const Schedule& Follower::schedule() const { return impl_->schedule; }

std::uint64_t Follower::diverged_at() const {
  return impl_->strategy.divergence() ? impl_->strategy.divergence()->step : 0;
}

}  // namespace detail

RunResult run(const std::function<void()>& body, const Schedule& schedule,
              const RunOptions& options) {
  ControlledRuns runs({.for_races = options.finds_races});
  ControlOptions control = control_options(options);
  control.rules = schedule.rules;
  ReplaySchedule replay(schedule);
  replay.begin(0);
  runs.run(body, replay, control);
  return {runs.findings(), runs.executor().schedule(), runs.executor().steps(),
          replay.divergence() ? replay.divergence()->step : 0};
}

}  // namespace chantrace
