/// \file
/// One controlled execution after another, of a body on the calling thread.
#pragma once

#include <functional>
#include <vector>

#include "../runtime/strategy.h"
#include "chantrace/detail/control_options.h"
#include "chantrace/finding.h"

namespace chantrace::detail {

class ControlledExecutor;
struct TaskControl;

/// The execution was cut.
bool is_step_limit(const Finding& finding);

/// While one exists, the calling thread's task is the body of its executions, and nothing is
/// recorded.
///
/// Threads: the one that made it.
class ControlledRuns {
 public:
  ControlledRuns();
  ~ControlledRuns();
  ControlledRuns(const ControlledRuns&) = delete;
  ControlledRuns& operator=(const ControlledRuns&) = delete;

  /// Runs `body` to its end and all its tasks to theirs.
  void run(const std::function<void()>& body, Strategy& strategy, const ControlOptions& options);
  /// Of the last execution, notes among them; empty when all was well.
  const std::vector<Finding>& findings() const { return findings_; }
  /// A thread that is no task took part in it: no other execution would say more.
  bool has_stranger() const;
  /// Holds what is known of the last execution.
  ControlledExecutor& executor() { return executor_; }

 private:
  void stop_body();
  bool is_clean() const;
  void add_findings();

  ControlledExecutor& executor_;
  TaskControl& body_;
  std::vector<Finding> findings_;
  bool was_stopped_ = false;
};

}  // namespace chantrace::detail
