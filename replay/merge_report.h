/// \file
/// The forms in which `chantrace merge` reports.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "columns.h"
#include "gathering.h"
#include "report.h"

namespace chantrace::replay {

struct MergeReport {
  Gathering gathering;
  std::filesystem::path base_directory;     ///< As that of `CheckReport`.
  std::optional<std::uint64_t> kept_count;  ///< Examples that were written; nullopt: not asked for.
};

/// Each finding once: how many traces show it, of which tests, and the smallest of them.
///
/// Requires: all texts are printable.
std::string to_text(const MergeReport& report, const Drawing& drawing, std::size_t findings_max);

/// One JSON object; its keys are documented in docs/command.md and stay.
std::string to_json(const MergeReport& report);

/// SARIF 2.1.0: a result for each finding, with how often it occurred.
std::string to_sarif(const MergeReport& report);

}  // namespace chantrace::replay
