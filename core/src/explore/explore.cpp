#include "chantrace/explore.h"

#include <algorithm>
#include <bit>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "../runtime/controlled_executor.h"
#include "chantrace/detail/explore_body.h"
#include "controlled_run.h"
#include "distinct_counter.h"
#include "explainer.h"
#include "hidden_nondeterminism.h"
#include "random.h"
#include "replay_schedule.h"
#include "shrinker.h"
#include "strategies.h"

namespace chantrace {

using namespace detail;  // NOLINT: this file is made of its parts.

namespace {

using SteadyClock = std::chrono::steady_clock;

/// Being cut is none: a strategy may let a task poll for ever.
bool is_fault(const Finding& finding) {
  return finding.certainty != Certainty::kNote && !is_step_limit(finding);
}

}  // namespace

const std::vector<Finding>& ExploreResult::findings() const {
  static const std::vector<Finding> none;
  return first_failure ? first_failure->findings : none;
}

std::uint64_t schedules_max(const ExploreOptions& options) {
  constexpr std::uint64_t kByDefault = 1'000;
  if (options.schedules > 0) return options.schedules;
  return options.budget.count() > 0 ? ~std::uint64_t{0} : kByDefault;
}

ExploreResult explore(const std::function<void()>& body, const ExploreOptions& options) {
  return explore_body(body, options, first_fault);
}

namespace detail {

std::string first_fault(const std::vector<Finding>& findings) {
  const auto first = std::find_if(findings.begin(), findings.end(), is_fault);
  return first != findings.end() ? fingerprint(*first) : std::string();
}

ControlOptions control_options(const RunOptions& options) {
  constexpr std::size_t kStackBytesMin = std::size_t{1} << 14;
  constexpr std::size_t kStackBytesMax = std::size_t{1} << 30;
  if (options.stack_bytes < kStackBytesMin || options.stack_bytes > kStackBytesMax)
    throw std::invalid_argument("chantrace: RunOptions::stack_bytes is " +
                                std::to_string(options.stack_bytes) +
                                ", and has to be from 16 KiB to 1 GiB");
  if (options.steps_max == 0)
    throw std::invalid_argument("chantrace: RunOptions::steps_max is 0: no task could do anything");
  return {
      .rules = options.rules, .steps_max = options.steps_max, .stack_bytes = options.stack_bytes};
}

namespace {

// Of all steps, so many go into running executions that passed a second time, beside those whose
// number is a power of two. That is 0.4 %, and a replay, which is asked at every step, takes up to
// twice as long. Of 1,000 executions 10 run again.
constexpr std::uint64_t kAgainOneOf = 256;

/// What is run, how, and who says what came of it.
struct Trial {
  ControlledRuns& runs;
  const std::function<void()>& body;
  const ControlOptions& control;
  const Judge& judge;
};

/// `strategy` decides the execution that failed, as `what`. Whatever cannot be done is left.
void make_small(Failure& failure, const std::string& what, Strategy& strategy, const Trial& trial,
                const ExploreOptions& options) {
  Shrinker shrinker(trial.runs, trial.body, trial.control, trial.judge, options.shrink);
  std::optional<SmallFailure> small = shrinker.shrink(strategy, what);
  if (!small) return;
  failure.schedule = std::move(small->schedule);
  failure.findings = std::move(small->findings);
  failure.shrinking = shrinker.report();
  if (options.explain.schedules == 0) return;
  failure.explanation =
      Explainer(trial.runs, trial.body, trial.control, trial.judge, options.explain)
          .explain(small->plan, what);
}

/// One exploration.
class Explorer {
 public:
  Explorer(const std::function<void()>& body, const ExploreOptions& options, const Judge& judge)
      : body_(body),
        options_(options),
        judge_(judge),
        runs_({options.run.finds_races, options.finds_lock_orders}),
        control_(control_options(options.run)),
        strategy_(make_strategy(options.strategy, schedules_max(options), options.shard)),
        counts_on_its_own_(is_enumerating(options.strategy)) {
    executor_.families().clear();
    control_.skips_private_objects = options.skips_private_objects && can_learn();
  }

  ExploreResult explore() {
    const auto start = SteadyClock::now();
    const auto is_over = [&] {
      return options_.budget.count() > 0 && SteadyClock::now() - start >= options_.budget;
    };
    // Of as many as there are, those whose number is the shard's.
    const Shard& shard = options_.shard;
    const std::uint64_t schedules = schedules_max(options_);
    const std::uint64_t executions_max =
        schedules / shard.count + (schedules % shard.count > shard.index ? 1 : 0);
    while (result_.executions < executions_max && !is_over() && !result_.is_exhausted &&
           !is_enough_)
      run();
    result_.elapsed = SteadyClock::now() - start;
    if (result_.executions > 0 && !has_last_schedule_) keep(executor_.schedule());
    result_.distinct = distinct_.count();
    result_.lock_orders = runs_.find_lock_orders();
    std::erase_if(result_.lock_orders,
                  [&](const Finding& order) { return has_come_true(order, result_.findings()); });
    if (result_.first_failure) shrink(*result_.first_failure);
    return std::move(result_);
  }

