/// \file
/// All threads at one moment, and what two such moments say together.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "chantrace/no_touch.h"
#include "frame_name.h"
#include "process.h"
#include "system_call.h"

namespace chantrace::notouch {

struct ThreadSnapshot {
  pid_t id = 0;
  std::string name;
  Wait wait = Wait::kRunning;
  Progress progress;
  std::uint64_t lock = 0;       ///< The address of the lock or other futex; 0: none.
  std::string lock_name;        ///< Of a lock that is a global variable.
  std::optional<pid_t> holder;  ///< As in `StalledThread`.
  int descriptor = -1;
  std::string descriptor_name;
  std::vector<Frame> frames;  ///< The innermost first.

  friend bool operator==(const ThreadSnapshot&, const ThreadSnapshot&) = default;
};

/// Threads, ascending by number.
using Snapshot = std::vector<ThreadSnapshot>;

/// The threads of `last`, by what they do and the functions of the program that they are in; at
/// most `count_max` groups. Those with a thread of `stuck` come first, then the larger ones.
/// `first` is an earlier snapshot.
///
/// Requires: `stuck` is sorted.
std::vector<NoTouchHotspot> hotspots(const Snapshot& first, const Snapshot& last,
                                     const std::vector<pid_t>& stuck, std::size_t count_max);

/// What the threads of `last` wait for, each lock and descriptor once; at most `count_max`.
std::vector<NoTouchWait> waits(const Snapshot& last, std::size_t count_max);

}  // namespace chantrace::notouch
