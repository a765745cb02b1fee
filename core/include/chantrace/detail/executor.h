/// \file
/// The seam between what operations mean and what runs the tasks. Channels, locks and timers are
/// written against it once; tasks are OS threads behind one implementation and fibers behind
/// another.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <memory>

#include "chantrace/event.h"

namespace chantrace::detail {

struct Object;
struct ParkedOperation;
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

/// Something that happens at a moment, on no task's behalf.
class TimerNode {
 public:
  virtual ~TimerNode() = default;
  /// Called once each time it is due, with no lock held. Must not park.
  /// Returns the next moment, or kNever.
  virtual Instant fire(TaskControl& timers, Instant due) = 0;
  /// Firing it could make a parked task go on. Asked when no task can go on by itself.
  virtual bool could_wake() = 0;
};

/// What runs tasks. No operation touches a futex, a clock, a thread or a random source but through
/// this.
///
/// Threads: any thread, except where a parameter named `self` must be the caller's own task.
class Executor {
 public:
  virtual ~Executor() = default;

  /// Makes a new task run; its body is in the control.
  ///
  /// Errors: false when the system has no room for another thread.
  virtual bool start(TaskControl& task) = 0;
  /// The operation `operation` on `object` (nullptr: none) is about to look at shared state: a
  /// scheduling point. Called only for tasks whose control asks for it.
  virtual void point(TaskControl& self, Operation operation, Object* object) = 0;
  /// Waits until the operation is claimed. At `deadline` claims it as timed out.
  /// Requires: no lock is held.
  virtual void park(TaskControl& self, ParkedOperation& operation, Instant deadline) = 0;
  /// Lets a task go on whose operation the caller has claimed.
  virtual void unpark(TaskControl& task) = 0;
  /// Lets others run first.
  virtual void yield(TaskControl& self) = 0;
  /// A number below `count`, fairly.
  virtual std::uint32_t choose(TaskControl& self, std::uint32_t count) = 0;

  virtual Instant now() = 0;
  virtual void arm(std::shared_ptr<TimerNode> timer, Instant due) = 0;
  /// False when it was not armed, or is firing right now; it will not be armed again by that.
  virtual bool disarm(TimerNode& timer) = 0;
};

}  // namespace chantrace::detail
