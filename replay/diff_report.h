/// \file
/// The forms in which `chantrace diff` reports.
#pragma once

#include <cstddef>
#include <string>

#include "columns.h"
#include "comparison.h"

namespace chantrace::replay {

/// What a report says of one of the traces beside what it has in itself.
struct DiffSide {
  std::string path;
  std::string verdict;  ///< "passed", "2 tasks leaked, ..."
};

struct DiffReport {
  const Comparison& comparison;
  DiffSide left;
  DiffSide right;
};

/// How much of each part is shown.
struct DiffOptions {
  Drawing drawing;
  std::size_t rows_max = 5;  ///< Steps, tasks and findings of each part; 0: all.
};

/// The traces, the first steps that differ with those before and behind them, each task's first
/// difference, and what ended otherwise.
///
/// Requires: all texts of the traces are printable.
std::string to_text(const DiffReport& report, const DiffOptions& options);

/// One JSON object; its keys are documented in docs/command.md and stay.
std::string to_json(const DiffReport& report, std::size_t rows_max);

/// The steps of the first parting: those before it in both, and how each goes on.
struct PartingSteps {
  std::vector<CommonRecord> before;  ///< By its tasks, or on its object.
  std::vector<EventPlace> left;
  std::vector<EventPlace> right;
};

PartingSteps steps_around(const Comparison& comparison, const Parting& parting,
                          std::size_t rows_max);

/// What one trace has at a parting, in words: "worker-2's send(results, 8)"; where it has nothing,
/// what its task is at instead.
std::string left_in_words(const Comparison& comparison, const Parting& parting);
std::string right_in_words(const Comparison& comparison, const Parting& parting);

/// "recv(jobs) = 7", and "for ever" where it never went on; "nothing more" for none.
std::string in_words(const Trace& trace, const view::Names& names,
                     const std::optional<DoneOperation>& operation);

}  // namespace chantrace::replay
