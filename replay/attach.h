/// \file
/// `chantrace attach`: a running program in the terminal.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "chantrace/finding.h"
#include "command.h"

namespace chantrace::replay {

/// What "/debug/chantrace/analysis" of a program found; nullopt: that is not its form.
std::optional<std::vector<Finding>> findings_from_json(const std::string& text);

void add_attach(CLI::App& app, Context& context);

}  // namespace chantrace::replay
