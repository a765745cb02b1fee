/// \file
/// A schedule: the decisions of one controlled execution, as a value that can be printed, kept and
/// run again.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "chantrace/result.h"

namespace chantrace {

/// When a timer fires in a controlled execution, where time is virtual.
enum class TimeMode : std::uint8_t {
  kChoice,      ///< At any step, as if all else took long: timeouts that come early are explored.
  kQuiescence,  ///< Only when nothing else can go on, as if all else took no time.
};

/// What is a step, beside the operations that are one always. A schedule holds for the rules that
/// it was made under.
struct StepRules {
  TimeMode time_mode = TimeMode::kChoice;
  /// Starting a task is a step of its own. It commutes with all but what the new task does, whose
  /// first operation is a step anyway.
  bool spawn_is_step = false;
  /// So is giving back a lock. Only who tries a lock could see the difference: where somebody does,
  /// `explore` sets this.
  bool unlock_is_step = false;
  /// So is the end of a task. Only who asks `Task::has_ended` could see the difference: where
  /// somebody does, `explore` sets this.
  bool end_is_step = false;

  friend bool operator==(const StepRules&, const StepRules&) = default;
};

/// Some operations in a row of one task.
struct Segment {
  std::uint32_t task = 0;  ///< Its number; 0: timers fire.
  std::uint32_t operations = 0;

  friend bool operator==(const Segment&, const Segment&) = default;
};

/// Why a text is no schedule.
struct ScheduleError {
  std::string text;
};

/// Threads: a plain value.
struct Schedule {
  StepRules rules = {};
  std::vector<Segment> segments;
  /// What `choose`, and each select with several cases that were ready, got: numbers from 0.
  std::vector<std::uint32_t> choices;
  /// What the execution that it is from did, as a number; 0: not known. Two executions with
  /// different ones differ.
  std::uint64_t fingerprint = 0;

  /// As a token that stands on a command line: "c1:9f3a:1x2.2x4.1" - the format's version and the
  /// rules, the fingerprint, and the segments as task and number of operations. Choices come after
  /// another colon.
  std::string to_string() const;
  /// Errors: what is wrong, and where.
  static Result<Schedule, ScheduleError> parse(std::string_view token);

  friend bool operator==(const Schedule&, const Schedule&) = default;
};

}  // namespace chantrace
