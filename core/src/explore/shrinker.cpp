#include "shrinker.h"

#include <algorithm>
#include <utility>

#include "../runtime/controlled_executor.h"
#include "depth_first.h"

namespace chantrace::detail {
namespace {

using SteadyClock = std::chrono::steady_clock;

/// So many operations has an execution that might be smaller than one with so many. One that polls
/// for ever would take as long as all others together.
std::uint64_t steps_max_for(std::uint64_t steps) {
  return steps < ~std::uint64_t{0} / 8 ? 4 * steps + 1'000 : steps;
}

}  // namespace

Shrinker::Shrinker(ControlledRuns& runs, const std::function<void()>& body,
                   const ControlOptions& control, const Judge& judge, const ShrinkLimits& limits)
    : runs_(runs), body_(body), control_(control), judge_(judge), limits_(limits) {}

std::optional<SmallFailure> Shrinker::shrink(Strategy& strategy, const std::string& failure) {
  start_ = SteadyClock::now();
  report_ = {};
  failure_ = failure;
  preemptions_searched_ = 0;
  best_.cost = {.preemptions = ~std::uint64_t{0}, .steps = control_.steps_max};
  PlanRecorder recorder(strategy);
  run(recorder);
  if (judge_(runs_.findings()) != failure_) return std::nullopt;
  if (!try_plan(recorder.record().plan())) return std::nullopt;
  report_.before = best_.cost;

  reduce();
  while (best_.cost.preemptions > 0 && !is_over() && search()) reduce();
  put_off_preemptions();
  report_.is_least = preemptions_searched_ >= best_.cost.preemptions;
  report_.after = best_.cost;
  report_.elapsed = SteadyClock::now() - start_;
  return std::move(best_);
}

// Executions.

bool Shrinker::is_over() const {
  return report_.executions >= limits_.executions || SteadyClock::now() - start_ > limits_.budget;
}

void Shrinker::run(Strategy& strategy) {
  strategy.begin(0);
  ControlOptions control = control_;
  control.steps_max = std::min(control.steps_max, steps_max_for(best_.cost.steps));
  runs_.run(body_, strategy, control, &log_);
  ++report_.executions;
}

bool Shrinker::accept(const PlanRecord& record, Accepts accepts) {
  ScheduleCost cost = record.cost(runs_.executor().steps());
  if (accepts == Accepts::kLess ? cost >= best_.cost : cost > best_.cost) return false;
  if (judge_(runs_.findings()) != failure_) return false;
  best_ = {record.plan(), cost, runs_.executor().schedule(), runs_.findings()};
  return true;
}

bool Shrinker::try_plan(const Plan& plan, Accepts accepts) {
  follower_.follow(plan);
  run(follower_);
  return accept(follower_.record(), accepts);
}

// Moves.

void Shrinker::reduce() {
  for (ScheduleCost before = best_.cost;; before = best_.cost) {
    delete_turns();
    join_turns();
    run_on();
    drop_choices();
    if (best_.cost == before || is_over()) return;
  }
}

void Shrinker::delete_turns() {
  for (std::size_t length = std::max<std::size_t>(best_.plan.turns.size() / 2, 1);; length /= 2) {
    for (std::size_t i = 0; i < best_.plan.turns.size() && !is_over();) {
      Plan plan = best_.plan;
      const auto first = plan.turns.begin() + static_cast<std::ptrdiff_t>(i);
      const auto count = std::min(length, plan.turns.size() - i);
      plan.turns.erase(first, first + static_cast<std::ptrdiff_t>(count));
      if (!try_plan(plan)) i += length;
    }
    if (length == 1) return;
  }
}

void Shrinker::join_turns() {
  for (std::size_t i = 0; i < best_.plan.turns.size() && !is_over(); ++i) {
    Plan plan = best_.plan;
    const std::uint32_t task = plan.turns[i].task;
    if (task == kClockTask) continue;
    // What the task does in its next turn it does in this one. The other way round is a deletion.
    const auto next =
        std::find_if(plan.turns.begin() + static_cast<std::ptrdiff_t>(i) + 1, plan.turns.end(),
                     [&](const Turn& turn) { return turn.task == task; });
    if (next == plan.turns.end()) continue;
    plan.turns[i].until = next->until;
    plan.turns.erase(next);
    if (try_plan(plan)) --i;
  }
}

void Shrinker::run_on() {
  for (std::size_t i = 0; i < best_.plan.turns.size() && !is_over(); ++i) {
    if (best_.plan.turns[i].until == kUntilItWaits) continue;
    Plan plan = best_.plan;
    plan.turns[i].until = kUntilItWaits;
    try_plan(plan);
  }
}

void Shrinker::drop_choices() {
  for (std::size_t i = 0; i < best_.plan.choices.size() && !is_over(); ++i) {
    if (best_.plan.choices[i] == 0) continue;
    Plan plan = best_.plan;
    plan.choices[i] = 0;
    try_plan(plan);
  }
}

bool Shrinker::search() {
  // With the fewest first. What was searched whole need not be searched again.
  const std::uint64_t end = report_.executions + limits_.search;
  for (; preemptions_searched_ < best_.cost.preemptions; ++preemptions_searched_) {
    DepthFirst strategy(preemptions_searched_);
    PlanRecorder recorder(strategy);
    const ObjectFamilies& families = runs_.executor().families();
    std::uint32_t known = families.changes();
    do {
      if (report_.executions >= end || is_over()) return false;
      run(recorder);
      if (accept(recorder.record(), Accepts::kLess)) return true;
      if (families.changes() != known) recorder.forget_places();
      known = families.changes();
    } while (recorder.end(true));
  }
  return false;
}

bool Shrinker::put_off(std::size_t turn, std::uint32_t by) {
  Plan plan = best_.plan;
  plan.turns[turn].until += by;
  const std::size_t turns = plan.turns.size();
  const std::uint32_t until = plan.turns[turn].until;
  if (!try_plan(plan, Accepts::kSame)) return false;
  // It waited before that, or something else became of it.
  return best_.plan.turns.size() == turns && best_.plan.turns[turn].until == until;
}

void Shrinker::put_off_preemptions() {
  for (std::size_t i = 0; i < best_.plan.turns.size(); ++i) {
    std::uint32_t by = 1;
    while (i < best_.plan.turns.size() && best_.plan.turns[i].until != kUntilItWaits &&
           !is_over() && put_off(i, by))
      by *= 2;
    for (; by > 1; by /= 2)
      if (i < best_.plan.turns.size() && best_.plan.turns[i].until != kUntilItWaits && !is_over())
        put_off(i, by / 2);
  }
}

}  // namespace chantrace::detail
