/// \file
/// The seam between what operations mean and what runs the tasks. Channels, locks and timers are
/// written against it once; tasks are OS threads behind one implementation and fibers behind
/// another.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string_view>

#include "chantrace/event.h"
#include "chantrace/location.h"

namespace chantrace::detail {

struct Object;
struct ParkedOperation;
class TaskBody;
struct TaskControl;

/// A moment of the executor's clock, in nanoseconds; kNever: no deadline.
using Instant = std::int64_t;
inline constexpr Instant kNever = std::numeric_limits<Instant>::max();

/// `duration` in nanoseconds, cut to what fits: some 292 years either way.
template <typename Rep, typename Period>
constexpr std::int64_t to_ns(std::chrono::duration<Rep, Period> duration) {
  using Limits = std::numeric_limits<std::int64_t>;
  const double nanoseconds =
      std::chrono::duration<double, std::nano>(std::chrono::duration<double, Period>(duration))
          .count();
  // The limits as `double` are the next powers of two.
  if (nanoseconds >= static_cast<double>(Limits::max())) return Limits::max();
  if (nanoseconds <= static_cast<double>(Limits::min())) return Limits::min();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count();
}

/// `heap_place` of what is not armed.
inline constexpr std::uint32_t kNotInHeap = 0xffffffff;

/// Something that happens at a moment, on no task's behalf.
class TimerNode {
 public:
  virtual ~TimerNode() = default;
  /// Called once each time it is due, with no lock held. Must not park.
  /// Returns the next moment, or kNever.
  virtual Instant fire(TaskControl& timers, Instant due) = 0;
  /// Firing it could make a parked task go on. Asked when no task can go on by itself.
  virtual bool could_wake() = 0;

  std::uint32_t heap_place = kNotInHeap;  ///< The controlled executor's.
};

/// What runs tasks. No operation touches a futex, a clock, a thread or a random source but through
/// this.
///
/// Threads: any thread, except where a parameter named `self` must be the caller's own task.
class Executor {
 public:
  virtual ~Executor() = default;

  /// A control for a new task, with one reference for the task and one for its handle.
  virtual TaskControl& make_task(TaskControl& parent, std::string_view label, TaskBody&& body,
                                 const Location& site) = 0;
  /// Makes a new task run.
  ///
  /// Errors: false when the system has no room for another one; `make_task` is then undone.
  virtual bool start(TaskControl& task) = 0;
  /// Waits until the operation is claimed. At `deadline` claims it as timed out.
  /// Requires: no lock is held.
  virtual void park(TaskControl& self, ParkedOperation& operation, Instant deadline) = 0;
  /// Lets a task go on whose operation the caller has claimed.
  virtual void unpark(TaskControl& task) = 0;
  /// Lets others run first. False: the execution has ended meanwhile.
  virtual bool yield(TaskControl& self) = 0;
  /// A number below `count`, fairly.
  virtual std::uint32_t choose(TaskControl& self, std::uint32_t count) = 0;
  /// The same for a select, of whose cases these, by number, can be taken.
  virtual std::uint32_t choose_case(TaskControl& self, std::span<const std::uint16_t> cases) {
    return choose(self, static_cast<std::uint32_t>(cases.size()));
  }

  virtual Instant now() = 0;
  virtual void arm(std::shared_ptr<TimerNode> timer, Instant due) = 0;
  /// False when it was not armed, or is firing right now; it will not be armed again by that.
  virtual bool disarm(TimerNode& timer) = 0;

  /// The task cannot be unwound: it never goes on.
  [[noreturn]] virtual void abandon(TaskControl& self) = 0;
};

}  // namespace chantrace::detail
