/// \file
/// Some events of a long run, the last or others, as a trace of their own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "chantrace/end_state.h"
#include "chantrace/event.h"
#include "chantrace/trace.h"

namespace chantrace::detail {

/// What was before a window is not lost without a trace: objects begin as they stood then, and
/// tasks that wait for something that they asked for before still do.
///
/// Events come in the order of the run, first those that are before the window, then those in it.
///
/// Threads: one at a time; copies are independent.
class TraceWindow {
 public:
  /// How an object stood when the recording first saw it.
  void define_object(const ObjectInfo& info);
  /// There are no more events of it.
  void forget_task(TaskId task);
  void forget_object(ObjectId object);
  /// `event` is before the window. One of kind kNone stands for `value` events that are missing.
  ///
  /// `number`: what the caller calls it.
  void pass(TaskId task, const EventRecord& event, std::uint64_t number = 0);
  /// `event` is in the window.
  void add(TaskId task, const EventRecord& event);

  /// What the first events of `task` in the trace will be, which are from before the window: those
  /// of what it waits in. By their numbers, where they have been given.
  std::vector<std::uint64_t> open(TaskId task) const;
  /// What is kept of what was before, about.
  std::size_t size_bytes() const;
  /// The trace. `names` brings the header, the sites and texts, all tasks and all objects.
  ///
  /// Cost: linear in events, tasks and objects.
  Trace finish(Trace names) &&;

 private:
  /// What is left of a task's events before the window.
  struct Past {
    std::uint64_t count = 0;                  ///< Of all of them.
    std::vector<EventRecord> open;            ///< Those of the operation that it waits in,
    std::vector<std::uint64_t> open_numbers;  ///< and what they are called.

    void forget();
  };

  std::unordered_map<std::uint32_t, ObjectState> objects_;
  std::unordered_map<std::uint32_t, Past> tasks_;
  std::unordered_map<std::uint32_t, TaskStream> streams_;
};

}  // namespace chantrace::detail
