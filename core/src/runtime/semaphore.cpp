#include "chantrace/semaphore.h"

#include <string>

#include "chantrace/misuse.h"
#include "runtime.h"

namespace chantrace {

using namespace detail;  // NOLINT: this file is made of its parts.

Semaphore::~Semaphore() { detach_waiters(*this, waiters_); }

void Semaphore::describe(ObjectState& state) const {
  state.count = permits_;
  givers_.copy_to(state.givers, state.has_more_givers, state.last_giver);
  takers_.copy_to(state.takers, state.has_more_takers, state.last_taker);
}

void Semaphore::enter_execution(ObjectInfo* info) {
  givers_.clear();
  takers_.clear();
  if (info != nullptr) info->initial_count = permits_;
}

void Semaphore::acquire(Location site) { acquire_patiently(current_task(), {}, site); }

bool Semaphore::try_acquire(Location site) {
  return acquire_patiently(current_task(), {.is_try = true}, site);
}

bool Semaphore::acquire_for_ns(std::int64_t nanoseconds, const Location& site) {
  TaskControl& self = current_task();
  return acquire_patiently(self, patience_for(self, nanoseconds), site);
}

bool Semaphore::acquire_patiently(TaskControl& self, Patience patience, const Location& site) {
  if (!enter_operation(self, Operation::kSemaphoreAcquire, this, site)) return false;
  latch.lock();
  meet(self, *this);
  takers_.add(self.id);
  const bool is_ready = permits_ > 0 && waiters_.empty();
  if (is_ready || patience.is_try || patience.deadline == 0) {
    if (is_ready) --permits_;
    const Happening what = happening(*this, Operation::kSemaphoreAcquire, Phase::kBoth,
                                     is_ready          ? Outcome::kOk
                                     : patience.is_try ? Outcome::kNotReady
                                                       : Outcome::kTimedOut);
    latch.unlock();
    record(self, what, site);
    return is_ready;
  }
  ParkedOperation operation(self, Operation::kSemaphoreAcquire, site);
  Waiter waiter(operation, *this);
  waiters_.push_back(waiter);
  Happening what = happening(*this, Operation::kSemaphoreAcquire, Phase::kStart);
  if (wait_at(self, *this, waiters_, waiter, what, site, patience.deadline).claim !=
      Claim::kCompleted)
    return false;
  what.phase = Phase::kDone;
  what.sequence = operation.done_sequence;
  record(self, what, site);
  return true;
}

void Semaphore::release(std::int64_t permits, Location site) {
  TaskControl& self = current_task();
  if (!enter_giving_operation(self, Operation::kSemaphoreRelease, this, site)) return;
  Wakeups woken;
  Happening what;
  {
    const ScopedLock lock(latch);
    meet(self, *this);
    givers_.add(self.id);
    what = happening(*this, Operation::kSemaphoreRelease);
    what.value = static_cast<std::uint64_t>(permits);
    std::int64_t sum = 0;
    if (permits < 0 || __builtin_add_overflow(permits_, permits, &sum))
      what.outcome = Outcome::kMisuse;
    else
      permits_ = sum;
    while (permits_ > 0) {
      Waiter* const waiter = waiters_.pop_claimed();
      if (waiter == nullptr) break;
      --permits_;
      complete(*this, *waiter);
      woken.add(*waiter);
    }
  }
  record(self, what, site);
  if (what.outcome == Outcome::kMisuse)
    throw_misuse<BadPermits>(
        self, Misuse::Kind::kOther, this, site,
        "release of " + std::to_string(permits) + " permits of " + describe_object(this, site));
  woken.unpark_all();
}

}  // namespace chantrace
