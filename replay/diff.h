/// \file
/// `chantrace diff`: where two traces of a test part, and what follows from it.
#pragma once

#include "command.h"

namespace chantrace::replay {

void add_diff(CLI::App& app, Context& context);

}  // namespace chantrace::replay
