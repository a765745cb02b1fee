#include "chantrace/condition_variable.h"

#include "runtime.h"

namespace chantrace {

using namespace detail;  // NOLINT: this file is made of its parts.

ConditionVariable::~ConditionVariable() { detach_waiters(*this, waiters_); }

void ConditionVariable::describe(ObjectState& state) const {
  givers_.copy_to(state.givers, state.has_more_givers, state.last_giver);
  takers_.copy_to(state.takers, state.has_more_takers, state.last_taker);
  state.lost_signals = lost_signals_;
  state.last_lost_by = last_lost_by_;
  state.last_lost_at = to_site(last_lost_at_);
}

void ConditionVariable::enter_execution(ObjectInfo*) {
  givers_.clear();
  takers_.clear();
  lost_signals_ = 0;
  last_lost_by_ = {};
  last_lost_at_ = {};
}

Instant ConditionVariable::deadline_after(std::int64_t nanoseconds) {
  return patience_for(current_task(), nanoseconds).deadline;
}

void ConditionVariable::wait(Mutex& mutex, Location site) { wait_until(mutex, kNever, site); }

ConditionVariable::Waited ConditionVariable::wait_until(Mutex& mutex, Instant deadline,
                                                        const Location& site) {
  TaskControl& self = current_task();
  if (!enter_operation(self, Operation::kConditionWait, this, site)) return Waited::kNot;
  // In the queue before the mutex is free, so that no notification made under the mutex is lost.
  ParkedOperation operation(self, Operation::kConditionWait, site);
  Waiter waiter;
  Happening start;
  {
    const ScopedLock lock(latch);
    meet(self, *this);
    takers_.add(self.id);
    waiter = Waiter(operation, *this);
    // It may be completed before it parks.
    operation.waiters = &waiter;
    operation.waiters_count = 1;
    waiters_.push_back(waiter);
    start = happening(*this, Operation::kConditionWait, Phase::kStart);
  }
  record(self, start, site);
  try {
    mutex.unlock(site);
  } catch (...) {
    // It was not locked. A notification that chose this waiter in between is lost with it; the
    // wake-up that comes with it must not be left over for the task's next wait.
    if (operation.try_claim(Claim::kCancelled)) {
      const ScopedLock lock(latch);
      waiters_.remove(waiter);
    } else {
      self.executor->park(self, operation, kNever);
    }
    throw;
  }
  Claim claim;
  try {
    latch.lock();
    claim = wait_at(self, *this, waiters_, waiter, start, site,
                    deadline == 0 ? self.executor->now() : deadline, Announce::kNothing)
                .claim;
  } catch (...) {
    mutex.take_back(self, site);
    throw;
  }
  if (claim == Claim::kCompleted) {
    start.phase = Phase::kDone;
    start.sequence = operation.done_sequence;
    record(self, start, site);
  }
  mutex.lock(site);
  if (claim == Claim::kCompleted) return Waited::kNotified;
  return claim == Claim::kTimedOut ? Waited::kTooLong : Waited::kNot;
}

void ConditionVariable::notify_one(Location site) { notify(Operation::kConditionNotifyOne, site); }
void ConditionVariable::notify_all(Location site) { notify(Operation::kConditionNotifyAll, site); }

void ConditionVariable::notify(Operation operation, const Location& site) {
  TaskControl& self = current_task();
  if (!enter_giving_operation(self, operation, this, site)) return;
  Wakeups woken;
  Happening what;
  {
    const ScopedLock lock(latch);
    meet(self, *this);
    givers_.add(self.id);
    what = happening(*this, operation);
    while (Waiter* const waiter = waiters_.pop_claimed()) {
      complete(*this, *waiter);
      woken.add(*waiter);
      ++what.value;
      if (operation == Operation::kConditionNotifyOne) break;
    }
    if (what.value == 0) {
      ++lost_signals_;
      last_lost_by_ = self.id;
      last_lost_at_ = site;
    }
  }
  record(self, what, site);
  woken.unpark_all();
}

}  // namespace chantrace
