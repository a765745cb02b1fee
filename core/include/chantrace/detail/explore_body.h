/// \file
/// What the GoogleTest listener needs to explore a test: its own idea of a failure, and an
/// execution that is recorded while it follows a schedule.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "chantrace/detail/control_options.h"
#include "chantrace/explore.h"

namespace chantrace::detail {

class Strategy;

/// What to make of an execution.
enum class Judgement {
  kPassed,
  kFailed,
  kEnough,  ///< It passed, and more of them would show nothing.
};

/// Judges an execution that is over by its findings; notes are among them.
using Judge = std::function<Judgement(const std::vector<Finding>&)>;

/// `explore`, with another idea of a failure.
ExploreResult explore_body(const std::function<void()>& body, const ExploreOptions& options,
                           const Judge& judge);

/// Decides as a schedule says, and where that is at its end, or cannot be followed, lets each task
/// run as long as it can.
///
/// Threads: one thread at a time.
class Follower {
 public:
  explicit Follower(Schedule schedule);
  ~Follower();
  Follower(const Follower&) = delete;
  Follower& operator=(const Follower&) = delete;

  /// For `ExecutionOptions::strategy`.
  Strategy& strategy();
  const Schedule& schedule() const;
  /// The step, from 1, at which it could not be followed; 0: it was.
  std::uint64_t diverged_at() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

ControlOptions control_options(const RunOptions& options);

}  // namespace chantrace::detail