 private:
  void run() {
    const std::uint64_t index =
        counts_on_its_own_ ? result_.executions
                           : result_.executions * options_.shard.count + options_.shard.index;
    const bool is_sampled = options_.runs_again && is_sample();
    // A log takes a sixth of the time of an execution, which is run again where one is missed.
    const bool is_logged =
        is_sampled || result_.failures > 0 || runs_.looks_at_logs() || !options_.runs_again;
    strategy_->begin(seed_of(options_.seed, index));
    runs_.run(body_, *strategy_, control_, is_logged ? &once_ : nullptr);
    forget_places();
    has_run_ = true;
    const bool is_whole = executor_.cut() == Cut::kNone && runs_.has_ended_well();
    result_.is_exhausted = !strategy_->end(is_whole);
    if (!strategy_->is_of_shard()) return;
    count();
    std::string failure = judge_(runs_.findings());
    const bool is_judged = is_sampled || !failure.empty();
    has_last_schedule_ = is_judged;
    if (!is_logged && (is_judged || runs_.looks_at_logs()) && !runs_.has_stranger())
      judge_with_log(index, std::move(failure));
    else if (is_judged)
      judge_in_full(index, std::move(failure));
    forget_places();
  }

  /// Shards that enumerate would learn of objects at different times, and come to different
  /// schedules. The first execution is the same in all.
  bool can_learn() const { return options_.shard.count == 1 || !counts_on_its_own_; }

  /// What is known of objects may have grown.
  void forget_places() {
    const ObjectFamilies& families = executor_.families();
    if (families.changes() == known_ || (has_run_ && !can_learn())) return;
    known_ = families.changes();
    const StepRules before = control_.rules;
    control_.rules.unlock_is_step |= families.locks_are_tried();
    control_.rules.end_is_step |= families.ends_are_seen();
    if (control_.skips_private_objects || control_.rules != before) strategy_->forget_places();
  }

  void count() {
    ++result_.executions;
    distinct_.add(executor_.trace_hash());
    result_.steps += executor_.steps();
    result_.decisions += executor_.decisions();
    result_.abandoned += executor_.abandoned();
    if (executor_.cut() == Cut::kStepLimit) ++result_.cut;
  }

  /// Whether the execution that comes next runs again though it may pass.
  bool is_sample() const {
    // An execution costs something even where it has no step.
    return std::has_single_bit(result_.executions + 1) ||
           (steps_again_ + result_.again) * kAgainOneOf <= result_.steps + result_.executions;
  }

  /// What the last execution did.
  Conduct conduct() {
    return {executor_.schedule(), executor_.steps(), !judge_(runs_.findings()).empty()};
  }

  /// The execution failed, or is to run again; `once_` is its log.
  void judge_in_full(std::uint64_t index, std::string failure) {
    const Conduct once = conduct();
    keep(once.schedule);
    std::vector<Finding> findings;
    if (once.has_failed) findings = runs_.findings();
    const bool runs_again = options_.runs_again && !runs_.has_stranger();
    if (!once.has_failed && !runs_again) return;
    std::optional<Finding> difference;
    if (runs_again) {
      const Conduct again = follow(once.schedule, again_);
      difference = find_first_difference(once_, again_);
      if (!difference) difference = find_difference(once, again);
    }
    if (once.has_failed || difference)
      report(index, std::move(failure), once.schedule, std::move(findings), std::move(difference));
  }

  /// The execution, which has no log, failed or met what only a log tells of.
  void judge_with_log(std::uint64_t index, std::string failure) {
    const Conduct once = conduct();
    has_last_schedule_ = true;
    keep(once.schedule);
    std::vector<Finding> findings;
    if (once.has_failed) findings = runs_.findings();
    const Conduct again = follow(once.schedule, once_);
    if (is_same(once, again) && again.has_failed >= once.has_failed) {
      if (again.has_failed) judge_in_full(index, judge_(runs_.findings()));
      return;
    }
    // Mostly what is another thing the second time is so the third time as well.
    follow(once.schedule, again_);
    std::optional<Finding> difference = find_first_difference(once_, again_);
    if (!difference) difference = find_difference_without_log(once, again, once_);
    report(index, std::move(failure), once.schedule, std::move(findings), std::move(difference));
  }

  void report(std::uint64_t index, std::string failure, const Schedule& schedule,
              std::vector<Finding> findings, std::optional<Finding> difference) {
    const bool has_stranger = runs_.has_stranger();
    // What does not do the same each time, or not under control, cannot be shrunk.
    if (!result_.first_failure && !difference && !has_stranger) failure_ = std::move(failure);
    if (difference) findings.push_back(std::move(*difference));
    ++result_.failures;
    if (!result_.first_failure)
      result_.first_failure = {
          index, std::string(strategy_->name()), schedule, findings, std::nullopt, std::nullopt};
    is_enough_ = !options_.goes_on || has_stranger;
  }

