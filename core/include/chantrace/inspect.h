/// \file
/// Looking at the channels and tasks of the running process.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "chantrace/end_state.h"
#include "chantrace/finding.h"

namespace chantrace {

/// What a channel is and holds at one moment.
struct ChannelInfo {
  std::string name;
  std::string type;
  std::uint64_t capacity = 0;
  std::uint64_t size = 0;
  bool is_closed = false;
  Site created_at;
};

/// All channels that exist, the newest first, whether or not anything is recorded.
///
/// Threads: any thread.
std::vector<ChannelInfo> channels();

/// Tasks, what each waits on and who holds what, from the runtime's own state.
///
/// Threads: any thread. Tasks that run meanwhile are seen one after another, not all at once.
EndState current_state();

/// For how long those tasks that wait now, on threads, have done so.
///
/// Threads: any thread.
std::map<TaskId, std::chrono::nanoseconds> waiting_times();

}  // namespace chantrace
