/// \file
/// How a task waits at an object, and how others let it go on.
#pragma once

#include "chantrace/detail/record.h"

namespace chantrace::detail {

/// Fills in the completer's part, under the object's lock. The caller unparks `waiter`'s task after
/// it has given back the lock.
inline void complete(Object& object, Waiter& waiter, Outcome outcome = Outcome::kOk,
                     std::uint16_t detail = 0) {
  ParkedOperation& operation = *waiter.operation;
  operation.fired = &waiter;
  operation.done_sequence = ++object.sequence;
  operation.outcome = outcome;
  operation.detail = detail;
}

/// Waiters that were completed under a latch, to be unparked when it is free.
class Wakeups {
 public:
  void add(Waiter& waiter) {
    waiter.next = first_;
    first_ = &waiter;
  }
  bool empty() const { return first_ == nullptr; }
  /// Unparks them, first added first.
  void unpark_all();

 private:
  Waiter* first_ = nullptr;
};

/// The whole wait of an operation on one object: parks with `waiter` already in `queue`, takes it
/// out where nobody completed it, records start and done. The object's lock is held on entry and
/// not on return.
///
/// Returns: how it ended; for kOk the completer's outcome is in `waiter.operation->outcome`.
/// Throws: `Cancelled`.
struct WaitEnd {
  Claim claim;
  Outcome outcome;
  std::uint16_t detail;
};
/// The end of a wait that nobody completed: the waiter may still stand in the queue, unless the
/// object is gone.
WaitEnd end_wait_alone(TaskControl& self, Object& object, WaiterQueue& queue, Waiter& waiter,
                       Happening start, const Location& site, Claim claim);
/// Whether a wait records its start; one that waits again does not.
enum class Announce : std::uint8_t { kStart, kNothing };

/// How a task waits at an object and lets others go on: in the way of its executor, whichever that
/// is.
struct AnyWay {
  static void unlock(ObjectLock& latch) CHANTRACE_RELEASE(latch) { latch.unlock(); }
  static void meet(TaskControl& self, Object& object) { detail::meet(self, object); }
  static Waiter* pop(WaiterQueue& queue) { return queue.pop_claimed(); }
  static void park(TaskControl& self, ParkedOperation& operation, Instant deadline) {
    self.executor->park(self, operation, deadline);
  }
  static void unpark(TaskControl& task) { task.executor->unpark(task); }
};

template <typename Way>
[[gnu::always_inline]] inline WaitEnd wait_in(TaskControl& self, Object& object, WaiterQueue& queue,
                                              Waiter& waiter, const Happening& start,
                                              const Location& site, Instant deadline,
                                              Announce announce = Announce::kStart)
    CHANTRACE_RELEASE(object.latch) {
  ParkedOperation& operation = *waiter.operation;
  operation.waiters = &waiter;
  operation.waiters_count = 1;
  self.last_site = site;
  Way::unlock(object.latch);
  if (announce == Announce::kStart && self.is_recording) {
    Happening announced = start;
    // A start has no outcome yet: this one says that a timer will end it.
    if (deadline != kNever) announced.outcome = Outcome::kTimedOut;
    record(self, announced, site);
  }
  Way::park(self, operation, deadline);

  const Claim claim = operation.claim.load(std::memory_order_acquire);
  if (claim == Claim::kCompleted) return {claim, operation.outcome, operation.detail};
  return end_wait_alone(self, object, queue, waiter, start, site, claim);
}
/// In the way of the task's executor.
inline WaitEnd wait_at(TaskControl& self, Object& object, WaiterQueue& queue, Waiter& waiter,
                       const Happening& start, const Location& site, Instant deadline,
                       Announce announce = Announce::kStart) CHANTRACE_RELEASE(object.latch) {
  return wait_in<AnyWay>(self, object, queue, waiter, start, site, deadline, announce);
}

/// Parks at nothing, for ever: a nil channel, or a select without cases.
///
/// Throws: `Cancelled`.
void park_for_ever(TaskControl& self, Operation operation, const Location& site);

/// After a parked operation was cancelled: throws, or returns when the operation is to be inert.
void throw_cancelled(TaskControl& self);
/// What the owner of the execution wants thrown in the body.
void throw_in_body(TaskControl& self);

/// Must be called by the destructor of each object that a task could still wait for: they go on
/// waiting, for nothing, and know the object's name.
void detach_waiters(Object& object, WaiterQueue& queue);
void detach_from_gate(Object& object, LockGate& gate);

/// Gives a task that holds `object` a slot in its table; kNoSlot when it is full.
inline std::uint8_t hold(TaskControl& self, Object& object) {
  for (std::size_t slot = 0; slot < kHeldMax; ++slot) {
    if (self.held[slot].load(std::memory_order_relaxed) == nullptr) {
      self.held[slot].store(&object, std::memory_order_relaxed);
      if (slot > 0) self.has_nested_locks = true;
      if (slot >= self.held_end) self.held_end = static_cast<std::uint32_t>(slot) + 1;
      return static_cast<std::uint8_t>(slot);
    }
  }
  return kNoSlot;
}

/// True when the table of `self` says that it holds `object`, which is therefore alive.
inline bool holds(const TaskControl& self, const Object& object) {
  for (std::uint32_t slot = 0; slot < self.held_end; ++slot)
    if (self.held[slot].load(std::memory_order_relaxed) == &object) return true;
  return false;
}

}  // namespace chantrace::detail