  void shrink(Failure& failure) {
    if (failure_.empty() || options_.shrink.executions == 0) return;
    ControlOptions control = control_;
    control.rules = failure.schedule.rules;
    ReplaySchedule strategy(failure.schedule);
    make_small(failure, failure_, strategy, {runs_, body_, control, judge_}, options_);
  }

  /// The last execution had this schedule.
  void keep(const Schedule& schedule) {
    const bool is_whole = executor_.cut() == Cut::kNone;
    if (is_whole || !has_whole_schedule_) result_.last_schedule = schedule;
    has_whole_schedule_ |= is_whole;
  }

  /// Runs the body once more, under a schedule that it had.
  Conduct follow(const Schedule& schedule, EventLog& log) {
    ReplaySchedule strategy(schedule);
    strategy.begin(0);
    ControlOptions control = control_;
    control.rules = schedule.rules;
    runs_.run(body_, strategy, control, &log);
    ++result_.again;
    steps_again_ += executor_.steps();
    result_.abandoned += executor_.abandoned();
    return conduct();
  }

  const std::function<void()>& body_;
  const ExploreOptions& options_;
  const Judge& judge_;
  ControlledRuns runs_;
  ControlledExecutor& executor_ = runs_.executor();
  ControlOptions control_;
  const std::unique_ptr<Strategy> strategy_;
  const bool counts_on_its_own_;  ///< And the shard is not found by counting.
  std::uint32_t known_ = 0;       ///< `ObjectFamilies::changes`, when the strategy was told.
  DistinctCounter distinct_;
  EventLog once_;   ///< What the last execution did, where it has a log, and
  EventLog again_;  ///< what it did under its schedule.
  ExploreResult result_;
  std::string failure_;  ///< What the judge said of the first failure; empty: not to be shrunk.
  std::uint64_t steps_again_ = 0;
  bool has_run_ = false;
  bool has_last_schedule_ = false;
  bool has_whole_schedule_ = false;
  bool is_enough_ = false;
};

}  // namespace

ExploreResult explore_body(const std::function<void()>& body, const ExploreOptions& options,
                           const Judge& judge) {
  if (options.shard.index >= options.shard.count)
    throw std::invalid_argument("chantrace: shard " + std::to_string(options.shard.index) + " of " +
                                std::to_string(options.shard.count) +
                                ": the first is 0, and the last the count less one");
  constexpr std::uint32_t kDepthMax = 100;
  if (options.strategy.kind == SearchStrategy::Kind::kPriorities &&
      (options.strategy.parameter < 1 || options.strategy.parameter > kDepthMax))
    throw std::invalid_argument("chantrace: priorities(" +
                                std::to_string(options.strategy.parameter) +
                                "): the depth has to be from 1 to 100");
  if (options.budget.count() < 0)
    throw std::invalid_argument("chantrace: ExploreOptions::budget is negative");
  return Explorer(body, options, judge).explore();
}

ExploreResult shrink_body(const std::function<void()>& body, Follower& follower,
                          const ExploreOptions& options, const Judge& judge) {
  ControlledRuns runs({.for_races = options.run.finds_races});
  const ControlOptions control = control_options(follower.options_for(options.run));
  EventLog log;
  runs.run(body, follower.strategy(), control, &log);
  ExploreResult result;
  result.executions = 1;
  result.steps = runs.executor().steps();
  result.last_schedule = runs.executor().schedule();
  const std::string what = judge(runs.findings());
  if (what.empty()) return result;
  result.failures = 1;
  result.first_failure.emplace();
  result.first_failure->found_by = "replay";
  result.first_failure->schedule = result.last_schedule;
  result.first_failure->findings = runs.findings();
  if (options.shrink.executions > 0 && !runs.has_stranger())
    make_small(*result.first_failure, what, follower.strategy(), {runs, body, control, judge},
               options);
  return result;
}

}  // namespace detail

RunResult run(const std::function<void()>& body, const Schedule& schedule,
              const RunOptions& options) {
  ControlledRuns runs({.for_races = options.finds_races});
  Follower follower(schedule);
  EventLog log;
  runs.run(body, follower.strategy(), control_options(follower.options_for(options)), &log);
  Schedule made = runs.executor().schedule();
  std::optional<Finding> divergence = follower.divergence(made);
  return {runs.findings(), std::move(made), runs.executor().steps(), std::move(divergence)};
}

std::optional<Failure> shrink(const std::function<void()>& body, const Schedule& schedule,
                              const ExploreOptions& options) {
  Follower follower(schedule);
  return shrink_body(body, follower, options, first_fault).first_failure;
}

}  // namespace chantrace
