/// \file
/// What the subcommands need to print text of a trace, under its short names.
#pragma once

#include "model/printable.h"

namespace chantrace::replay {

using view::Charset;
using view::fit;
using view::fit_end;
using view::make_brief;
using view::make_printable;
using view::pad_left;
using view::pad_right;
using view::printable;
using view::reflow;
using view::width_of;
using view::wrap;

}  // namespace chantrace::replay
