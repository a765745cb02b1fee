/// \file
/// What is drawn of a trace, as plain data: which tasks, which steps, what is folded and left out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "chantrace/trace.h"
#include "columns.h"
#include "model/interleaving.h"
#include "model/naming.h"
#include "model/quantity.h"

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
  bool with_unwinding = false;       ///< Also what happened when the test was over.
  std::vector<std::string> tasks;    ///< Patterns of names; empty: those that matter.
  std::vector<std::string> objects;  ///< Patterns of names; empty: all.
  std::uint64_t from = 1;            ///< The first and the last step.
  std::uint64_t to = std::numeric_limits<std::uint64_t>::max();
  std::size_t rows_max = 400;  ///< The middle of a longer picture is left out.
  std::size_t findings_max = 10;
};

/// A trace, and all that is derived from it once.
///
/// Requires: the trace outlives this.
struct Subject {
  explicit Subject(const Trace& subject);

  const Trace& trace;
  view::Names names;
  view::TraceClock clock;
  TraceOrder order;
  EndState state;
  std::vector<view::Step> steps;
  std::uint64_t last_step = 0;  ///< The number of the last one before anything was unwound.
  std::vector<Finding> findings;
};

/// One line of the picture: a step, or words in place of steps.
struct Row {
  std::optional<std::size_t> step;  ///< Index into `Picture::steps`.
  std::string words;
  std::size_t resumes_at = 0;  ///< For words: index into `Picture::steps` of the step after them.
};

/// Threads: a plain value; points into its `Subject`.
struct Picture {
  bool is_in_columns = true;
  std::vector<TaskId> tasks;                                 ///< In the order in which they stand.
  std::unordered_map<std::uint32_t, std::size_t> column_of;  ///< Index into `tasks` by task.
  std::vector<const view::Step*> steps;  ///< Those of `tasks` that were asked for.
  std::vector<Row> rows;
  std::size_t number_columns = 4;  ///< Width of a step's number.
};

Picture make_picture(const Subject& subject, const ScreenOptions& options);

}  // namespace chantrace::replay
