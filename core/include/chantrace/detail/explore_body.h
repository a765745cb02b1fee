/// \file
/// What the GoogleTest listener needs to explore a test: its own idea of a failure, and an
/// execution that is recorded while it follows a schedule.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "chantrace/detail/control_options.h"
#include "chantrace/explore.h"
#include "chantrace/trace.h"

namespace chantrace::detail {

class Strategy;

/// How an execution that is over has failed, by its findings, notes among them: a text that is the
/// same for the same failure. Empty: it has not.
using Judge = std::function<std::string(const std::vector<Finding>&)>;

/// What `explore` judges by: the first finding that is not a note, and not that an execution was
/// cut.
std::string first_fault(const std::vector<Finding>& findings);

/// `explore`, with another idea of a failure.
ExploreResult explore_body(const std::function<void()>& body, const ExploreOptions& options,
                           const Judge& judge);

/// Decides as a schedule says, or as a trace of threads went, and where that is at its end, or
/// cannot be followed, lets each task run as long as it can.
///
/// Threads: one thread at a time.
class Follower {
 public:
  explicit Follower(Schedule schedule);
  /// Operations come in the order of the trace.
  explicit Follower(std::shared_ptr<const Trace> trace);
  ~Follower();
  Follower(const Follower&) = delete;
  Follower& operator=(const Follower&) = delete;

  /// For `ExecutionOptions::strategy`.
  Strategy& strategy();
  /// How the execution goes: what is a step, and so many that all can be followed.
  RunOptions options_for(const RunOptions& options) const;
  /// nullptr: it follows a trace.
  const Schedule* schedule() const;
  /// How an execution, whose schedule was `made`, differs from what was to be followed; nullopt
  /// where it does not.
  std::optional<Finding> divergence(const Schedule& made) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// One execution of `body`, which `follower` decides, and where that fails the smallest schedule
/// that fails in the same way. Of `options` counts what is said of an execution, of shrinking and
/// of explaining.
///
/// Returns: as of an exploration with that one execution.
ExploreResult shrink_body(const std::function<void()>& body, Follower& follower,
                          const ExploreOptions& options, const Judge& judge);

ControlOptions control_options(const RunOptions& options);

}  // namespace chantrace::detail
