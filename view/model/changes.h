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
    kPush,     ///< Into the buffer: the value of the step `number`.
    kPop,      ///< The oldest value leaves the buffer.
    kSize,     ///< There are `number` values in the buffer: what came and went is not known.
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
  std::uint64_t size = 0;            ///< Values in the buffer,
  std::deque<std::uint64_t> buffer;  ///< and the steps that have the youngest of them; of the
                                     ///< others it is not known where they come from.
  std::vector<TaskId> holders;
  std::vector<TaskId> waiters;
  std::int64_t count = 0;
  bool is_closed = false;

  void apply(const Change& change);

  friend bool operator==(const Standing&, const Standing&) = default;
};

/// By step, those of one step in the order in which they are to be applied.
///
/// Cost: linear in steps, in what they wait for, and in the tasks that hold one lock at once, of
/// which there are few hundreds at most.
std::vector<Change> find_changes(const Trace& trace, const std::vector<Step>& steps);

}  // namespace chantrace::view
