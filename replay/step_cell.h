/// \file
/// One step of a trace as a cell of a picture.
#pragma once

#include "chantrace/trace.h"
#include "columns.h"
#include "model/naming.h"

namespace chantrace::replay {

/// How a step is put into a cell.
struct StepCellOptions {
  bool is_in_columns = true;  ///< A dotted line leads to where its task goes on.
  bool with_values = true;
  Charset charset = Charset::kUtf8;
};

/// "send(results, 7) parks  :97"
Cell step_cell(const Trace& trace, const view::Names& names, const EventPlace& place,
               const StepCellOptions& options);

}  // namespace chantrace::replay
