/// \file
/// Shrinks a schedule that fails.
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
#include "chantrace/finding.h"
#include "chantrace/schedule.h"
#include "chantrace/shrink.h"
#include "controlled_run.h"
#include "plan.h"

namespace chantrace::detail {

/// An execution that fails, and no smaller one is known that fails in the same way.
struct SmallFailure {
  Plan plan;
  ScheduleCost cost;
  Schedule schedule;
  std::vector<Finding> findings;
};

/// Takes turns out of a plan, joins those of one task, and lets tasks run on, as long as the body
/// still fails in the same way and the cost falls; what then happened is the next plan. Searches
/// all schedules with fewer preemptions where no such change helps any more, the fewest first, and
/// puts off what preemptions are left as far as can be.
///
/// Source: the moves are those of Zeller and Hildebrandt, "Simplifying and Isolating
/// Failure-Inducing Input", IEEE TSE 28(2), 2002, for deletions, and of Jalbert and Sen, FSE 2010,
/// for joining; the search is that of Musuvathi and Qadeer, PLDI 2007. That the moves work on
/// turns, and get stuck on single decisions, was measured.
///
/// Threads: the one that made it.
class Shrinker {
 public:
  /// `control`: with the rules that the schedule was made under. All must outlive this.
  Shrinker(ControlledRuns& runs, const std::function<void()>& body, const ControlOptions& control,
           const Judge& judge, const ShrinkLimits& limits);

  /// `strategy` decides the execution to begin with, which has to fail as `failure`, what a judge
  /// said. Returns: nullopt where it does not, or cannot be followed as a plan.
  std::optional<SmallFailure> shrink(Strategy& strategy, const std::string& failure);
  /// What the last `shrink` did.
  const Shrinking& report() const { return report_; }

 private:
  enum class Accepts { kLess, kSame };

  bool is_over() const;
  void run(Strategy& strategy);
  /// Whether the last execution is now the best one.
  bool accept(const PlanRecord& record, Accepts accepts);
  bool try_plan(const Plan& plan, Accepts accepts = Accepts::kLess);

  void reduce();
  void delete_turns();
  void join_turns();
  void run_on();
  void drop_choices();
  /// Among all schedules with fewer preemptions, as far as the limits go. True: one fails so.
  bool search();
  void put_off_preemptions();
  bool put_off(std::size_t turn, std::uint32_t by);

  ControlledRuns& runs_;
  const std::function<void()>& body_;
  ControlOptions control_;
  const Judge& judge_;
  const ShrinkLimits limits_;
  EventLog log_;
  PlanFollower follower_;
  std::string failure_;
  SmallFailure best_;
  std::uint32_t preemptions_searched_ = 0;  ///< No schedule with fewer fails so.
  Shrinking report_;
  std::chrono::steady_clock::time_point start_;
};

}  // namespace chantrace::detail
