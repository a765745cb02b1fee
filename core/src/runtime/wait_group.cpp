#include "chantrace/wait_group.h"

#include <limits>

#include "runtime.h"

namespace chantrace {

using namespace detail;  // NOLINT: this file is made of its parts.

WaitGroup::~WaitGroup() { detach_waiters(*this, waiters_); }

void WaitGroup::describe(ObjectState& state) const {
  state.count = count_;
  givers_.copy_to(state.givers, state.has_more_givers, state.last_giver);
  takers_.copy_to(state.takers, state.has_more_takers, state.last_taker);
}

void WaitGroup::enter_execution(ObjectInfo* info) {
  givers_.clear();
  takers_.clear();
  if (info != nullptr) info->initial_count = count_;
}

void WaitGroup::add(std::int64_t delta, Location site) {
  TaskControl& self = current_task();
  if (!enter_giving_operation(self, Operation::kWaitGroupAdd, this, site)) return;
  Wakeups woken;
  Happening what;
  {
    const ScopedLock lock(latch);
    meet(self, *this);
    givers_.add(self.id);
    what = happening(*this, Operation::kWaitGroupAdd);
    std::int64_t count = 0;
    const bool has_overflown = __builtin_add_overflow(count_, delta, &count);
    if (has_overflown || count < 0) {
      what.outcome = Outcome::kMisuse;
    } else {
      count_ = count;
      while (count_ == 0) {
        Waiter* const waiter = waiters_.pop_claimed();
        if (waiter == nullptr) break;
        complete(*this, *waiter);
        woken.add(*waiter);
      }
    }
    what.value = static_cast<std::uint64_t>(count_);
  }
  record(self, what, site);
  if (what.outcome == Outcome::kMisuse) {
    throw_misuse<NegativeWaitGroup>(self, Misuse::Kind::kNegativeWaitGroup, this, site,
                                    "count below zero of " + describe_object(this, site));
  }
  woken.unpark_all();
}

void WaitGroup::wait(Location site) {
  TaskControl& self = current_task();
  if (!enter_operation(self, Operation::kWaitGroupWait, this, site)) return;
  latch.lock();
  meet(self, *this);
  takers_.add(self.id);
  if (count_ == 0) {
    const Happening what = happening(*this, Operation::kWaitGroupWait);
    latch.unlock();
    record(self, what, site);
    return;
  }
  ParkedOperation operation(self, Operation::kWaitGroupWait, site);
  Waiter waiter(operation, *this);
  waiters_.push_back(waiter);
  Happening what = happening(*this, Operation::kWaitGroupWait, Phase::kStart);
  if (wait_at(self, *this, waiters_, waiter, what, site, kNever).claim != Claim::kCompleted) return;
  what.phase = Phase::kDone;
  what.sequence = operation.done_sequence;
  record(self, what, site);
}

}  // namespace chantrace
