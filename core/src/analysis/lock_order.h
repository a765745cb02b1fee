/// \file
/// Deadlocks that a run could have had, and did not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "chantrace/trace.h"
#include "lock_history.h"
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

/// What the numbers of a history stand for. Its locks are ids of objects in the index.
struct LockNames {
  std::function<TaskId(std::uint32_t)> task;
  std::function<Site(std::uint32_t)> site;
  std::string luck;  ///< Why it was no deadlock, after a semicolon.
};

/// The same for a history of one execution or of several.
std::vector<Finding> find_lock_orders(LockHistory& history, const LockNames& names,
                                      const StateIndex& index);

}  // namespace chantrace
