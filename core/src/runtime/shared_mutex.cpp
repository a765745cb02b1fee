#include <algorithm>

#include "chantrace/mutex.h"
#include "runtime.h"

namespace chantrace {

using namespace detail;  // NOLINT: this file is made of its parts.

SharedMutex::~SharedMutex() {
  detach_waiters(*this, waiting_readers_);
  detach_waiters(*this, waiting_writers_);
  if (!has_writer_ && readers_.empty()) [[likely]]
    return;
  ObjectState state;
  {
    const ScopedLock lock(latch);
    describe_identity(*this, state);
    describe(state);
    const auto forget = [](const Reader& holder) {
      if (holder.control != nullptr && holder.slot != kNoSlot)
        holder.control->held[holder.slot].store(nullptr, std::memory_order_relaxed);
    };
    std::for_each(readers_.begin(), readers_.end(), forget);
    if (has_writer_) forget(writer_);
  }
  Runtime::instance().remove_orphan(*this);
  if (epoch == current_epoch.load()) Runtime::instance().remember_destroyed(std::move(state));
}

void SharedMutex::describe(ObjectState& state) const {
  if (has_writer_) state.holders.push_back({writer_.task, to_site(writer_.since), false});
  for (const Reader& reader : readers_)
    state.holders.push_back({reader.task, to_site(reader.since), true});
}

void SharedMutex::enter_execution(ObjectInfo* info) {
  const auto enter = [&](Reader& holder) {
    holder.task = id_in_epoch(holder.control, epoch);
    if (info != nullptr) info->initial_holders.push_back(holder.task);
  };
  if (has_writer_) enter(writer_);
  std::for_each(readers_.begin(), readers_.end(), enter);
}

bool SharedMutex::forget_holder(TaskControl& task) {
  const ScopedLock lock(latch);
  bool was_holder = false;
  const auto forget = [&](Reader& holder) {
    if (holder.control != &task) return;
    holder.control = nullptr;
    holder.slot = kNoSlot;
    was_holder = true;
  };
  forget(writer_);
  std::for_each(readers_.begin(), readers_.end(), forget);
  return was_holder;
}

void SharedMutex::drop_holder(TaskControl& task) {
  if (has_writer_ && writer_.control == &task) has_writer_ = false;
  std::erase_if(readers_, [&](const Reader& reader) { return reader.control == &task; });
}

SharedMutex::Reader SharedMutex::make_holder(const Waiter& waiter) {
  TaskControl& task = *waiter.operation->task;
  return {task.id, &task, kNoSlot, *waiter.operation->site};
}

void SharedMutex::admit(Wakeups& woken, bool readers_first) {
  const auto admit_readers = [&] {
    while (Waiter* const reader = waiting_readers_.pop_claimed()) {
      readers_.push_back(make_holder(*reader));
      complete(*this, *reader);
      woken.add(*reader);
    }
  };
  if (readers_first) admit_readers();
  if (!has_writer_ && readers_.empty()) {
    if (Waiter* const writer = waiting_writers_.pop_claimed()) {
      has_writer_ = true;
      writer_ = make_holder(*writer);
      complete(*this, *writer);
      woken.add(*writer);
    }
  }
  if (!has_writer_ && waiting_writers_.empty()) admit_readers();
}

bool SharedMutex::lock_patiently(const Location& site, Patience patience) {
  TaskControl& self = current_task();
  if (!(patience.is_try ? enter_polling_operation(self, Operation::kLock, this, site)
                        : enter_operation(self, Operation::kLock, this, site)))
    return false;
  latch.lock();
  meet(self, *this);
  if (!has_writer_ && readers_.empty()) {
    has_writer_ = true;
    writer_ = {self.id, &self, hold(self, *this), site};
    Happening what = happening(*this, Operation::kLock);
    if (patience.is_try) what.detail = kLockTried;
    latch.unlock();
    record(self, what, site);
    return true;
  }
  if (patience.is_try) {
    const Happening what = happening(*this, Operation::kLock, Phase::kBoth, Outcome::kNotReady);
    latch.unlock();
    record(self, what, site);
    return false;
  }
  ParkedOperation operation(self, Operation::kLock, site);
  Waiter waiter(operation, *this);
  waiting_writers_.push_back(waiter);
  Happening what = happening(*this, Operation::kLock, Phase::kStart);
  if (wait_at(self, *this, waiting_writers_, waiter, what, site, kNever).claim != Claim::kCompleted)
    return false;
  what.phase = Phase::kDone;
  what.sequence = operation.done_sequence;
  {
    const ScopedLock lock(latch);
    // Unless somebody else has unlocked it meanwhile.
    if (writer_.control == &self && writer_.slot == kNoSlot) writer_.slot = hold(self, *this);
  }
  record(self, what, site);
  return true;
}

bool SharedMutex::lock_shared_patiently(const Location& site, Patience patience) {
  TaskControl& self = current_task();
  if (!(patience.is_try ? enter_polling_operation(self, Operation::kLockShared, this, site)
                        : enter_operation(self, Operation::kLockShared, this, site)))
    return false;
  latch.lock();
  meet(self, *this);
  if (!has_writer_ && waiting_writers_.empty()) {
    readers_.push_back({self.id, &self, hold(self, *this), site});
    Happening what = happening(*this, Operation::kLockShared);
    if (patience.is_try) what.detail = kLockTried;
    latch.unlock();
    record(self, what, site);
    return true;
  }
  if (patience.is_try) {
    const Happening what =
        happening(*this, Operation::kLockShared, Phase::kBoth, Outcome::kNotReady);
    latch.unlock();
    record(self, what, site);
    return false;
  }
  ParkedOperation operation(self, Operation::kLockShared, site);
  Waiter waiter(operation, *this);
  waiting_readers_.push_back(waiter);
  Happening what = happening(*this, Operation::kLockShared, Phase::kStart);
  if (wait_at(self, *this, waiting_readers_, waiter, what, site, kNever).claim != Claim::kCompleted)
    return false;
  what.phase = Phase::kDone;
  what.sequence = operation.done_sequence;
  {
    const ScopedLock lock(latch);
    for (Reader& reader : readers_)
      if (reader.control == &self && reader.slot == kNoSlot) reader.slot = hold(self, *this);
  }
  record(self, what, site);
  return true;
}

void SharedMutex::lock(Location site) { lock_patiently(site, {}); }
bool SharedMutex::try_lock(Location site) { return lock_patiently(site, {.is_try = true}); }
void SharedMutex::lock_shared(Location site) { lock_shared_patiently(site, {}); }
bool SharedMutex::try_lock_shared(Location site) {
  return lock_shared_patiently(site, {.is_try = true});
}

void SharedMutex::unlock(Location site) { unlock_as(Operation::kUnlock, site); }
void SharedMutex::unlock_shared(Location site) { unlock_as(Operation::kUnlockShared, site); }

void SharedMutex::unlock_as(Operation operation, const Location& site) {
  TaskControl& self = current_task();
  // As for `Mutex`: what a task locked is given back while it is unwound.
  if (!enter_giving_operation(self, operation, this, site) && !holds(self, *this)) return;
  const bool is_writer = operation == Operation::kUnlock;
  Wakeups woken;
  Happening what;
  ObjectId mutex_id;
  {
    const ScopedLock lock(latch);
    meet(self, *this);
    mutex_id = id;
    what = happening(*this, operation);
    Reader released;
    bool is_held = is_writer ? has_writer_ : !readers_.empty();
    if (is_writer && is_held) {
      released = writer_;
      has_writer_ = false;
      writer_ = {};
    } else if (is_held) {
      // Its own, if it has one: the latest.
      auto found = std::find_if(readers_.rbegin(), readers_.rend(),
                                [&](const Reader& reader) { return reader.control == &self; });
      if (found == readers_.rend()) found = readers_.rbegin();
      released = *found;
      readers_.erase(std::next(found).base());
    }
    if (!is_held) {
      what.outcome = Outcome::kMisuse;
    } else {
      if (released.control != &self) what.outcome = Outcome::kForeign;
      if (released.control != nullptr && released.slot != kNoSlot)
        released.control->held[released.slot].store(nullptr, std::memory_order_relaxed);
      admit(woken, is_writer);
    }
  }
  record(self, what, site);
  if (what.outcome == Outcome::kMisuse) {
    throw_misuse<NotLocked>(self, Misuse::Kind::kUnlockOfUnlocked, this, site,
                            "unlock of unlocked " + describe_object(this, site));
  }
  if (what.outcome == Outcome::kForeign) {
    // As in `Mutex::unlock_slowly`.
    Runtime::instance().remove_orphan(*this);
    Runtime::instance().add_misuse(
        {Misuse::Kind::kForeignUnlock, self.id, mutex_id, to_site(site), false});
  }
  woken.unpark_all();
}

}  // namespace chantrace

namespace std {  // NOLINT(cert-dcl58-cpp): the members of a specialisation for our own type.

using chantrace::Location;

shared_lock<chantrace::SharedMutex>::shared_lock(mutex_type& mutex, Location site)
    : mutex_(&mutex), site_(site) {
  mutex_->lock_shared(site);
  owns_ = true;
}

shared_lock<chantrace::SharedMutex>::shared_lock(mutex_type& mutex, try_to_lock_t, Location site)
    : mutex_(&mutex), owns_(mutex.try_lock_shared(site)), site_(site) {}

void shared_lock<chantrace::SharedMutex>::lock(Location site) {
  check();
  mutex_->lock_shared(site);
  site_ = site;
  owns_ = true;
}

bool shared_lock<chantrace::SharedMutex>::try_lock(Location site) {
  check();
  site_ = site;
  return owns_ = mutex_->try_lock_shared(site);
}

void shared_lock<chantrace::SharedMutex>::unlock(Location site) {
  if (!owns_) throw system_error(make_error_code(errc::operation_not_permitted));
  mutex_->unlock_shared(site);
  owns_ = false;
}

}  // namespace std
