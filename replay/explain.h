/// \file
/// `chantrace explain`: the steps of a test that failed, and why it did.
#pragma once

#include "command.h"

namespace chantrace::replay {

void add_explain(CLI::App& app, Context& context);

}  // namespace chantrace::replay
