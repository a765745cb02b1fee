/// \file
/// Running schedules again, and comparing all that is left of them.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "chantrace/event.h"
#include "chantrace/explore.h"
#include "programs.h"
#include "support/temporary_folder.h"

namespace chantrace::bench {

/// Replays each schedule three times: by itself, and twice recorded.
///
/// A replay is the same when it does not diverge, has the same schedule with the same fingerprint,
/// which goes over all operations in their order, the same findings, and in both recordings the
/// same events, byte for byte.
class Replayer {
 public:
  /// `findings`: of the execution that the schedule is of; nullptr: not known.
  void check(const std::string& what, const std::function<void()>& body, const Schedule& schedule,
             const RunOptions& options, const std::vector<Finding>* findings);

  std::uint64_t schedules() const { return schedules_; }
  std::uint64_t failing() const { return failing_; }
  std::uint64_t events() const { return events_; }
  std::uint64_t diverged() const { return diverged_; }
  /// Schedules one of whose replays was not the same, in words.
  const std::vector<std::string>& differences() const { return differences_; }

 private:
  /// All that a recorded execution leaves: the records of its tasks, one after another.
  struct Recorded {
    std::vector<EventRecord> events = {};
    Schedule schedule;
    std::string divergence = {};  ///< Empty: none.
  };
  Recorded record(const std::function<void()>& body, const Schedule& schedule,
                  const RunOptions& options) const;

  TemporaryFolder folder_;
  std::uint64_t schedules_ = 0;
  std::uint64_t failing_ = 0;
  std::uint64_t events_ = 0;
  std::uint64_t diverged_ = 0;
  std::vector<std::string> differences_;
};

/// Replays `count` schedules, failing and passing ones, spread over all programs and strategies.
/// Returns: whether all were the same.
bool replay_many(const std::vector<BugProgram>& programs, std::uint64_t count);

}  // namespace chantrace::bench
