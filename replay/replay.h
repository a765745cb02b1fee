/// \file
/// `chantrace replay`: runs a test again under the schedule of its trace, and compares.
#pragma once

#include "command.h"

namespace chantrace::replay {

void add_replay(CLI::App& app, Context& context);

}  // namespace chantrace::replay
