/// \file
/// Very many executions in one process, and what they leave behind in it.
#pragma once

#include <cstdint>
#include <vector>

#include "programs.h"

namespace chantrace::bench {

/// Explores programs that leak, deadlock, throw and leave tasks behind, and their correct twins,
/// `executions` times in all.
///
/// Returns: whether the process has not grown after its first executions: not by a megabyte of
/// resident memory, not by a mapping, not by an open file.
bool endure(const std::vector<BugProgram>& programs, std::uint64_t executions);

}  // namespace chantrace::bench
