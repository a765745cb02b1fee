/// \file
/// The forms in which `chantrace check` reports.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "terminal.h"
#include "verdict.h"

namespace chantrace::replay {

/// What was checked, and what could not be.
struct CheckReport {
  std::vector<Verdict> verdicts;
  std::vector<TraceError> errors;
  /// Places below it are named relative to it, as those who annotate sources need it.
  std::filesystem::path base_directory;
};

/// How much a person wants to read.
struct TextOptions {
  Palette palette{false};
  bool is_quiet = false;
  std::size_t width =
      0;  ///< Of the terminal; 0: lines may have any length, as a script wants them.
  std::size_t findings_max = 10;  ///< Of one trace, in detail.
};

/// A line for each trace and details of what fails below it.
///
/// Requires: all texts are printable.
std::string to_text(const CheckReport& report, const TextOptions& options);

/// One JSON object; its keys are documented in docs/command.md and stay.
std::string to_json(const CheckReport& report);

/// SARIF 2.1.0.
///
/// Source: https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/sarif-v2.1.0-os.html
std::string to_sarif(const CheckReport& report);

/// Workflow commands that GitHub turns into annotations of the sources.
///
/// Source: https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions
std::string to_github(const CheckReport& report);

/// The place that shows a finding best; nullptr when it names none.
const Site* main_place(const Finding& finding);

/// `file` relative to `base`, when it lies below it.
std::string relative_file(const std::string& file, const std::filesystem::path& base);

}  // namespace chantrace::replay
