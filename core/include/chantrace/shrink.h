/// \file
/// Making a schedule that fails as small as it can be, so that a person can read it.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>

namespace chantrace {

/// What a schedule costs whoever reads it. Compared as a whole: fewer preemptions outweigh all
/// else.
///
/// Source: that bugs need few preemptions, and that these are what a reader has to understand, is
/// the observation of Musuvathi and Qadeer, "Iterative Context Bounding for Systematic Testing of
/// Multithreaded Programs", PLDI 2007; Jalbert and Sen, "A Trace Simplification Technique for
/// Effective Debugging of Concurrent Programs", FSE 2010, shrink schedules by it.
struct ScheduleCost {
  /// Steps at which the task that ran last could have gone on, and another did.
  std::uint64_t preemptions = 0;
  std::uint64_t switches = 0;  ///< From one task to another, preemptions among them.
  std::uint64_t choices = 0;   ///< Of `choose` and of selects, other than the first one possible.
  std::uint64_t steps = 0;     ///< Operations.

  friend auto operator<=>(const ScheduleCost&, const ScheduleCost&) = default;
};

/// How much is done to shrink a schedule.
struct ShrinkLimits {
  std::uint64_t executions = 1'000;  ///< At most; 0: it stays as it was found.
  std::chrono::nanoseconds budget = std::chrono::seconds(2);
  /// Of the executions, so many at most for each search among all schedules with fewer preemptions.
  std::uint64_t search = 150;
};

/// What was done to shrink a schedule.
struct Shrinking {
  ScheduleCost before;
  ScheduleCost after;
  std::uint64_t executions = 0;
  std::chrono::nanoseconds elapsed{0};
  /// None with fewer preemptions fails in the same way: all were tried.
  bool is_least = false;
};

}  // namespace chantrace
