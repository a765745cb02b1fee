/// \file
/// A trace as a person looks at it: a lane for each task, what it does from step to step, and what
/// leads from one lane to another. Plain data; a terminal and a browser draw it.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "chantrace/trace.h"
#include "interleaving.h"

namespace chantrace::view {

inline constexpr std::uint32_t kNoLane = 0xffffffff;

/// A task.
struct Lane {
  TaskId task{};
  std::uint32_t parent = kNoLane;  ///< The lane of the task that started it.
  std::uint32_t depth = 0;         ///< In the tree of who started whom, from 0.
  std::uint64_t first = 0;         ///< Its first step; 0: it made none.
  std::uint64_t last = 0;          ///< Its last step; one more than there are while it still waits
                                   ///< or runs at the end.

  friend bool operator==(const Lane&, const Lane&) = default;
};

/// What a lane does from one step to another.
struct Span {
  enum class Kind : std::uint8_t {
    kRunning,
    kParked,
    kBlocked,  ///< Parked, and never woken: to the end and beyond.
  };
  std::uint32_t lane = 0;
  std::uint64_t begin = 0;  ///< The step at which it begins.
  std::uint64_t end = 0;    ///< The step at which it ends.
  Kind kind = Kind::kRunning;
  Operation operation = Operation::kNone;  ///< Parked in that,
  std::uint32_t object = 0;  ///< on that object or, for a join, task; 0: none, or several.

  friend bool operator==(const Span&, const Span&) = default;
};

/// What leads from one step to another one of another lane.
struct Link {
  enum class Kind : std::uint8_t {
    kValue,   ///< From a send to the receive that gets its value.
    kWakeUp,  ///< From what let a parked operation go on: a close, an unlock, a notify ...
    kLock,    ///< From an unlock to the next task that takes the lock without having to wait.
    kSpawn,   ///< From the start of a task to its first step.
    kJoin,    ///< From the end of a task to whoever joined it.
  };
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  Kind kind = Kind::kValue;

  friend bool operator==(const Link&, const Link&) = default;
};

/// What a task does, from event to event.
///
/// Threads: a plain value.
class Activity {
 public:
  /// The next of its events that is a step. Returns what it did up to there; where that began at
  /// the same step, or it went on doing it, an empty span.
  Span add(std::uint32_t lane, std::uint64_t step, const EventRecord& event);
  /// It has begun, and has not ended.
  bool goes_on() const { return has_begun_ && !has_ended_; }
  /// What it does now; its end is not known yet.
  const Span& span() const { return span_; }
  /// The same, where there is nothing more. `is_for_ever`: of what nothing ends by itself.
  Span end_at(std::uint64_t step, bool is_for_ever);

 private:
  Span turn_at(std::uint64_t step);

  Span span_;
  bool has_begun_ = false;
  bool has_ended_ = false;
  bool has_deadline_ = false;  ///< What it is parked in ends by itself.
};

/// A lane for each task that is defined, children behind their parents, in the order of starts.
/// Without their steps.
std::vector<Lane> make_lanes(const Trace& trace);

/// Of what was before the test was over and what still waited was unwound.
///
/// Threads: a plain value.
struct Timeline {
  std::vector<Step> steps;  ///< Step number n is at n - 1.
  std::vector<Lane> lanes;  ///< Children behind their parents, in the order of starts.
  std::vector<std::uint32_t> lanes_of_steps;  ///< By step number less one.
  std::vector<Span> spans;                    ///< Without gaps in each lane; by lane, then by step.
  std::vector<Link> links;                    ///< By `to`.

  /// kNoLane: no such task.
  std::uint32_t lane_of(TaskId task) const {
    const auto found = lanes_by_task.find(to_number(task));
    return found != lanes_by_task.end() ? found->second : kNoLane;
  }
  std::unordered_map<std::uint32_t, std::uint32_t> lanes_by_task;
};

/// Cost: linear in events and tasks.
Timeline make_timeline(const Trace& trace, const TraceOrder& order);

}  // namespace chantrace::view
