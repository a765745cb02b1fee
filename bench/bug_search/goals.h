/// \file
/// What strategies cost beside the executions that they decide.
#pragma once

#include <vector>

#include "acceptance.h"

namespace chantrace::bench {

/// Measures feedback, the portfolio's own cost, executions a second, and private operations.
std::vector<Rule> judge_costs(std::uint64_t seeds);

}  // namespace chantrace::bench
