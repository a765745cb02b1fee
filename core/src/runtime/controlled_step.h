/// \file
/// The way through one step of a controlled execution. In the frames of the operations that make
/// it: after a switch of fibers the processor predicts no return, and each costs as much as the
/// switch.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <utility>

#include "controlled_executor.h"
#include "runtime.h"

namespace chantrace::detail {

// How many operations on private objects a task makes before it has a choice all the same: it may
// wait for a change that only another task could make for the first time.
inline constexpr std::uint32_t kSkippedMax = 64;
// How often a task may look at shared state, in vain and without a change in between, before it is
// taken to have yielded.
inline constexpr std::uint32_t kIdleReadsMax = 64;

constexpr std::uint64_t bit_of(Operation operation) {
  return std::uint64_t{1} << static_cast<unsigned>(operation);
}

constexpr std::uint64_t bits_of(std::initializer_list<Operation> operations) {
  std::uint64_t bits = 0;
  for (const Operation operation : operations) bits |= bit_of(operation);
  return bits;
}

constexpr bool is_of(std::uint64_t operations, Operation operation) {
  return (operations & bit_of(operation)) != 0;
}

/// Operations that may be no steps of their own: others cannot tell when they are made (a task that
/// joins, sleeps or yields), they are steps in another way (a choice), or that is asked for.
inline constexpr std::uint64_t kNoSteps =
    bits_of({Operation::kTaskJoin, Operation::kSleep, Operation::kYield, Operation::kChoose,
             Operation::kTaskSpawn, Operation::kUnlock, Operation::kUnlockShared,
             Operation::kOnceEnd, Operation::kContextMake, Operation::kChannelMake});
/// Made at the side of a channel where values come out.
inline constexpr std::uint64_t kTakes = bits_of({Operation::kReceive, Operation::kRange});
inline constexpr std::uint64_t kReads =
    bits_of({Operation::kLoad, Operation::kLook, Operation::kTaskJoin, Operation::kSleep,
             Operation::kYield, Operation::kChoose});
/// Made over and over by one that waits for others in a loop.
inline constexpr std::uint64_t kPolls = bits_of({Operation::kLoad, Operation::kLook});

/// Mixes two numbers into one by a product of 128 bits, which takes 4 cycles.
///
/// Source: Wang Yi, wyhash (public domain), 2019; its constants.
constexpr std::uint64_t mix(std::uint64_t left, std::uint64_t right) {
  __extension__ using Product = unsigned __int128;
  const Product product =
      static_cast<Product>(left ^ 0xa0761d6478bd642full) * (right ^ 0xe7037ed1a0b428dbull);
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

inline void ControlledExecutor::announce(TaskControl& self, Operation operation, Object* object,
                                         std::size_t side, const Location& site) {
  Runnable& mine = runnable_[self.runnable];
  mine.index = self.operations;
  mine.operation = operation;
  mine.is_write = !is_of(kReads, operation);
  mine.object = object != nullptr ? number_of(*object, side) : 0;
  mine.family = object != nullptr ? object->family : 0;
  mine.site = &site;
}

inline bool ControlledExecutor::is_private(const TaskControl& self, Object& object,
                                           std::size_t side_index, bool is_write) {
  Object::Side& side = object.sides[side_index];
  if (side.is_shared) return false;
  const TaskId id = self.id.load(std::memory_order_relaxed);
  side.was_written |= is_write;
  if (side.only_user == id) return true;
  if (side.only_user == TaskId{}) {
    side.only_user = id;
    return true;
  }
  constexpr TaskId kSeveral{0xffffffff};
  side.only_user = kSeveral;
  if (!side.was_written) return true;
  side.is_shared = true;
  families_.set_shared(object.family, side_index);
  return false;
}

inline bool ControlledExecutor::is_choice(TaskControl& self, Object* object, std::size_t side,
                                          bool is_write) {
  if (object != nullptr && is_private(self, *object, side, is_write) && !is_asked_always_ &&
      options_.skips_private_objects && ++self.skipped < kSkippedMax)
    return false;
  self.skipped = 0;
  return true;
}

[[gnu::always_inline]] inline TaskControl* ControlledExecutor::next_instead(TaskControl& self) {
  if (woken_.empty()) {
    if (runnable_.size() == 1 && !is_asked_always_) return nullptr;
    const std::size_t chosen = pick();
    if (chosen == self.runnable) return nullptr;
    if (chosen != clock_place_) return &task_of(runnable_[chosen]);
    fire_timer();
  }
  return &next_task();
}

[[gnu::always_inline]] inline bool ControlledExecutor::take_turn(TaskControl& self) {
  TaskControl* const next = next_instead(self);
  if (next == nullptr) return true;
  go_on_with(self, *next);
  return !is_ending_ || resume_at_end(self);
}

[[gnu::always_inline]] inline std::size_t ControlledExecutor::pick() {
  has_turn_ = false;
  std::size_t chosen = 0;
  if (runnable_.size() > 1 || is_asked_always_) {
    ++decisions_;
    const bool can_go_on = last_ != nullptr && last_->runnable != kNotRunnable;
    chosen = strategy_->pick(runnable_, can_go_on ? last_->runnable : kNobody);
  }
  has_turn_ = runnable_[chosen].operation == Operation::kNone && !is_asked_always_ &&
              chosen != clock_place_;
  return chosen;
}

[[gnu::always_inline]] inline void ControlledExecutor::wait(TaskControl& self) {
  if (self.runnable != kNotRunnable) remove_runnable(self);
  has_turn_ = false;
  TaskControl& next = next_task();
  if (&next != &self) return go_on_with(self, next);
  // Whoever follows the schedule has to pick it once more, and may not do so before.
  turn_to(number_of(self));
}

inline void ControlledExecutor::wake(TaskControl& task) {
  if (looks_ahead_)
    woken_.push(task);
  else
    add_runnable(task);
}

[[gnu::always_inline]] inline void ControlledExecutor::unpark_here(TaskControl& task) {
  const WithoutRaces scope;
  note_release(&task);
  // Its deadline is over now and not when it goes on, which may be after time has passed.
  if (task.heap_place != kNotInHeap && timers_.remove(task)) update_clock();
  // One that has not parked yet will see that it need not.
  if (parked_of(task) != nullptr) wake(task);
}

inline void ControlledExecutor::note_change() {
  ++changes_;
  idle_rounds_ = 0;
  if (!yielded_.empty()) wake_yielded();
}

[[gnu::always_inline]] inline bool ControlledExecutor::grant(TaskControl& self, Operation operation,
                                                             Object* object, std::size_t side,
                                                             bool is_write) {
  visits_.set_seen();
  // Not the side: which that is depends on what is known of the object's family.
  const std::uint64_t id = object != nullptr ? to_number(object->id) : 0;
  fingerprint_ = (fingerprint_ ^ (id << 32) ^ (std::uint64_t{number_of(self)} << 8) ^
                  static_cast<std::uint64_t>(operation)) *
                 kSpread;
  // Whoever uses an object alone uses it in the same order in every execution.
  if (object != nullptr && object->sides[side].is_shared) {
    std::uint32_t& version = object->sides[side].version;
    trace_hash_ += mix((std::uint64_t{number_of(self)} << 32) | self.operations,
                       (std::uint64_t{number_of(*object, side)} << 32) | version);
    if (is_write) ++version;
  }
  if (pairs_ != nullptr && object != nullptr) note_pair(self, *object, side, is_write);
  if (is_write) note_change();
  if (steps_ <= options_.steps_max) [[likely]]
    return true;
  return cut_here(self);
}

inline void ControlledExecutor::count_step() {
  ++steps_;
  visits_.count();
}

[[gnu::always_inline]] inline bool ControlledExecutor::pass_point(TaskControl& self,
                                                                  Operation operation,
                                                                  Object* object,
                                                                  const Location& site) {
  const WithoutRaces scope;
  if (is_ending_) [[unlikely]]
    return resume_at_end(self);
  if (has_to_stop_) [[unlikely]]
    stop_where_asked(self);
  self.pending_site = &site;
  const bool is_write = !is_of(kReads, operation);
  std::size_t side = 0;
  if (object != nullptr) {
    meet(self, *object);
    side = is_of(kTakes, operation) && !object->is_polled ? 1 : 0;
  }
  if (!is_of(kNoSteps, operation) || is_of(step_operations_, operation)) {
    ++self.operations;
    if (pending_gates_ != nullptr) close_pending_gates();
    if (is_choice(self, object, side, is_write)) {
      if (!std::exchange(has_turn_, false)) {
        announce(self, operation, object, side, site);
        if (!take_turn(self)) return false;
      }
      last_ = &self;
    }
    count_step();
    // Behind its turn: what it sees then is the same in every execution of a schedule.
    if (is_of(kPolls, operation) && (runnable_.size() > 1 || !woken_.empty()) && is_spinning(self))
        [[unlikely]] {
      if (!give_way(self)) return false;
    }
  } else if (object != nullptr) {
    is_private(self, *object, side, is_write);
  }
  return grant(self, operation, object, side, is_write);
}

inline void ControlledExecutor::gate_changed(LockGate& gate) {
  const WithoutRaces scope;
  // Most locks are given back before anyone else is at a step, and nobody needs to have known.
  if (gate.is_closed && !gate.is_pending) {
    gate.is_pending = true;
    gate.next_pending = pending_gates_;
    pending_gates_ = &gate;
  } else if (!gate.is_closed && gate.is_pending) {
    forget_pending(gate);
  } else if (!gate.is_closed) {
    open_gate(gate);
  }
}

inline bool ControlledExecutor::pass_by(TaskControl& self, Operation operation,
                                        const Location& site) {
  if (is_of(step_operations_, operation)) [[unlikely]]
    return pass_as_step(self, operation, nullptr, site);
  const WithoutRaces scope;
  if (is_ending_) [[unlikely]]
    return resume_at_end(self);
  if (has_to_stop_) [[unlikely]]
    stop_where_asked(self);
  self.pending_site = &site;
  return grant(self, operation, nullptr, 0, !is_of(kReads, operation));
}

inline void ControlledExecutor::stand_at(LockGate& gate, TaskControl& self, Object& object) {
  self.gate = &gate;
  self.gate_object = &object;
  self.gate_object_id = object.id;
  self.previous_at_gate = nullptr;
  self.next_at_gate = gate.standing;
  if (gate.standing != nullptr) gate.standing->previous_at_gate = &self;
  gate.standing = &self;
}

inline void ControlledExecutor::leave_gate(LockGate& gate, TaskControl& self) {
  self.gate = nullptr;
  if (self.gate_object == nullptr) return;  // It was destroyed.
  (self.previous_at_gate != nullptr ? self.previous_at_gate->next_at_gate : gate.standing) =
      self.next_at_gate;
  if (self.next_at_gate != nullptr) self.next_at_gate->previous_at_gate = self.previous_at_gate;
}

[[gnu::always_inline]] inline bool ControlledExecutor::pass_gate(TaskControl& self, Object& object,
                                                                 LockGate& gate,
                                                                 const Location& site) {
  const WithoutRaces scope;
  if (is_ending_) [[unlikely]]
    return resume_at_end(self);
  if (has_to_stop_) [[unlikely]]
    stop_where_asked(self);
  meet(self, object);
  self.pending_site = &site;
  ++self.operations;
  if (pending_gates_ != nullptr) close_pending_gates();
  const bool may_choose = is_choice(self, &object, 0, true);
  // Nobody comes in between.
  if (!gate.is_closed && (!may_choose || std::exchange(has_turn_, false))) {
    if (may_choose) last_ = &self;
    count_step();
    return grant(self, Operation::kLock, &object, 0, true);
  }
  announce(self, Operation::kLock, &object, 0, site);
  bool goes_on = true;
  TaskControl* const next = gate.is_closed ? nullptr : next_instead(self);
  if (gate.is_closed || next != nullptr) {
    stand_at(gate, self, object);
    if (next != nullptr) {
      go_on_with(self, *next);
    } else {
      close_gate(gate);
      wait(self);
    }
    goes_on = !is_ending_ || resume_at_end(self);
    leave_gate(gate, self);
  }
  if (goes_on) {
    if (may_choose) last_ = &self;
    count_step();
    return grant(self, Operation::kLock, &object, 0, true);
  }
  return end_gate(self, object, site);
}

inline bool ControlledExecutor::pass_unlock(TaskControl& self, Operation operation, Object& object,
                                            const Location& site) {
  if (is_of(step_operations_, operation)) [[unlikely]]
    return pass_as_step(self, operation, &object, site);
  const WithoutRaces scope;
  if (is_ending_) [[unlikely]]
    return resume_at_end(self);
  if (has_to_stop_) [[unlikely]]
    stop_where_asked(self);
  meet(self, object);
  is_private(self, object, 0, true);
  visits_.set_seen();
  note_change();
  return true;
}

[[gnu::always_inline]] inline void ControlledExecutor::park_here(TaskControl& self,
                                                                 ParkedOperation& operation,
                                                                 Instant deadline) {
  const WithoutRaces scope;
  operation.has_deadline = deadline != kNever;
  if ((self.hooks.load(std::memory_order_relaxed) & kHookCancel) != 0 &&
      operation.try_claim(Claim::kCancelled))
    return;
  // It stood in a queue already, and giving back a lock was a step in between.
  if (operation.claim.load(std::memory_order_relaxed) != Claim::kPending)
    return note_acquire(&self);
  parked_of(self) = &operation;
  if (operation.has_deadline) {
    timers_.push(deadline, self);
    update_clock();
  }
  wait(self);
  note_acquire(&self);
  if (operation.has_deadline && timers_.remove(self)) update_clock();
  const Claim claim = operation.claim.load(std::memory_order_relaxed);
  // Then the end of the wait is numbered among the object's records only now.
  if (claim == Claim::kTimedOut) visits_.set_seen();
  if (claim == Claim::kQuiescent) resume_at_end(self);
  parked_of(self) = nullptr;
}

}  // namespace chantrace::detail
