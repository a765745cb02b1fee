/// \file
/// Finds the orders of operations without which an execution would not have failed.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "chantrace/detail/control_options.h"
#include "chantrace/detail/event_log.h"
#include "chantrace/detail/explore_body.h"
#include "chantrace/explanation.h"
#include "controlled_run.h"
#include "plan.h"
#include "variation.h"

namespace chantrace::detail {

/// Turns round one order of two conflicting operations after another, by holding back the first
/// until the second has been made, and changes one choice after another, and looks whether the test
/// still fails in the same way under schedules that are else like the one that failed: the plan
/// itself, the plan with a decision or two left to chance, and, behind the two, any. An order is
/// decisive where none does.
///
/// Source: that changing one difference at a time tells what a failure needs is the idea of Choi
/// and Zeller, "Isolating Failure-Inducing Thread Schedules", ISSTA 2002. That schedules close to
/// the one that failed are tried, since at random a rare failure would not come again whatever is
/// turned round, is explained in docs/decisions/small_and_explained.md.
///
/// Threads: the one that made it.
class Explainer {
 public:
  /// `control`: with the rules that the plan was made under. All must outlive this.
  Explainer(ControlledRuns& runs, const std::function<void()>& body, const ControlOptions& control,
            const Judge& judge, const ExplainLimits& limits);

  /// `failure`: what a judge said of the execution with that plan. nullopt: it cannot be followed.
  std::optional<Explanation> explain(const Plan& plan, const std::string& failure);

 private:
  /// Of the execution that is explained; those that were never made come last.
  struct Step {
    StepOfTask who;
    std::vector<std::uint32_t> objects = {};  ///< Empty: not known, or the clock's.
    bool is_write = false;
  };
  struct Pair {
    std::size_t first = 0;  ///< Indices of steps.
    std::size_t second = 0;
  };

  struct Choice {
    ChoiceOfTask who;
    DecisiveChoice in_words;
  };

  bool is_over() const;
  /// Runs it once more. Returns: whether it failed in the same way.
  bool fails(Variation& variation, const Variation::Options& options, std::uint64_t seed);
  void note_steps(const Variation& variation);
  void note_step(const Variation::Step& step, bool was_made);
  void note_choice(const Variation::Choice& made);
  /// One decision in so many is left to chance: about one an execution.
  std::uint32_t chance() const;
  void count_nearby(Variation& variation);
  void find_decision(Variation& variation);
  bool fails_always_behind(Variation& variation, std::uint64_t steps);
  void find_orders(Variation& variation);
  void find_choices(Variation& variation);
  std::vector<Pair> pairs() const;
  bool may_matter(const Step& left, const Step& right) const;
  bool is_implied(const Pair& pair, const std::vector<Pair>& decisive) const;
  /// How often it failed in schedules that are like this one but for what `options` asks for.
  struct Tried {
    std::uint64_t failed = 0;
    std::uint64_t schedules = 0;
  };
  /// nullopt: it often fails all the same, or what is asked for cannot be.
  std::optional<Tried> try_without(Variation& variation, Variation::Options options);

  ControlledRuns& runs_;
  const std::function<void()>& body_;
  ControlOptions control_;
  const Judge& judge_;
  const ExplainLimits limits_;
  EventLog log_;
  std::string failure_;
  std::vector<Step> steps_;
  std::vector<Choice> choices_;
  std::uint64_t made_ = 0;  ///< Of the steps.
  Explanation explanation_;
  std::uint64_t executions_ = 0;
  std::chrono::steady_clock::time_point start_;
};

}  // namespace chantrace::detail
