/// \file
/// How small the schedules of known bugs become, and what that takes.
#pragma once

#include <cstdint>
#include <vector>

#include "acceptance.h"
#include "programs.h"

namespace chantrace::bench {

/// Shrinks `failures` failing schedules of each program, as random as can be found, and compares
/// their preemptions with the least number with which the program fails in the same way. An
/// exhaustive search says what that is, where it ends within a million executions.
///
/// Three rules: of those that need a preemption 95 % come to the least number, and the median of no
/// program is above 200 executions or 20 ms.
std::vector<Rule> judge_shrinking(const std::vector<BugProgram>& programs, std::uint64_t failures);

}  // namespace chantrace::bench
