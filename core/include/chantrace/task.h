/// \file
/// Tasks: threads of control that the library knows.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "chantrace/detail/wait.h"
#include "chantrace/event.h"
#include "chantrace/location.h"

namespace chantrace {

namespace detail {

/// Starts a task. Throws: `std::system_error` when the system has no room for another thread.
TaskControl* start_task(std::string_view label, TaskBody&& body, const Location& site);
void release_task(TaskControl* task);

}  // namespace detail

/// Thrown through a task whose execution is over, to unwind it. Not a `std::exception`. Code that
/// catches everything must throw it again.
using detail::Cancelled;

/// A handle on a task that `go` started. Dropping it lets the task go on, as in Go.
///
/// Threads: any thread; one thread at a time for the same handle.
class Task {
 public:
  Task() = default;
  /// For the library's own use: takes over one reference.
  explicit Task(detail::TaskControl* control) : control_(control) {}
  Task(Task&& other) noexcept : control_(std::exchange(other.control_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    std::swap(control_, other.control_);
    return *this;
  }
  ~Task() {
    if (control_ != nullptr) detail::release_task(control_);
  }

  /// Blocks: until the task has ended, however it ended. May be called again.
  void join(Location site = Location::current()) const;
  /// Whether the handle names a task.
  bool joinable() const { return control_ != nullptr; }
  bool has_ended() const;
  /// Its number in the current execution.
  TaskId id() const;

 private:
  detail::TaskControl* control_ = nullptr;
};

/// Runs `function` as a task of its own.
///
/// An exception that leaves `function` ends the task, and is a finding. Captures that refer to the
/// caller's stack must outlive the task, as with `std::thread`.
///
/// Throws: `std::system_error` when the system has no room for another thread.
template <typename Function>
Task go(std::string_view label, Function&& function, Location site = Location::current()) {
  return Task(detail::start_task(label, detail::TaskBody(std::forward<Function>(function)), site));
}

/// The same without a label.
template <typename Function>
requires std::is_invocable_v < std::decay_t<Function>
& > Task go(Function&& function, Location site = Location::current()) {
  return go(std::string_view(), std::forward<Function>(function), site);
}

/// The number of the calling task in the current execution.
TaskId current_task_id();
/// Its label; a host thread's name.
std::string current_task_label();

/// Lets other tasks run first.
void yield(Location site = Location::current());

/// A number below `count`, decided by the scheduler: random on threads, explored under control.
///
/// Requires: `count > 0`.
std::uint32_t choose(std::uint32_t count, Location site = Location::current());

}  // namespace chantrace
