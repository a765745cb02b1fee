/// \file
/// From the name of a strategy to what decides.
#pragma once

#include <memory>

#include "../runtime/strategy.h"
#include "chantrace/explore.h"

namespace chantrace::detail {

/// `schedules`: how many executions there may be.
std::unique_ptr<Strategy> make_strategy(const SearchStrategy& strategy, std::uint64_t schedules);

}  // namespace chantrace::detail
