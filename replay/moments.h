/// \file
/// When records happen, for formats in which time must not go back.
#pragma once

#include <cstdint>

#include "chantrace/trace.h"
#include "model/interleaving.h"
#include "model/quantity.h"

namespace chantrace::replay {

/// A step of a controlled run, in which there is no other time.
inline constexpr std::uint64_t kStepNs = 1'000;

/// Nanoseconds from the start of a trace, for its records in the order of `order_events`. A clock
/// that was read on another processor may be a little behind: such a record happens when the one
/// before it does. Steps of a controlled run are `kStepNs` apart, and have the numbers that `show`
/// shows.
///
/// Threads: a plain value.
class Moments {
 public:
  explicit Moments(const Trace& trace) : clock_(trace) {}

  /// Of the next record.
  std::uint64_t next(const EventRecord& event) {
    if (!clock_.is_steps()) return later(event.time);
    // A note belongs to the step after it.
    if (!view::is_note(event.operation)) ++steps_;
    return last_ns_ = (steps_ + (view::is_note(event.operation) ? 1 : 0)) * kStepNs;
  }

  /// Of the end: when the recording ended, or the step after the last.
  std::uint64_t end(const Trace& trace) {
    if (clock_.is_steps()) return (steps_ + 1) * kStepNs;
    return trace.end ? later(trace.end->ended_ticks) : last_ns_;
  }

 private:
  std::uint64_t later(std::uint64_t time) {
    const std::uint64_t own = clock_.nanoseconds(clock_.since_start(time));
    // Viewers count in signed numbers.
    constexpr std::uint64_t kMost = std::uint64_t{1} << 62;
    if (own > last_ns_) last_ns_ = own < kMost ? own : kMost;
    return last_ns_;
  }

  view::TraceClock clock_;
  std::uint64_t steps_ = 0;
  std::uint64_t last_ns_ = 0;
};

}  // namespace chantrace::replay
