// What all operations share: the way in, the wait, and the way out when an execution is over.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>

#include "chantrace/detail/channel_state.h"
#include "chantrace/detail/event_log.h"
#include "chantrace/detail/wait.h"
#include "recording.h"
#include "runtime.h"

namespace chantrace::detail {

Name::Name(std::string_view text) {
  if (text.empty()) return;
  text_ = std::make_unique<char[]>(text.size() + 1);
  std::memcpy(text_.get(), text.data(), text.size());
}

void leave_queues(ParkedOperation& operation) {
  for (std::size_t i = 0; i < operation.waiters_count; ++i) {
    Waiter& waiter = operation.waiters[i];
    if (waiter.queue == nullptr) continue;
    // As if under the latch of its object, which may be another one's than the caller has.
    note_acquire(&waiter.object->latch);
    waiter.queue->remove(waiter);
    note_release(&waiter.object->latch);
  }
}

Waiter* WaiterQueue::pop_claimed_among_threads() {
  while (head_ != nullptr) {
    Waiter& waiter = *head_;
    remove(waiter);
    // Read before the claim: after it the waiter's frame may be gone.
    TaskControl& task = *waiter.operation->task;
    const ScopedLock lock(task.park_lock);
    if (waiter.operation->try_claim(Claim::kCompleted)) return &waiter;
  }
  return nullptr;
}

namespace {

/// A body that cannot be unwound runs on a thread of the host: it can neither be thrown out nor
/// left.
[[noreturn]] void end_stubborn_body(const TaskControl& self, const char* does) {
  std::fprintf(stderr, "chantrace: %s %s; the program ends here.\n", self.label.c_str(), does);
  std::fflush(nullptr);
  std::_Exit(1);
}

void leave_stubborn(TaskControl& self, const char* does) {
  if (self.is_body) end_stubborn_body(self, does);
  self.executor->abandon(self);
}

/// An operation does nothing, as the task is being unwound.
void note_inert(TaskControl& self) {
  if (++self.inert_operations > kInertOperationsMax)
    leave_stubborn(self, "waits in a loop, in a destructor, for what cannot come any more");
}

}  // namespace

bool is_being_unwound(TaskControl& self) {
  const std::uint8_t hooks = self.hooks.load(std::memory_order_relaxed);
  if ((hooks & kHookCancel) == 0) {
    if ((hooks & kHookThrown) == 0) return false;
    if (std::uncaught_exceptions() == 0) {
      self.hooks.fetch_and(static_cast<std::uint8_t>(~kHookThrown));
      return false;
    }
  }
  note_inert(self);
  return true;
}

void throw_cancelled(TaskControl& self) {
  // A destructor that runs because of the unwinding must not throw; what it calls does nothing.
  if (std::uncaught_exceptions() > 0) return note_inert(self);
  if (++self.swallowed_cancels > kSwallowedCancelsMax) {
    leave_stubborn(self,
                   "catches what should unwind it, over and over (code that catches everything "
                   "must let chantrace::Cancelled pass)");
  }
  if (self.is_body) {
    Runtime::instance().set_unwinding_body(true);
    self.hooks.fetch_and(static_cast<std::uint8_t>(~kHookCancel));
    self.hooks.fetch_or(kHookThrown);
    throw_in_body(self);
  }
  throw Cancelled{};
}

namespace {

/// `look` is asked with the executor and the task that runs under it.
template <typename Look>
void look_by(const Look& look) {
  if (!runs_alone) return;
  TaskControl& self = *current_task_or_null;
  const std::uint8_t hooks = self.hooks.load(std::memory_order_relaxed);
  if ((hooks & (kHookCancel | kHookThrown)) != 0 && is_being_unwound(self)) return;
  if (!look(Runtime::instance().controlled_now(), self)) throw_cancelled(self);
}

}  // namespace

void note_look(Object& object) {
  look_by(
      [&](ControlledExecutor& executor, TaskControl& self) { return executor.look(self, object); });
}
void note_look_at_end() {
  look_by(
      [](ControlledExecutor& executor, TaskControl& self) { return executor.look_at_end(self); });
}
void note_look_at_clock() {
  look_by(
      [](ControlledExecutor& executor, TaskControl& self) { return executor.look_at_clock(self); });
}
void note_deadline() {
  look_by(
      [](ControlledExecutor& executor, TaskControl& self) { return executor.set_deadline(self); });
}

namespace {

/// As it is when an execution first sees it.
void describe_first(Object& object, ObjectInfo& info) {
  object.enter_execution(&info);
  info.kind = object.kind;
  info.name = object.given_name.view();
}

}  // namespace

void register_object(TaskControl& self, Object& object) {
  if (runs_alone) {
    Runtime::instance().controlled_now().meet_first(object);
  } else if (Runtime::instance().is_controlled()) {
    // A stranger must not make it one of the execution's, and is asked again.
    object.epoch = 0;
    object.family = kFamilyOfStrangers;
    object.id = ObjectId{current_epoch.load()};
    object.sequence = 0;
  } else {
    object.epoch = self.epoch;
    object.id = Runtime::instance().next_object_id();
    object.sequence = 0;
  }
  if (self.recording == nullptr && self.log == nullptr) return object.enter_execution(nullptr);
  if (self.recording == nullptr) {
    const WithoutRaces scope;
    EventLog::Object& logged = self.log->define_object(object.id);
    describe_first(object, logged.info);
    logged.created = object.created;
    logged.creation = object.creation;
    logged.address = &object;
    return;
  }
  ObjectInfo info;
  describe_first(object, info);
  info.id = object.id;
  self.recording->define_object(info, object.created);
}

std::uint64_t next_creation() {
  static std::atomic<std::uint64_t> outside = 0;
  if (!runs_alone || current_task_or_null == nullptr) return kMadeOutside | ++outside;
  TaskControl& self = *current_task_or_null;
  return std::uint64_t{to_number(self.id.load(std::memory_order_relaxed))} << 32 | ++self.creations;
}

std::string describe_object(const Object* object, const Location& site) {
  std::string text;
  if (object == nullptr) {
    text = "the nil channel";
  } else {
    text = to_string(object->kind);
    if (!object->given_name.view().empty())
      text += " \"" + std::string(object->given_name.view()) + "\"";
    else if (object->created.line != 0)
      text += " made at " + std::string(object->created.file) + ":" +
              std::to_string(object->created.line);
  }
  return text + " (" + site.file + ":" + std::to_string(site.line) + ")";
}

Patience patience_for(TaskControl& self, std::int64_t nanoseconds) {
  if (nanoseconds <= 0) return {.is_try = false, .deadline = 0};
  note_deadline();
  const Instant present = self.executor->now();
  return {.is_try = false,
          .deadline = nanoseconds > kNever - present ? kNever : present + nanoseconds};
}

void Wakeups::unpark_all() {
  // They were linked last first; once a task is unparked its waiter is gone.
  Waiter* reversed = nullptr;
  while (first_ != nullptr) {
    Waiter* const next = first_->next;
    first_->next = reversed;
    reversed = first_;
    first_ = next;
  }
  while (reversed != nullptr) {
    Waiter* const waiter = reversed;
    reversed = reversed->next;
    TaskControl& task = *waiter->operation->task;
    task.executor->unpark(task);
  }
}

WaitEnd end_wait_alone(TaskControl& self, Object& object, WaiterQueue& queue, Waiter& waiter,
                       Happening start, const Location& site, Claim claim) {
  Happening done = start;
  done.phase = Phase::kDone;
  done.outcome = claim == Claim::kTimedOut ? Outcome::kTimedOut : Outcome::kCancelled;
  done.sequence = 0;
  Object* present;
  {
    const ScopedLock lock(self.park_lock);
    present = waiter.object;
  }
  if (present != nullptr) {
    const ScopedLock lock(object.latch);
    queue.remove(waiter);
    done.sequence = ++object.sequence;
  }
  record(self, done, site);
  if (claim != Claim::kTimedOut) throw_cancelled(self);
  return {claim, done.outcome, 0};
}

void park_for_ever(TaskControl& self, Operation operation, const Location& site) {
  ParkedOperation parked(self, operation, site);
  self.last_site = site;
  record(self, {.operation = operation, .phase = Phase::kStart, .detail = kNoCase}, site);
  self.executor->park(self, parked, kNever);
  record(self,
         {.operation = operation,
          .phase = Phase::kDone,
          .outcome = Outcome::kCancelled,
          .detail = kNoCase},
         site);
  throw_cancelled(self);
}

void detach_from_gate(Object& object, LockGate& gate) {
  if (gate.is_pending) Runtime::instance().controlled_now().forget_pending(gate);
  if (gate.standing == nullptr) [[likely]]
    return;
  ObjectState state;
  describe_identity(object, state);
  object.describe(state);
  while (TaskControl* const task = gate.standing) {
    gate.standing = task->next_at_gate;
    task->gate_object = nullptr;
    task->next_at_gate = task->previous_at_gate = nullptr;
  }
  Runtime::instance().remember_destroyed(std::move(state));
}

void detach_waiters(Object& object, WaiterQueue& queue) {
  if (queue.empty()) [[likely]]
    return;
  ObjectState state;
  {
    const ScopedLock lock(object.latch);
    describe_identity(object, state);
    object.describe(state);
    while (Waiter* const waiter = queue.front()) {
      queue.remove(*waiter);
      const ScopedLock park_lock(waiter->operation->task->park_lock);
      waiter->object = nullptr;
    }
  }
  Runtime::instance().remember_destroyed(std::move(state));
}

}  // namespace chantrace::detail
