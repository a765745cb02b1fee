/// \file
/// The last events of a long run as a trace of their own.
#pragma once

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
  /// `event` is before the window. One of kind kNone stands for `value` events that are missing.
  ///
  /// `names`: for its sites.
  void pass(const Trace& names, TaskId task, const EventRecord& event);
  /// `event` is in the window.
  void add(TaskId task, const EventRecord& event);

  /// The trace. `names` brings the header, the sites and texts, all tasks and all objects.
  ///
  /// Cost: linear in events, tasks and objects.
  Trace finish(Trace names) &&;

 private:
  /// What is left of a task's events before the window.
  struct Past {
    std::uint64_t count = 0;        ///< Of all of them.
    std::vector<EventRecord> open;  ///< Those of the operation that it waits in.
  };

  std::unordered_map<std::uint32_t, ObjectState> objects_;
  std::unordered_map<std::uint32_t, Past> tasks_;
  std::unordered_map<std::uint32_t, TaskStream> streams_;
};

}  // namespace chantrace::detail
