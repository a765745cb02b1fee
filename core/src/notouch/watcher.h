/// \file
/// Looks at the threads of this process: cheaply, to see who makes no progress, and at all their
/// stacks.
#pragma once

#include <sys/types.h>

#include <map>
#include <vector>

#include "chantrace/no_touch.h"
#include "snapshot.h"
#include "stall.h"

namespace chantrace::notouch {

/// Threads: one thread only, which is not looked at.
class Watcher {
 public:
  explicit Watcher(const NoTouchOptions& options) : options_(options) {}

  /// Looks who has run since the last call.
  ///
  /// Cost: 5 us for each thread, and for one that has just stalled as much again.
  StuckVerdict look(Moment now);

  /// All threads with their stacks.
  ///
  /// Cost: some milliseconds and some tenths of a millisecond for each thread; the first time, what
  /// it takes to load the debug information.
  Snapshot take_snapshot();

 private:
  void tell_closed_waits_apart(std::vector<StalledThread>& stalled);

  const NoTouchOptions options_;
  ProgressTable progress_;
  std::map<pid_t, SystemCall> calls_;  ///< Of threads that are stalled.
  std::uint64_t told_apart_ = 0;       ///< `progress_.changes()` when stacks were looked at.
  std::map<pid_t, Wait> waits_;        ///< As their stacks told it then.
};

}  // namespace chantrace::notouch
