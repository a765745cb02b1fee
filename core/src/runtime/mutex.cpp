#include "chantrace/mutex.h"

#include <utility>

#include "controlled_step.h"
#include "runtime.h"

namespace chantrace {

using namespace detail;  // NOLINT: this file is made of its parts.

// Only tasks under control stand at a gate.
void Mutex::tell_who_stands() { under_control(*gate_.standing).gate_changed(gate_); }

Mutex::~Mutex() {
  detach_waiters(*this, waiters_);
  detach_from_gate(*this, gate_);
  if (!gate_.is_closed) [[likely]]
    return;
  // It dies locked: whoever held it gets to know.
  ObjectState state;
  {
    const ScopedLock lock(latch);
    describe_identity(*this, state);
    describe(state);
    if (owner_ != nullptr) release();
  }
  Runtime::instance().remove_orphan(*this);
  if (epoch == current_epoch.load()) Runtime::instance().remember_destroyed(std::move(state));
}

void Mutex::describe(ObjectState& state) const {
  if (gate_.is_closed) state.holders.push_back({owner_id_, to_site(since_), false});
}

void Mutex::enter_execution(ObjectInfo* info) {
  if (!gate_.is_closed) return;
  owner_id_ = id_in_epoch(owner_, epoch);
  if (info != nullptr) info->initial_holders.push_back(owner_id_);
}

bool Mutex::forget_holder(TaskControl& task) {
  const ScopedLock lock(latch);
  if (owner_ != &task) return false;
  owner_ = nullptr;
  slot_ = kNoSlot;
  return true;
}

void Mutex::drop_holder(TaskControl& task) {
  if (owner_ == &task) release();
}

void Mutex::lock_with_hooks(TaskControl& self, const Location& site) {
  if (!is_only_controlled(self)) [[unlikely]] {
    if (!enter_beside_control(self, Operation::kLock, this, site)) return;
    if (!is_only_controlled(self)) return lock_entered(self, site);
  }
  if (!under_control(self).pass_gate(self, *this, gate_, site)) return throw_cancelled(self);
  latch.lock_alone();
  take(self, site);
  const Phase phase = std::exchange(self.has_announced_lock, false) ? Phase::kDone : Phase::kBoth;
  if (self.is_recording) record(self, happening(*this, Operation::kLock, phase), site);
  latch.unlock_alone();
}

void Mutex::unlock_with_hooks(TaskControl& self, const Location& site) {
  const bool is_alone = is_only_controlled(self);
  const bool may_go_on =
      is_alone ? under_control(self).pass_unlock(self, Operation::kUnlock, *this, site)
               : enter_giving_operation(self, Operation::kUnlock, this, site);
  // While a task is unwound, what it locked is given back: it stands in the task's table, so it is
  // alive. Of anything else not even that is known.
  if (!may_go_on && !holds(self, *this)) return;
  if (!is_alone) return unlock_entered(self, site);
  latch.lock_alone();
  meet(self, *this);
  if (owner_ != &self || !waiters_.empty()) return unlock_slowly(self, site);
  release();
  if (self.is_recording) record(self, happening(*this, Operation::kUnlock), site);
  latch.unlock_alone();
}

void Mutex::take_back(TaskControl& self, const Location& site) {
  latch.lock();
  meet(self, *this);
  if (!gate_.is_closed) return finish_lock(self, site);
  latch.unlock();
}

void Mutex::lock_slowly(TaskControl& self, const Location& site) { lock_patiently(self, site, {}); }

bool Mutex::lock_patiently(TaskControl& self, const Location& site, Patience patience) {
  if (!gate_.is_closed) {
    finish_lock(self, site, patience.is_try || patience.deadline != kNever ? kLockTried : 0);
    return true;
  }
  if (patience.is_try || patience.deadline == 0) {
    const Outcome outcome = patience.is_try ? Outcome::kNotReady : Outcome::kTimedOut;
    const Happening what = happening(*this, Operation::kLock, Phase::kBoth, outcome);
    latch.unlock();
    record(self, what, site);
    return false;
  }
  Happening what = happening(*this, Operation::kLock, Phase::kStart);
  bool has_been_overtaken = false;
  bool has_started = false;
  for (;;) {
    ParkedOperation operation(self, Operation::kLock, site);
    Waiter waiter(operation, *this);
    waiter.is_starving = has_been_overtaken;
    if (has_been_overtaken)
      waiters_.push_front(waiter);
    else
      waiters_.push_back(waiter);
    const WaitEnd end = wait_at(self, *this, waiters_, waiter, what, site, patience.deadline,
                                has_started ? Announce::kNothing : Announce::kStart);
    has_started = true;
    if (end.claim != Claim::kCompleted) return false;
    latch.lock();
    // Either the lock was handed over, or it was free a moment ago.
    const bool was_handed_over = gate_.is_closed && owner_ == &self;
    if (was_handed_over || !gate_.is_closed) {
      take(self, site);
      what = happening(*this, Operation::kLock, Phase::kDone);
      if (patience.deadline != kNever) what.detail = kLockTried;
      latch.unlock();
      record(self, what, site);
      return true;
    }
    has_been_overtaken = true;
  }
}

bool Mutex::try_lock(Location site) {
  TaskControl& self = current_task();
  if (!enter_polling_operation(self, Operation::kLock, this, site)) return false;
  latch.lock();
  meet(self, *this);
  return lock_patiently(self, site, {.is_try = true});
}

bool Mutex::try_lock_for_ns(std::int64_t nanoseconds, const Location& site) {
  TaskControl& self = current_task();
  if (!enter_polling_operation(self, Operation::kLock, this, site)) return false;
  const Patience patience = patience_for(self, nanoseconds);
  latch.lock();
  meet(self, *this);
  return lock_patiently(self, site, patience);
}

void Mutex::unlock_slowly(TaskControl& self, const Location& site) {
  Happening what = happening(*this, Operation::kUnlock);
  if (!gate_.is_closed) {
    what.outcome = Outcome::kMisuse;
    latch.unlock();
    record(self, what, site);
    throw_misuse<NotLocked>(self, Misuse::Kind::kUnlockOfUnlocked, this, site,
                            "unlock of unlocked " + describe_object(this, site));
  }
  const bool is_foreign = owner_ != &self;
  if (is_foreign) what.outcome = Outcome::kForeign;
  release();
  Waiter* woken = waiters_.front();
  if (woken != nullptr && woken->is_starving) {
    // It was overtaken once: the lock is its own before anyone else can look. Its place in the
    // table of held locks it fills itself.
    woken = waiters_.pop_claimed();
    if (woken != nullptr) {
      close_gate();
      owner_ = woken->operation->task;
      owner_id_ = owner_->id;
      since_ = *woken->operation->site;
    }
  } else {
    woken = waiters_.pop_claimed();
  }
  const ObjectId mutex_id = id;
  TaskControl* const task = woken != nullptr ? woken->operation->task : nullptr;
  latch.unlock();
  record(self, what, site);
  if (is_foreign) {
    // This waits for whoever found the lock in the table of its owner, and is about to look at it:
    // the caller may destroy it next.
    Runtime::instance().remove_orphan(*this);
    Runtime::instance().add_misuse(
        {Misuse::Kind::kForeignUnlock, self.id, mutex_id, to_site(site), false});
  }
  if (task != nullptr) task->executor->unpark(*task);
}

}  // namespace chantrace
