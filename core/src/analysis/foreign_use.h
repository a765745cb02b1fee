/// \file
/// A thread that the controlled executor cannot schedule, in words.
#pragma once

#include "chantrace/finding.h"
#include "words.h"

namespace chantrace {

/// The only finding about who waits in such an execution: what is stuck may have waited for that
/// thread.
Finding describe(const ForeignUse& use, const StateIndex& index);

}  // namespace chantrace
