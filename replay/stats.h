/// \file
/// `chantrace stats`: counts and waits, for each channel, task and lock.
#pragma once

#include "command.h"

namespace chantrace::replay {

void add_stats(CLI::App& app, Context& context);

}  // namespace chantrace::replay
