/// \file
/// `chantrace shrink`: the smallest schedule under which the test of a trace fails as it did.
#pragma once

#include "command.h"

namespace chantrace::replay {

void add_shrink(CLI::App& app, Context& context);

}  // namespace chantrace::replay
