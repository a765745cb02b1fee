/// \file
/// The host's locks, which the library uses for itself and which no scheduler or trace sees.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

#include "chantrace/detail/race_annotations.h"
#include "chantrace/detail/thread_safety.h"

namespace chantrace::detail {

/// The host's lock, for what is rarely touched.
class CHANTRACE_CAPABILITY("mutex") OsMutex {
 public:
  void lock() CHANTRACE_ACQUIRE() { mutex_.lock(); }
  void unlock() CHANTRACE_RELEASE() { mutex_.unlock(); }
  bool try_lock() CHANTRACE_TRY_ACQUIRE(true) { return mutex_.try_lock(); }

 private:
  std::mutex mutex_;
};

/// The calling thread runs the tasks of a controlled execution, one at a time: whatever guards
/// objects against other tasks has nothing to do, and is skipped.
extern thread_local constinit bool runs_alone;

/// The lock inside an object (channel, mutex ...): held for some tens of instructions, never across
/// a wait. Taking it is one locked instruction and giving it back is a plain store, which is what
/// makes a buffered send cost less than a `std::mutex` around a queue.
///
/// Under a controlled executor one task runs at a time, and the lock is passed over: a locked
/// instruction costs as much as a switch to another task.
class CHANTRACE_CAPABILITY("mutex") ObjectLock {
 public:
  void lock() CHANTRACE_ACQUIRE() {
    if (runs_alone) return note_acquire(this);
    if (is_locked_.exchange(true, std::memory_order_acquire)) [[unlikely]]
      lock_contended();
  }
  /// Publishes what the holder wrote to whoever takes the lock next.
  void unlock() CHANTRACE_RELEASE() {
    if (runs_alone) return note_release(this);
    is_locked_.store(false, std::memory_order_release);
  }
  bool try_lock() CHANTRACE_TRY_ACQUIRE(true) {
    if (!runs_alone) return !is_locked_.exchange(true, std::memory_order_acquire);
    note_acquire(this);
    return true;
  }

  // The same for a task that is known to be under control.
  void lock_alone() CHANTRACE_ACQUIRE() { note_acquire(this); }
  void unlock_alone() CHANTRACE_RELEASE() { note_release(this); }

  // The same for a task that is known not to be under control.
  bool try_lock_among_threads() CHANTRACE_TRY_ACQUIRE(true) {
    return !is_locked_.exchange(true, std::memory_order_acquire);
  }
  void unlock_among_threads() CHANTRACE_RELEASE() {
    is_locked_.store(false, std::memory_order_release);
  }

 private:
  /// Spins, then lets other threads run, then sleeps ever longer: the holder may have been
  /// preempted.
  void lock_contended();

  std::atomic<bool> is_locked_ = false;
};

/// Holds a lock for a scope; may be let go early.
template <typename Lock>
class CHANTRACE_SCOPED_CAPABILITY ScopedLock {
 public:
  explicit ScopedLock(Lock& lock) CHANTRACE_ACQUIRE(lock) : lock_(&lock) { lock.lock(); }
  ~ScopedLock() CHANTRACE_RELEASE() {
    if (lock_ != nullptr) lock_->unlock();
  }
  ScopedLock(const ScopedLock&) = delete;
  ScopedLock& operator=(const ScopedLock&) = delete;

  void unlock() CHANTRACE_RELEASE() {
    lock_->unlock();
    lock_ = nullptr;
  }

 private:
  Lock* lock_;
};

}  // namespace chantrace::detail
