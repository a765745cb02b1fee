/// \file
/// `chantrace view`: a trace in a browser.
#pragma once

#include "command.h"

namespace chantrace::replay {

void add_view(CLI::App& app, Context& context);

}  // namespace chantrace::replay
