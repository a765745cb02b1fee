/// \file
/// Call stacks of operations.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "chantrace/trace.h"

namespace chantrace::detail {

struct TaskControl;

/// Frames of a stack that are kept, the innermost ones.
inline constexpr std::size_t kStackFramesMax = 48;

/// Return addresses of the calling thread's stack, innermost first. Returns how many.
std::size_t capture_stack(std::uint64_t* frames, std::size_t frames_max);

/// Puts the task's call stack before its next record, if it is that record's turn to have one.
void record_stack(TaskControl& self, std::uint32_t site);

/// The object files that the process has mapped, without which return addresses mean nothing.
std::vector<ModuleInfo> list_modules();

/// The GNU build id of the program, in hexadecimal; empty where it was linked without one.
const std::string& program_build_id();

}  // namespace chantrace::detail
