/// \file
/// Orders tests without sleeping: waits until a task has come to rest.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

#include "chantrace/inspect.h"

namespace chantrace {

/// How many tasks of this label wait in an operation now.
///
/// Throws: std::logic_error if all of them have ended, so that a test which waits for one fails.
inline std::size_t count_parked(std::string_view label) {
  std::size_t known = 0;
  std::size_t ended = 0;
  std::size_t parked = 0;
  for (const TaskState& task : current_state().tasks) {
    if (task.label != label) continue;
    ++known;
    if (task.status == TaskStatus::kParked) ++parked;
    if (task.status != TaskStatus::kParked && task.status != TaskStatus::kRunning) ++ended;
  }
  if (known > 0 && ended == known)
    throw std::logic_error(std::string(label) + " has ended, and will not park");
  return parked;
}

/// Returns once `count` tasks of this label wait in an operation. Does not make the calling thread
/// a task.
inline void until_parked(std::string_view label, std::size_t count = 1) {
  while (count_parked(label) < count) std::this_thread::yield();
}

}  // namespace chantrace
