/// \file
/// Executions that are like one with a known plan, but for what is asked to be otherwise.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "chantrace/detail/event_log.h"
#include "plan.h"
#include "random.h"

namespace chantrace::detail {

/// An operation of a task, by its number; that of the clock is that of the timer which fires.
struct StepOfTask {
  std::uint32_t task = 0;
  std::uint32_t index = 0;  ///< `Runnable::index`

  friend auto operator<=>(const StepOfTask&, const StepOfTask&) = default;
};

/// A choice of a task, by its number.
struct ChoiceOfTask {
  std::uint32_t task = 0;
  std::uint32_t index = 0;  ///< From 0.

  friend auto operator<=>(const ChoiceOfTask&, const ChoiceOfTask&) = default;
};

/// `held` waits until `awaited` has been made.
struct Reversal {
  StepOfTask held;
  StepOfTask awaited;
};

/// Follows a plan, is asked at each step, and may leave some decisions to chance.
class Variation final : public Strategy {
 public:
  struct Options {
    std::optional<Reversal> reversal = {};
    /// Comes out otherwise than in the plan.
    std::optional<ChoiceOfTask> changed_choice = {};
    /// One decision in so many is left to chance; 0: none.
    std::uint32_t chance_one_of = 0;
    /// Steps, after which all are; the same once what was asked for has come about, where
    /// `is_free_behind` says so.
    std::uint64_t steps_followed = ~std::uint64_t{0};
    bool is_free_behind = false;
  };

  /// A step as it is about to be made.
  struct Step {
    StepOfTask who;
    Runnable what;
    Location site;
    std::size_t recorded_at = 0;  ///< Its events stand in the log from here on.
    std::uint32_t preempted = 0;  ///< The task that could have gone on; 0: none.
  };

  /// A choice as it was made.
  struct Choice {
    ChoiceOfTask who;
    std::uint32_t count = 0;
    std::uint32_t chosen = 0;
    std::vector<std::uint16_t> cases = {};  ///< Of a select: those that were ready, by number.
    std::size_t steps = 0;  ///< That were made before it, the one that it is part of included.
    std::size_t recorded_at = 0;  ///< As of a step.
  };

  /// `log`: that of the executions to come, which both must outlive.
  Variation(const Plan& plan, const EventLog& log) : log_(log) { follower_.follow(plan); }
  void set(const Options& options) { options_ = options; }
  /// From now on each task gets what it got in the last execution, whoever chooses before it: else
  /// another order would be other choices too.
  void keep_choices();

  void begin(std::uint64_t seed) override;
  std::size_t pick(std::span<const Runnable> runnable, std::size_t current) override;
  std::uint32_t choose(std::uint32_t count) override;
  std::uint32_t choose_case(std::uint32_t task, std::span<const std::uint16_t> cases) override;
  bool is_asked_always() const override { return true; }
  std::string_view name() const override { return "variation"; }

  /// The reversal, or the change of a choice, that was asked for came about.
  bool has_come_about() const { return has_come_about_; }
  const std::vector<Step>& steps() const { return steps_; }
  const std::vector<Choice>& choices() const { return choices_; }

 private:
  StepOfTask next_of(const Runnable& one) const;
  bool is_held(const Runnable& one) const;
  bool is_free() const;
  bool is_left_to_chance();
  std::uint32_t make_choice(std::uint32_t task, std::uint32_t count,
                            std::span<const std::uint16_t> cases);
  std::uint32_t planned_choice(const ChoiceOfTask& who, std::uint32_t count);

  const EventLog& log_;
  Options options_;
  PlanFollower follower_;
  Random random_;
  bool has_come_about_ = false;
  bool is_impossible_ = false;
  std::vector<Step> steps_;
  std::vector<Choice> choices_;
  std::vector<std::uint32_t> choices_made_;  ///< By task.
  bool has_kept_choices_ = false;
  std::map<ChoiceOfTask, std::uint32_t> kept_choices_;
  std::vector<Runnable> allowed_;
  std::vector<std::size_t> places_;  ///< Of those allowed, among all.
  std::uint32_t timers_fired_ = 0;
};

}  // namespace chantrace::detail
