/// \file
/// Locks: for one holder, or for many readers and one writer.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <vector>

#include "chantrace/detail/channel_state.h"
#include "chantrace/detail/wait.h"
#include "chantrace/location.h"
#include "chantrace/lock_guards.h"
#include "chantrace/misuse.h"

namespace chantrace {

/// A lock for one holder. Works with `std::scoped_lock`, `std::unique_lock` and `std::lock`.
///
/// Waiters are let in as they come, but one that just runs may go first, as in Go; one that was
/// overtaken once is handed the lock. Not recursive: locking it twice is a deadlock of one task,
/// and found. Another task may unlock it; that is noted.
///
/// Its name and place of creation appear in findings. A static one needs no run-time
/// initialization.
///
/// Threads: any thread.
/// Source: the Go standard library's sync.Mutex, "Mutex fairness".
class Mutex final : private detail::Object {
 public:
  constexpr Mutex(Location site = Location::current())  // NOLINT: converts from nothing useful.
      : Object(ObjectKind::kMutex, site) {
    if (!std::is_constant_evaluated()) creation = detail::next_creation();
  }
  explicit Mutex(std::string_view name, Location site = Location::current())
      : Object(ObjectKind::kMutex, name, site) {
    creation = detail::next_creation();
  }
  ~Mutex();
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  /// Blocks: until the lock is free.
  void lock(Location site = Location::current()) {
    detail::TaskControl& self = detail::current_task();
    if (has_hooks(self)) [[unlikely]]
      return lock_with_hooks(self, site);
    lock_entered(self, site);
  }
  bool try_lock(Location site = Location::current());
  template <typename Rep, typename Period>
  bool try_lock_for(std::chrono::duration<Rep, Period> timeout,
                    Location site = Location::current()) {
    return try_lock_for_ns(detail::to_ns(timeout), site);
  }
  /// Throws: `NotLocked` when nobody holds it.
  void unlock(Location site = Location::current()) {
    detail::TaskControl& self = detail::current_task();
    if (has_hooks(self)) [[unlikely]]
      return unlock_with_hooks(self, site);
    unlock_entered(self, site);
  }

 private:
  friend class ConditionVariable;

  /// What it has to do besides recording.
  static bool has_hooks(const detail::TaskControl& self) {
    return (self.hooks.load(std::memory_order_relaxed) & ~detail::kHookRecorded) != 0;
  }
  void lock_with_hooks(detail::TaskControl& self, const Location& site);
  void lock_entered(detail::TaskControl& self, const Location& site) {
    latch.lock();
    detail::meet(self, *this);
    if (gate_.is_closed) return lock_slowly(self, site);
    finish_lock(self, site);
  }
  void unlock_with_hooks(detail::TaskControl& self, const Location& site);
  void unlock_entered(detail::TaskControl& self, const Location& site) {
    latch.lock();
    detail::meet(self, *this);
    if (owner_ != &self || !waiters_.empty()) return unlock_slowly(self, site);
    release();
    const detail::Happening what = happening_if_recording(self, Operation::kUnlock);
    latch.unlock();
    record(self, what, site);
  }
  /// Requires: the latch, and a free mutex. `how`: 0 or `kLockTried`.
  void finish_lock(detail::TaskControl& self, const Location& site, std::uint16_t how = 0)
      CHANTRACE_RELEASE(latch) {
    take(self, site);
    detail::Happening what = happening_if_recording(self, Operation::kLock);
    what.detail = how;
    if (self.has_announced_lock) [[unlikely]] {
      self.has_announced_lock = false;
      what.phase = Phase::kDone;
    }
    latch.unlock();
    record(self, what, site);
  }
  void take(detail::TaskControl& self, const Location& site) {
    close_gate();
    owner_ = &self;
    owner_id_ = self.id;
    slot_ = detail::hold(self, *this);
    since_ = site;
  }
  void release() {
    if (slot_ != detail::kNoSlot) owner_->held[slot_].store(nullptr, std::memory_order_relaxed);
    slot_ = detail::kNoSlot;
    owner_ = nullptr;
    gate_.is_closed = false;
    if (gate_.standing != nullptr) [[unlikely]]
      tell_who_stands();
  }
  void close_gate() {
    gate_.is_closed = true;
    if (gate_.standing != nullptr) [[unlikely]]
      tell_who_stands();
  }
  /// Requires: somebody stands at the gate.
  void tell_who_stands();
  detail::Happening happening_if_recording(detail::TaskControl& self, Operation operation) {
    return self.is_recording ? detail::happening(*this, operation) : detail::Happening{operation};
  }
  /// For the guard of one that is thrown out of a wait, and will unlock it. That is no operation.
  void take_back(detail::TaskControl& self, const Location& site);
  void lock_slowly(detail::TaskControl& self, const Location& site) CHANTRACE_RELEASE(latch);
  /// Requires: the latch, which is given back.
  bool lock_patiently(detail::TaskControl& self, const Location& site, detail::Patience patience)
      CHANTRACE_RELEASE(latch);
  bool try_lock_for_ns(std::int64_t nanoseconds, const Location& site);
  void unlock_slowly(detail::TaskControl& self, const Location& site) CHANTRACE_RELEASE(latch);

