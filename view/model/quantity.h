/// \file
/// Numbers as a person reads them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "chantrace/trace.h"

namespace chantrace::view {

/// 1204 as "1,204".
std::string grouped(std::uint64_t number);

/// "1 task", "2 tasks"; the plural is the singular with an "s" unless given.
std::string counted(std::uint64_t number, std::string_view singular, std::string_view plural = {});

/// `part` of `whole` as "61 %".
std::string percentage(std::uint64_t part, std::uint64_t whole);

/// What the ticks of one trace's events mean.
///
/// Threads: a plain value.
class TraceClock {
 public:
  explicit TraceClock(const Trace& trace);

  /// Time is the step of a controlled run: there are no seconds in it.
  bool is_steps() const { return is_steps_; }
  /// Nanoseconds in `ticks`; the largest number where they do not fit.
  std::uint64_t nanoseconds(std::uint64_t ticks) const;
  /// Ticks from the trace's start to `time`; 0 for a time before it.
  std::uint64_t since_start(std::uint64_t time) const;
  /// "0.8 ms", "3 steps".
  std::string text(std::uint64_t ticks) const;

 private:
  std::uint64_t started_ticks_;
  std::uint64_t ticks_per_second_;
  bool is_steps_;
};

/// "0.8 ms".
std::string duration(std::uint64_t nanoseconds);

}  // namespace chantrace::view
