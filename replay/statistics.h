/// \file
/// What the events of a trace add up to, for each object and each task. All times are in ticks.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "chantrace/trace.h"

namespace chantrace::replay {

/// How long tasks were parked at one object.
struct Waits {
  std::uint64_t count = 0;
  std::uint64_t longest_ticks = 0;
  std::uint64_t total_ticks = 0;
  std::uint64_t unfinished = 0;  ///< Waits that never ended.
};

struct ChannelStatistics {
  std::uint64_t sends = 0;
  std::uint64_t receives = 0;
  std::uint64_t depth_max = 0;
  std::uint64_t left = 0;
  bool is_closed = false;
  Waits waits;
};

struct LockStatistics {
  std::uint64_t taken = 0;
  std::uint64_t contended = 0;
  std::uint64_t longest_held_ticks = 0;
  SiteId longest_held_at{};
  bool is_held = false;  ///< At the end.
  Waits waits;
};

/// Condition variables, wait groups, semaphores and the like.
struct MeetingStatistics {
  std::uint64_t given = 0;  ///< Notifications, done()s, releases.
  std::uint64_t woken = 0;  ///< Condition variables: waiters that were woken.
  std::uint64_t lost = 0;   ///< Condition variables: notifications that found nobody.
  std::uint64_t added = 0;  ///< Wait groups: calls of add.
  std::uint64_t taken = 0;  ///< Waits and acquisitions, parked or not.
  Waits waits;
};

/// What a task was parked in: an operation on an object, or on a task.
struct ParkedIn {
  Operation operation = Operation::kNone;
  std::uint32_t object = 0;

  friend auto operator<=>(const ParkedIn&, const ParkedIn&) = default;
};

struct TaskStatistics {
  std::uint64_t operations = 0;
  std::uint64_t lived_ticks = 0;
  std::uint64_t parked_ticks = 0;
  std::map<ParkedIn, std::uint64_t> parked_in;
  bool is_parked = false;  ///< At the end.
};

/// Threads: a plain value.
struct Statistics {
  std::map<ObjectId, ChannelStatistics> channels;
  std::map<ObjectId, LockStatistics> locks;
  std::map<ObjectId, MeetingStatistics> conditions;
  std::map<ObjectId, MeetingStatistics> wait_groups;
  std::map<ObjectId, MeetingStatistics> semaphores;
  std::map<TaskId, TaskStatistics> tasks;
};

/// Cost: linear in events.
Statistics statistics_of(const Trace& trace);

}  // namespace chantrace::replay
