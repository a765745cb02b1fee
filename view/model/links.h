/// \file
/// What leads from one step of a trace to another.
#pragma once

#include <vector>

#include "chantrace/trace.h"
#include "timeline.h"

namespace chantrace::view {

/// Those between steps of different tasks, by `Link::to`.
///
/// A value is followed by the rule that channels are first in, first out. Whoever completes an
/// operation that is parked does so under the object's lock, so that its record has the number
/// before; a lock alone is taken later than it was given back. Behind events of an object that are
/// missing its values are followed no further.
///
/// `steps`: those of `order`. Cost: linear in events.
std::vector<Link> find_links(const Trace& trace, const TraceOrder& order,
                             const std::vector<Step>& steps);

}  // namespace chantrace::view
