/// \file
/// `chantrace recover`: makes a whole trace of what a killed process left.
#pragma once

#include "command.h"

namespace chantrace::replay {

void add_recover(CLI::App& app, Context& context);

}  // namespace chantrace::replay
