/// \file
/// `chantrace check`: says of each trace whether anything is blocked or leaked.
#pragma once

#include "command.h"

namespace chantrace::replay {

void add_check(CLI::App& app, Context& context);

}  // namespace chantrace::replay
