/// \file
/// Finds the caller of a function on a stack without knowing the frame pointer.
///
/// The kernel tells only the stack pointer of a thread that is in a system call, and the functions
/// of the C library that make one do not save the frame pointer, as they do not use it. A function
/// of the program that finds its frame by it, as all do without optimization, has pushed its
/// caller's frame pointer right below the address that it returns to. That address stands somewhere
/// above the stack pointer, behind an instruction that calls just this function.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "stack_copy.h"

namespace chantrace::notouch {

/// What is known of a caller.
struct CallSite {
  std::uint64_t returns_to = 0;
  std::uint64_t stack_pointer = 0;
  std::uint64_t frame_pointer = 0;

  friend bool operator==(const CallSite&, const CallSite&) = default;
};

/// Whether the function at `entry` begins by taking its stack pointer for its frame pointer.
bool keeps_frame_pointer(std::uint64_t entry);

/// The nearest place that calls the function at `entry` directly or through a procedure linkage
/// table; where there is none, the nearest one that calls anything by a pointer and has a frame.
/// There may be remains of old calls on a stack, of which those that call just this function are
/// the least likely ones.
std::optional<CallSite> find_call(std::uint64_t entry, std::uint64_t stack_pointer,
                                  const StackCopy& stack,
                                  const std::function<bool(std::uint64_t)>& is_code);

}  // namespace chantrace::notouch
