/// \file
/// Orders tests without sleeping: waits until a task has come to rest.
#pragma once

#include <string_view>
#include <thread>

#include "chantrace/inspect.h"

namespace chantrace {

/// How many tasks of this label wait in an operation now.
inline std::size_t count_parked(std::string_view label) {
  std::size_t count = 0;
  for (const TaskState& task : current_state().tasks)
    if (task.label == label && task.status == TaskStatus::kParked) ++count;
  return count;
}

/// Returns once `count` tasks of this label wait in an operation. Does not make the calling thread
/// a task.
inline void until_parked(std::string_view label, std::size_t count = 1) {
  while (count_parked(label) < count) std::this_thread::yield();
}

}  // namespace chantrace
