/// \file
/// The manual page, from the same definitions as the help.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "command.h"
#include "command_tree.h"

namespace chantrace::replay {

/// The page in the language of `man`.
std::string manual_page(const CommandDoc& doc);

/// Adds `chantrace man`.
void add_manual(CLI::App& app, Context& context);

}  // namespace chantrace::replay
