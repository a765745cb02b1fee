/// \file
/// What the debug endpoints answer: docs/live.md names each key. Numbers that may not fit into
/// 53 bits are texts, since JavaScript would round them; lists are never null.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "chantrace/analyzer.h"
#include "chantrace/inspect.h"
#include "chantrace/session.h"

namespace chantrace::view {

/// One event and its number.
std::string to_json(const Event& event, std::uint64_t number);
std::string to_json(const std::vector<ChannelInfo>& channels);
/// {"tasks", "objects"}
std::string to_json(const EndState& state);
/// {"time", "blocked", "leaked", "findings"}
std::string to_json(const AnalyzerReport& report);

/// What stands at the head of a report.
struct ProgramReport {
  std::string program;
  std::uint64_t process_id = 0;
  std::uint64_t events = 0;
  std::uint64_t lost = 0;
  std::uint64_t tasks = 0;
  std::uint64_t channels = 0;
  std::uint64_t version = 0;  ///< Another one when there is something else to show.
  AnalyzerReport analysis;
};
/// A summary: counts, and what is wrong in a line each.
std::string to_json(const ProgramReport& report);

/// "2026-11-27T16:39:43.123456Z"
std::string to_text(std::chrono::system_clock::time_point time);

}  // namespace chantrace::view