  void describe(ObjectState& state) const override;
  void enter_execution(ObjectInfo* info) override;
  bool forget_holder(detail::TaskControl& task) override;
  void drop_holder(detail::TaskControl& task) override;

  // Guarded by the latch.
  detail::LockGate gate_;                 ///< Closed: locked.
  detail::TaskControl* owner_ = nullptr;  ///< nullptr: not locked, or by a task that has ended.
  TaskId owner_id_{};
  std::uint8_t slot_ = detail::kNoSlot;
  Location since_;
  detail::WaiterQueue waiters_;
};

/// A lock for many readers or one writer. A waiting writer keeps new readers out, as in Go; so a
/// reader that locks again while a writer waits is a deadlock.
///
/// Works with `std::shared_lock`, `std::unique_lock` and `std::scoped_lock`.
///
/// Threads: any thread.
/// Source: the Go standard library's sync.RWMutex.
class SharedMutex final : private detail::Object {
 public:
  explicit SharedMutex(Location site = Location::current())
      : Object(ObjectKind::kSharedMutex, site) {
    creation = detail::next_creation();
  }
  explicit SharedMutex(std::string_view name, Location site = Location::current())
      : Object(ObjectKind::kSharedMutex, name, site) {
    creation = detail::next_creation();
  }
  ~SharedMutex();
  SharedMutex(const SharedMutex&) = delete;
  SharedMutex& operator=(const SharedMutex&) = delete;

  /// Blocks: until there is neither a reader nor a writer.
  void lock(Location site = Location::current());
  bool try_lock(Location site = Location::current());
  /// Throws: `NotLocked` when no writer holds it.
  void unlock(Location site = Location::current());
  /// Blocks: until no writer holds it or waits for it.
  void lock_shared(Location site = Location::current());
  bool try_lock_shared(Location site = Location::current());
  /// Throws: `NotLocked` when no reader holds it.
  void unlock_shared(Location site = Location::current());

 private:
  struct Reader {
    TaskId task{};
    detail::TaskControl* control = nullptr;
    std::uint8_t slot = detail::kNoSlot;
    Location since;
  };

  /// For one that is let in by another: only a task itself fills its table of held locks, which
  /// that one does when it goes on.
  static Reader make_holder(const detail::Waiter& waiter);
  bool lock_patiently(const Location& site, detail::Patience patience);
  bool lock_shared_patiently(const Location& site, detail::Patience patience);
  void unlock_as(Operation operation, const Location& site);
  /// Lets in whoever may now go on. Requires: the latch.
  void admit(detail::Wakeups& woken, bool readers_first);

  void describe(ObjectState& state) const override;
  void enter_execution(ObjectInfo* info) override;
  bool forget_holder(detail::TaskControl& task) override;
  void drop_holder(detail::TaskControl& task) override;

  // Guarded by the latch.
  std::vector<Reader> readers_;
  bool has_writer_ = false;
  Reader writer_;
  detail::WaiterQueue waiting_readers_;
  detail::WaiterQueue waiting_writers_;
};

}  // namespace chantrace
