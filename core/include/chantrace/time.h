/// \file
/// Time as tasks see it: the host's steady clock on threads, virtual under a controlled executor.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

#include "chantrace/channel.h"
#include "chantrace/location.h"

namespace chantrace {

/// The clock of the current executor.
///
/// Under control a task that looks at it over and over, and nothing else, gets to see time pass; so
/// a loop that waits for a moment ends.
struct Clock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<Clock>;
  static constexpr bool is_steady = true;
  static time_point now();
};
using TimePoint = Clock::time_point;

inline TimePoint now() { return Clock::now(); }

namespace detail {

void sleep_for_ns(std::int64_t nanoseconds, const Location& site);

class ChannelTimer;

/// What `Timer` and `Ticker` share: something that sends the time to a channel.
class TimerHandle {
 public:
  TimerHandle(std::int64_t nanoseconds, std::int64_t period_ns, const Location& site);
  ~TimerHandle();
  TimerHandle(const TimerHandle&) = delete;
  TimerHandle& operator=(const TimerHandle&) = delete;

  const RecvChannel<TimePoint>& channel() const { return channel_; }
  bool stop(const Location& site);
  bool reset(std::int64_t nanoseconds, std::int64_t period_ns, const Location& site);

 private:
  RecvChannel<TimePoint> channel_;
  std::shared_ptr<ChannelTimer> timer_;
};

RecvChannel<TimePoint> after_ns(std::int64_t nanoseconds, const Location& site);

}  // namespace detail

/// Blocks: for `duration`; not at all when it is not positive.
template <typename Rep, typename Period>
void sleep_for(std::chrono::duration<Rep, Period> duration, Location site = Location::current()) {
  detail::sleep_for_ns(detail::to_ns(duration), site);
}

/// A channel on which the time is sent once, `duration` from now.
template <typename Rep, typename Period>
RecvChannel<TimePoint> after(std::chrono::duration<Rep, Period> duration,
                             Location site = Location::current()) {
  return detail::after_ns(detail::to_ns(duration), site);
}

/// Sends the time to its channel once. The channel holds one value; the timer never blocks.
///
/// Threads: any thread.
class Timer {
 public:
  template <typename Rep, typename Period>
  explicit Timer(std::chrono::duration<Rep, Period> duration, Location site = Location::current())
      : handle_(detail::to_ns(duration), 0, site) {}

  const RecvChannel<TimePoint>& channel() const { return handle_.channel(); }
  /// Returns: whether it was still to fire. A value that was sent stays in the channel.
  bool stop(Location site = Location::current()) { return handle_.stop(site); }
  /// Lets it fire `duration` from now. Returns: whether it was still to fire before.
  template <typename Rep, typename Period>
  bool reset(std::chrono::duration<Rep, Period> duration, Location site = Location::current()) {
    return handle_.reset(detail::to_ns(duration), 0, site);
  }

 private:
  detail::TimerHandle handle_;
};

/// Sends the time to its channel again and again. Ticks that nobody receives in time are dropped.
///
/// Requires: a positive period.
/// Threads: any thread.
class Ticker {
 public:
  template <typename Rep, typename Period>
  explicit Ticker(std::chrono::duration<Rep, Period> period, Location site = Location::current())
      : handle_(detail::to_ns(period), detail::to_ns(period), site) {}

  const RecvChannel<TimePoint>& channel() const { return handle_.channel(); }
  void stop(Location site = Location::current()) { handle_.stop(site); }
  template <typename Rep, typename Period>
  void reset(std::chrono::duration<Rep, Period> period, Location site = Location::current()) {
    handle_.reset(detail::to_ns(period), detail::to_ns(period), site);
  }

 private:
  detail::TimerHandle handle_;
};

}  // namespace chantrace
