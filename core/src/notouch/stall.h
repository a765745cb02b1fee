/// \file
/// Which threads make no progress, and whether anybody could still help them. Looks at nothing
/// itself: it is told.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "chantrace/no_touch.h"
#include "process.h"
#include "system_call.h"

namespace chantrace::notouch {

using Moment = std::chrono::steady_clock::time_point;

/// Since when each thread has not run.
class ProgressTable {
 public:
  struct Thread {
    pid_t id = 0;
    Progress progress;
  };

  /// Threads that are not among `threads` are forgotten.
  void update(const std::vector<Thread>& threads, Moment now);

  /// The threads that had not run for `duration` at the last update, ascending. A thread is known
  /// not to have run only from its first update on.
  std::vector<pid_t> stalled_for(std::chrono::nanoseconds duration) const;
  std::size_t size() const { return entries_.size(); }
  /// Another number once any thread has run, come or gone.
  std::uint64_t changes() const { return changes_; }

 private:
  struct Entry {
    Progress progress;
    Moment since;
  };
  std::map<pid_t, Entry> entries_;
  Moment last_;
  std::uint64_t changes_ = 0;
};

/// A thread that has not run for a while.
struct StalledThread {
  pid_t id = 0;
  Wait wait = Wait::kOther;
  bool has_timeout = false;
  bool is_inside_process = false;
  /// Of a lock: the thread that has it; 0: nobody; nothing where that is not known.
  std::optional<pid_t> holder;

  friend bool operator==(const StalledThread&, const StalledThread&) = default;
};

struct StuckVerdict {
  std::vector<pid_t> threads;  ///< Ascending; empty: nobody is stuck.
  std::string reason;          ///< A sentence about them, without their number.

  friend bool operator==(const StuckVerdict&, const StuckVerdict&) = default;
};

/// Who is stuck.
///
/// A wait for a lock with an end to come is none. Of the others those count whose lock is held,
/// over any number of further locks, by a thread that has ended, that has not run either, or that
/// nobody knows. If each of all `threads_count` threads waits for what only threads of this process
/// can give, by waits that a signal's handler does not end, all of them are stuck.
///
/// Requires: `stalled` is sorted by number; `threads`, all of the process, too.
StuckVerdict judge(const std::vector<StalledThread>& stalled, const std::vector<pid_t>& threads,
                   StuckOn stuck_on);

}  // namespace chantrace::notouch
