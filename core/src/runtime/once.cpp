#include "chantrace/once.h"

#include "runtime.h"

namespace chantrace {

using namespace detail;  // NOLINT: this file is made of its parts.

Once::~Once() { detach_waiters(*this, waiters_); }

void Once::describe(ObjectState& state) const {
  if (state_ == State::kRunning) state.holders.push_back({runner_id_, to_site(since_), false});
}

void Once::enter_execution(ObjectInfo* info) {
  if (state_ != State::kRunning) return;
  runner_id_ = id_in_epoch(runner_, epoch);
  if (info != nullptr) info->initial_holders.push_back(runner_id_);
}

bool Once::begin(const Location& site) {
  TaskControl& self = current_task();
  if (!enter_operation(self, Operation::kOnceCall, this, site)) return false;
  for (;;) {
    latch.lock();
    meet(self, *this);
    if (state_ != State::kRunning) {
      const bool runs_it = state_ == State::kNew;
      Happening what = happening(*this, Operation::kOnceCall);
      what.value = runs_it ? 1 : 0;
      if (runs_it) {
        state_ = State::kRunning;
        runner_ = &self;
        runner_id_ = self.id;
        since_ = site;
      }
      latch.unlock();
      record(self, what, site);
      return runs_it;
    }
    ParkedOperation operation(self, Operation::kOnceCall, site);
    Waiter waiter(operation, *this);
    waiters_.push_back(waiter);
    Happening what = happening(*this, Operation::kOnceCall, Phase::kStart);
    const WaitEnd end = wait_at(self, *this, waiters_, waiter, what, site, kNever);
    if (end.claim != Claim::kCompleted) return false;
    what.phase = Phase::kDone;
    what.sequence = operation.done_sequence;
    record(self, what, site);
    if (end.outcome == Outcome::kOk) return false;
    // The run it waited for failed: this task tries.
  }
}

void Once::end(bool has_succeeded, const Location& site) {
  TaskControl& self = current_task();
  // Also while the task is unwound: others may wait for it.
  enter_giving_operation(self, Operation::kOnceEnd, this, site);
  Wakeups woken;
  Happening what;
  {
    const ScopedLock lock(latch);
    meet(self, *this);
    what = happening(*this, Operation::kOnceEnd, Phase::kBoth,
                     has_succeeded ? Outcome::kOk : Outcome::kException);
    state_ = has_succeeded ? State::kDone : State::kNew;
    runner_ = nullptr;
    while (Waiter* const waiter = waiters_.pop_claimed()) {
      complete(*this, *waiter, has_succeeded ? Outcome::kOk : Outcome::kException);
      woken.add(*waiter);
    }
  }
  record(self, what, site);
  woken.unpark_all();
}

}  // namespace chantrace
