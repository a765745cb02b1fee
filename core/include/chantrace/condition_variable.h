/// \file
/// Waiting for a condition that a mutex guards.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string_view>

#include "chantrace/mutex.h"

namespace chantrace {

/// A condition variable for `Mutex`. There are no spurious wake-ups on threads. A notification that
/// finds nobody waiting is remembered, so that a task that then waits for ever gets to know it.
///
/// Threads: any thread.
class ConditionVariable final : private detail::Object {
 public:
  explicit ConditionVariable(Location site = Location::current())
      : Object(ObjectKind::kConditionVariable, site) {}
  explicit ConditionVariable(std::string_view name, Location site = Location::current())
      : Object(ObjectKind::kConditionVariable, name, site) {}
  ~ConditionVariable();
  ConditionVariable(const ConditionVariable&) = delete;
  ConditionVariable& operator=(const ConditionVariable&) = delete;

  /// Unlocks `mutex`, waits, and locks it again. The mutex may have been locked by another task, as
  /// in Go.
  ///
  /// Blocks: until a notification comes after the wait began, then until the mutex is free.
  void wait(Mutex& mutex, Location site = Location::current());
  void wait(std::unique_lock<Mutex>& lock, Location site = Location::current()) {
    wait(*lock.mutex(), site);
  }
  template <typename Predicate>
  void wait(std::unique_lock<Mutex>& lock, Predicate predicate,
            Location site = Location::current()) {
    while (!predicate())
      if (wait_until(*lock.mutex(), detail::kNever, site) == Waited::kNot) return;
  }
  template <typename Rep, typename Period>
  std::cv_status wait_for(std::unique_lock<Mutex>& lock, std::chrono::duration<Rep, Period> timeout,
                          Location site = Location::current()) {
    const std::int64_t nanoseconds = detail::to_ns(timeout);
    return wait_until(*lock.mutex(), deadline_after(nanoseconds), site) == Waited::kTooLong
               ? std::cv_status::timeout
               : std::cv_status::no_timeout;
  }
  /// Returns: what `predicate` says at the end.
  template <typename Rep, typename Period, typename Predicate>
  bool wait_for(std::unique_lock<Mutex>& lock, std::chrono::duration<Rep, Period> timeout,
                Predicate predicate, Location site = Location::current()) {
    const std::int64_t nanoseconds = detail::to_ns(timeout);
    const detail::Instant deadline = deadline_after(nanoseconds);
    while (!predicate())
      if (wait_until(*lock.mutex(), deadline, site) != Waited::kNotified) return predicate();
    return true;
  }
  void notify_one(Location site = Location::current());
  void notify_all(Location site = Location::current());

 private:
  /// kNot: the task is being unwound, and whatever it waits for will not come.
  enum class Waited : std::uint8_t { kNotified, kTooLong, kNot };

  static detail::Instant deadline_after(std::int64_t nanoseconds);
  Waited wait_until(Mutex& mutex, detail::Instant deadline, const Location& site);
  void notify(Operation operation, const Location& site);

  void describe(ObjectState& state) const override;
  void enter_execution(ObjectInfo* info) override;

  // Guarded by the latch.
  detail::WaiterQueue waiters_;
  detail::Users givers_;
  detail::Users takers_;
  std::uint64_t lost_signals_ = 0;
  TaskId last_lost_by_{};
  Location last_lost_at_;
};

}  // namespace chantrace
