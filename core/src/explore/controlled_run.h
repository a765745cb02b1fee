/// \file
/// One controlled execution after another, of a body on the calling thread.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "../runtime/runtime.h"
#include "../runtime/strategy.h"
#include "chantrace/detail/control_options.h"
#include "chantrace/detail/event_log.h"
#include "chantrace/finding.h"

namespace chantrace::detail {

class ControlledExecutor;
struct TaskControl;

/// The execution was cut.
bool is_step_limit(const Finding& finding);

/// What is looked for beyond how an execution ends.
struct Watch {
  bool for_races = true;
  bool for_lock_orders = false;
};

/// While one exists, the calling thread's task is the body of its executions, and nothing is
/// recorded but into logs.
///
/// Threads: the one that made it.
class ControlledRuns {
 public:
  explicit ControlledRuns(Watch watch);
  ~ControlledRuns();
  ControlledRuns(const ControlledRuns&) = delete;
  ControlledRuns& operator=(const ControlledRuns&) = delete;

  /// Runs `body` to its end and all its tasks to theirs. `log`: gets what they do;
  /// nullptr: nobody looks for races and orders of locks.
  void run(const std::function<void()>& body, Strategy& strategy, const ControlOptions& options,
           EventLog* log);
  /// Of the last execution, notes among them; empty when all was well.
  const std::vector<Finding>& findings() const { return findings_; }
  /// A thread that is no task took part in it: no other execution would say more.
  bool has_stranger() const;
  /// Tasks have nested locks, or there are variables that can be raced for: what is to be said of
  /// those is found in logs.
  bool looks_at_logs() const;
  /// It ended by itself, and its end shows nothing.
  bool has_ended_well() const { return has_ended_well_; }
  /// Of all executions so far.
  std::vector<Finding> find_lock_orders();
  /// Holds what is known of the last execution.
  ControlledExecutor& executor() { return executor_; }

 private:
  void stop_body();
  bool is_clean() const;
  void add_findings();
  bool looks_for_races() const;
  /// Before tasks are unwound.
  void look_at_log();

  ControlledExecutor& executor_;
  TaskControl& body_;
  const Watch watch_;
  /// The execution on threads that the caller is in, such as that of a test.
  std::unique_ptr<Runtime::Suspended> outer_;
  std::function<void()> outer_thrower_;
  EventLog* log_ = nullptr;
  LogAnalysis analysis_;
  std::vector<Finding> findings_;
  bool was_stopped_ = false;
  bool has_ended_well_ = false;
  bool has_seen_nesting_ = false;
};

}  // namespace chantrace::detail
