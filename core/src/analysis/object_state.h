/// \file
/// What the events of a trace do to the state of the object that they are about.
#pragma once

#include "chantrace/end_state.h"
#include "chantrace/event.h"
#include "chantrace/trace.h"

namespace chantrace {

/// It uses a channel, which need not be its only object.
bool is_channel_operation(Operation operation);

/// `event`, of `task`, is about `object` and comes next in the order of `trace`. Any event will do:
/// one that a damaged file made up leaves some state or other.
///
/// Threads: plain values.
void apply_to_object(ObjectState& object, const Trace& trace, TaskId task,
                     const EventRecord& event);

}  // namespace chantrace
