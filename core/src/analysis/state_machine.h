/// \file
/// Checks what a trace says against what channels and locks can do.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "chantrace/trace.h"
#include "object_events.h"

namespace chantrace {

/// An event that cannot have happened as it is recorded.
struct Violation {
  EventPlace place;
  ObjectId object{};
  std::string text;  ///< What is wrong with it, naming the event.
};

/// Violations that are kept; one more says how many there are beside.
inline constexpr std::size_t kViolationsMax = 20;

/// Plays every object's events against a model of it: channels (first in first out, capacity,
/// hand-off, close), locks (mutual exclusion), wait groups, semaphores, condition variables and
/// joins. Each object is judged up to its first violation, or up to the first event that is
/// missing, since after it the state is not known.
///
/// Cost: linear in events; where a select's record leaves open what it did, both ways are tried, a
/// bounded number of times.
std::vector<Violation> check_state_machines(const Trace& trace, const ObjectEvents& by_object);

}  // namespace chantrace
