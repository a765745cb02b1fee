/// \file
/// Completion scripts for shells, from the same definitions as the help.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "command.h"
#include "command_tree.h"

namespace chantrace::replay {

std::string bash_completion(const CommandDoc& doc);
std::string zsh_completion(const CommandDoc& doc);
std::string fish_completion(const CommandDoc& doc);

/// Adds `chantrace completion`.
void add_completion(CLI::App& app, Context& context);

}  // namespace chantrace::replay
