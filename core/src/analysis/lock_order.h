/// \file
/// Deadlocks that a run could have had, and did not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "chantrace/trace.h"
#include "words.h"

namespace chantrace {

/// Findings about lock orders that one trace gives at most.
inline constexpr std::size_t kLockOrdersMax = 20;

/// Cycles in the order in which tasks took locks that other tasks could close into a deadlock:
/// tasks are different, no lock that they hold in common keeps them apart, and neither starting nor
/// joining orders them. Also readers that lock again what they read, while a writer may come
/// between.
///
/// Source: Havelund, "Using Runtime Analysis to Guide Model Checking of Java Programs" (Goodlock),
/// 2000; Bensalem and Havelund, "Dynamic Deadlock Analysis of Multi-threaded Programs", 2005, for
/// gate locks and the segment graph; Agarwal, Wang and Stoller, "Detecting Potential Deadlocks with
/// Static Analysis and Run-Time Monitoring", 2005, for cycles of any length.
/// Cost: linear in events; the search for cycles is bounded.
std::vector<Finding> find_lock_orders(const Trace& trace, const TraceOrder& order,
                                      const StateIndex& index);

}  // namespace chantrace
