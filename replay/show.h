/// \file
/// `chantrace show`: the interleaving, a line for each operation and a column for each task.
#pragma once

#include "command.h"

namespace chantrace::replay {

void add_show(CLI::App& app, Context& context);

}  // namespace chantrace::replay
