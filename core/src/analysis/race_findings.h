/// \file
/// Data races, as findings.
#pragma once

#include <functional>
#include <vector>

#include "chantrace/trace.h"
#include "object_events.h"
#include "race_detector.h"
#include "words.h"

namespace chantrace {

/// What the numbers of a race stand for.
struct RaceNames {
  std::function<TaskId(std::uint32_t)> task;
  std::function<ObjectId(std::uint32_t)> variable;
  std::function<Site(std::uint32_t)> site;
};

/// The finding is certain unless a thread of the host takes part, which may be ordered by what the
/// library does not see.
Finding race_finding(const Race& race, const RaceNames& names, const StateIndex& index);

/// Races of a trace. Nothing is said of one in which records are missing, since each could order
/// what seems not to be; nor of what a task does while it is unwound.
///
/// Cost: linear in events, times the tasks that use shared variables; nothing where there are none.
std::vector<Finding> find_races(const Trace& trace, const TraceOrder& order,
                                const ObjectEvents& by_object, const StateIndex& index);

/// Whether the event ends a wait that another task completed.
bool is_completed(const EventRecord& event);

}  // namespace chantrace
