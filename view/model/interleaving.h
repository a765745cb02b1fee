/// \file
/// What `show` shows of a trace, as plain data: the steps in order, and the tasks that get a
/// column.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "chantrace/end_state.h"
#include "chantrace/trace.h"
#include "naming.h"

namespace chantrace::view {

/// One operation's record at its place in the order of all.
struct Step {
  std::uint64_t number = 0;  ///< From 1; records that only add to another one are not counted.
  EventPlace place;
  TaskId task{};
  /// Equal for steps that differ in nothing but their values, or the task that they start or join.
  std::uint64_t shape = 0;
};

/// Where in `order` the test was over and what still waited was unwound: the index of the first
/// such record, or the number of all when nothing was. What a trace shows is what was before.
std::size_t unwinding_begins_at(const Trace& trace, const TraceOrder& order);

/// The state before anything was unwound, with those parked that were unwound, and what they held.
EndState state_before_unwinding(const Trace& trace, const TraceOrder& order);

/// All steps of `trace` in `order`.
std::vector<Step> steps_of(const Trace& trace, const TraceOrder& order);

const EventRecord& event_at(const Trace& trace, const EventPlace& place);

/// The records of `task`; nullptr: there are none.
const TaskStream* find_stream(const Trace& trace, TaskId task);

/// A record that only adds to the one after it.
bool is_note(Operation operation);

/// Whether a task that waits does so no longer when it makes that record: the end of its wait, or
/// any other operation, where that end was lost. A condition wait gives back its lock while it
/// waits.
bool ends_wait(const EventRecord& event);

/// The records of the cases of a select that parked, for its start and for its done; else none.
std::vector<const EventRecord*> cases_of(const Trace& trace, const EventPlace& place);

/// Tasks in the order in which a reader wants them: the test's body, those with findings, those
/// stuck behind them, those that share an object with them, then the others, busiest first.
struct RankedTasks {
  std::vector<TaskId> tasks;
  std::size_t telling_count = 0;  ///< How many at the front have to do with the findings.
};

RankedTasks rank_tasks(const Trace& trace, const EndState& state,
                       const std::vector<Finding>& findings);

/// What a task waits for at the end, and what stands in its way; empty for a task that does not
/// wait.
struct Stuck {
  std::string what;                  ///< "send(results)"
  std::vector<std::string> because;  ///< "mu is held by worker-1 since pool.cpp:95"
};

Stuck stuck_in(const EndState& state, const TaskState& task, const Names& names);

}  // namespace chantrace::view
