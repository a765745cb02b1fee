/// \file
/// From the name of a strategy to what decides.
#pragma once

#include <memory>

#include "../runtime/strategy.h"
#include "chantrace/explore.h"

namespace chantrace::detail {

/// `schedules`: how many executions there may be, in all shards.
std::unique_ptr<Strategy> make_strategy(const SearchStrategy& strategy, std::uint64_t schedules,
                                        const Shard& shard);
/// It goes through schedules in an order of its own, and draws nothing.
bool is_enumerating(const SearchStrategy& strategy);

}  // namespace chantrace::detail
