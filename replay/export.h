/// \file
/// `chantrace export`: passes the events of a trace on to other programs.
#pragma once

#include "command.h"

namespace chantrace::replay {

void add_export(CLI::App& app, Context& context);

}  // namespace chantrace::replay
