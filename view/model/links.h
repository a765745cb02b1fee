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
/// before; where events are missing, links of the objects that they are about may be missing too.
///
/// Cost: linear in steps.
std::vector<Link> find_links(const Trace& trace, const std::vector<Step>& steps);

}  // namespace chantrace::view
