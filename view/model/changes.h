/// \file
/// What a person sees of channels, locks and the like at each step: as changes from step to step,
/// which a viewer applies.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "chantrace/trace.h"
#include "timeline.h"

namespace chantrace::view {

/// What one step changes of one object.
struct Change {
  enum class Kind : std::uint8_t {
    kPush,     ///< Into the buffer: the value of the step `number`; 0: not known.
    kPop,      ///< The oldest value leaves the buffer.
    kClose,    ///< A channel is closed, a context cancelled.
    kHold,     ///< `task` has the lock, or runs the function of a once.
    kRelease,  ///< `task` has it no longer.
    kCount,    ///< A wait group or a semaphore stands at `number`.
    kWait,     ///< `task` waits there.
    kGoOn,     ///< `task` waits there no longer.
  };
  std::uint64_t step = 0;  ///< 0: what was so before the trace.
  std::uint32_t object = 0;
  Kind kind = Kind::kPush;
  TaskId task{};
  std::int64_t number = 0;

  friend bool operator==(const Change&, const Change&) = default;
};

/// How an object stands.
struct Standing {
  std::deque<std::uint64_t> buffer;  ///< Steps whose values are in it, oldest first; 0: not known.
  std::vector<TaskId> holders;
  std::vector<TaskId> waiters;
  std::int64_t count = 0;
  bool is_closed = false;

  void apply(const Change& change);

  friend bool operator==(const Standing&, const Standing&) = default;
};

/// By step, those of one step in the order in which they are to be applied.
///
/// Cost: linear in steps, and in the tasks that hold one lock at once.
std::vector<Change> find_changes(const Trace& trace, const std::vector<Step>& steps);

}  // namespace chantrace::view
