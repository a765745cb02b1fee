/// \file
/// What a view shows of the program that it runs in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "chantrace/analyzer.h"
#include "chantrace/finding.h"
#include "chantrace/trace.h"
#include "web/document.h"

namespace chantrace::view {

/// Events that a view shows, unless it asks for another number.
inline constexpr std::size_t kLiveEvents = 10'000;
/// The most that it can ask for.
inline constexpr std::size_t kLiveEventsMax = 65'536;

/// The last events, and what is wrong now.
///
/// Threads: a plain value.
struct LiveSnapshot {
  Trace trace;
  std::vector<Finding> findings;
  LiveState live;
};

/// Threads: any thread.
LiveSnapshot take_snapshot(std::size_t count);

/// The number of the newest event; 0: there is none.
std::uint64_t newest_event();

/// Another one when there is something else to show: more events, or others that are stuck.
///
/// Threads: any thread. Cost: that of the analyzer's report.
std::uint64_t state_version();

/// Those that are certain, and tasks that may never go on.
std::vector<Finding> findings_of(const AnalyzerReport& report);

}  // namespace chantrace::view
