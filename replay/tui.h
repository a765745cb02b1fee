/// \file
/// `chantrace tui`: a trace in the terminal.
#pragma once

#include "command.h"

namespace chantrace::replay {

void add_tui(CLI::App& app, Context& context);

}  // namespace chantrace::replay
