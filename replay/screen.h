/// \file
/// The picture of one trace as text: header, interleaving, end, findings.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "chantrace/trace.h"
#include "columns.h"
#include "naming.h"

namespace chantrace::replay {

/// Whether tasks stand beside each other.
enum class Layout {
  kAuto,  ///< Columns where the tasks that matter fit.
  kColumns,
  kLines,  ///< One task after another: a line names its task.
};

/// What of a trace is drawn, and how.
struct ScreenOptions {
  Drawing drawing;
  Layout layout = Layout::kAuto;
  bool with_values = true;
  std::vector<std::string> tasks;    ///< Patterns of names; empty: those that matter.
  std::vector<std::string> objects;  ///< Patterns of names; empty: all.
  std::uint64_t from = 1;            ///< The first and the last step.
  std::uint64_t to = std::numeric_limits<std::uint64_t>::max();
  std::size_t rows_max = 400;  ///< The middle of a longer picture is left out.
  std::size_t findings_max = 10;
};

/// Draws `trace`.
///
/// Requires: its texts are printable.
std::string draw_trace(const Trace& trace, std::string_view fallback_title,
                       const ScreenOptions& options);

}  // namespace chantrace::replay
