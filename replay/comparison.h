/// \file
/// What differs between two traces, as plain data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "alignment.h"
#include "chantrace/trace.h"
#include "model/naming.h"

namespace chantrace::replay {

/// An operation of a task: its records, which are two where it parked and went on.
struct DoneOperation {
  EventPlace first;
  std::optional<EventPlace> last;  ///< nullopt: it never went on.
};

/// Where a task first did something else: another operation, object, place, outcome or value, or
/// one that never went on. That it had to wait for the same is no difference.
struct TaskDifference {
  TaskId task{};
  bool is_in_left = true;  ///< False: only the right has the task.
  bool is_in_right = true;
  std::uint64_t same_count = 0;       ///< Operations before it.
  std::optional<DoneOperation> left;  ///< nullopt: it has done all it did.
  std::optional<DoneOperation> right;
};

/// A task or an object that ended otherwise, in words.
struct EndDifference {
  std::string name;
  std::string left;
  std::string right;
};

/// Two traces, and all that is derived from them once.
///
/// Requires: both traces are told in one set of numbers, and outlive this.
struct Comparison {
  /// With the findings of both, as these stand in no trace.
  Comparison(const Trace& left_trace, const Trace& right_trace, std::vector<Finding> left_findings,
             std::vector<Finding> right_findings);
  Comparison(const Comparison&) = delete;
  Comparison& operator=(const Comparison&) = delete;

  /// Equal in everything but times.
  bool is_same() const;
  bool is_same_test() const { return left.header.test == right.header.test; }

  const Trace& left;
  const Trace& right;
  Trace vocabulary;  ///< What has a name in one of them.
  view::Names names;
  TraceOrder left_order;
  TraceOrder right_order;
  SameRecords same;
  Alignment alignment;
  std::vector<TaskDifference> tasks;  ///< Those that differ.
  std::vector<TaskId> same_tasks;     ///< Those that do not.
  std::vector<EndDifference> ends;
  std::vector<Finding> only_left;  ///< Findings; notes are none.
  std::vector<Finding> only_right;
};

/// The number of each record's step in `order`, by stream and index, as `show` counts them.
std::vector<std::vector<std::uint64_t>> step_numbers(const Trace& trace, const TraceOrder& order);

}  // namespace chantrace::replay
