/// \file
/// What all reports in JSON have in common.
#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "chantrace/trace.h"
#include "verdict.h"

namespace chantrace::replay {

/// The keys of `findings[]` in docs/command.md.
nlohmann::ordered_json to_json(const JudgedFinding& judged);

/// Files that could not be read.
nlohmann::ordered_json to_json(const std::vector<TraceError>& errors);

}  // namespace chantrace::replay
