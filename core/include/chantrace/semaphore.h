/// \file
/// A number of permits that tasks take and give back.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "chantrace/detail/channel_state.h"
#include "chantrace/detail/wait.h"

namespace chantrace {

/// A counting semaphore, first come, first served.
///
/// Threads: any thread.
class Semaphore final : private detail::Object {
 public:
  explicit Semaphore(std::int64_t permits, Location site = Location::current())
      : Object(ObjectKind::kSemaphore, site), permits_(permits) {}
  Semaphore(std::string_view name, std::int64_t permits, Location site = Location::current())
      : Object(ObjectKind::kSemaphore, name, site), permits_(permits) {}
  ~Semaphore();
  Semaphore(const Semaphore&) = delete;
  Semaphore& operator=(const Semaphore&) = delete;

  /// Blocks: until there is a permit.
  void acquire(Location site = Location::current());
  bool try_acquire(Location site = Location::current());
  template <typename Rep, typename Period>
  bool try_acquire_for(std::chrono::duration<Rep, Period> timeout,
                       Location site = Location::current()) {
    return acquire_for_ns(detail::to_ns(timeout), site);
  }
  void release(std::int64_t permits = 1, Location site = Location::current());

 private:
  bool acquire_patiently(detail::TaskControl& self, detail::Patience patience,
                         const Location& site);
  bool acquire_for_ns(std::int64_t nanoseconds, const Location& site);

  void describe(ObjectState& state) const override;
  void enter_execution(ObjectInfo* info) override;

  // Guarded by the latch.
  std::int64_t permits_;
  detail::WaiterQueue waiters_;
  detail::Users givers_;
  detail::Users takers_;
};

}  // namespace chantrace
