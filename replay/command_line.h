/// \file
/// Takes the words of a command line to the subcommand they name, and explains those that fit none.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "command.h"

namespace chantrace::replay {

/// Gives `app` its name, description, version and help. Subcommands are added afterwards.
void describe_app(CLI::App& app);

/// Runs the subcommand that `arguments` (without the program) name, and returns how the process
/// ends.
int run(CLI::App& app, Context& context, std::vector<std::string> arguments);

}  // namespace chantrace::replay
