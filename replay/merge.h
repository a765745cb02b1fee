/// \file
/// `chantrace merge`: the findings of many traces, each once.
#pragma once

#include "command.h"

namespace chantrace::replay {

void add_merge(CLI::App& app, Context& context);

}  // namespace chantrace::replay
