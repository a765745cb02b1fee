/// \file
/// From the stack pointer of a waiting thread to the functions that it is in.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "frame_name.h"
#include "stack_copy.h"
#include "system_call.h"

namespace chantrace::notouch {

inline constexpr std::size_t kFramesMax = 64;

/// What libdw knows of the files that are mapped when this object is made. Without libdw all
/// answers are empty.
///
/// Threads: one thread at a time.
/// Cost: milliseconds, and more at the first use of each file's debug information.
class Unwinder {
 public:
  Unwinder();
  ~Unwinder();
  Unwinder(const Unwinder&) = delete;
  Unwinder& operator=(const Unwinder&) = delete;

  /// The addresses of code that a thread is in, the innermost first. Of those that called another
  /// function it is the last byte of the call.
  std::vector<std::uint64_t> unwind(const SystemCall& call, const StackCopy& stack);
  /// The function at `code`, behind those that were inlined into it there.
  const std::vector<Frame>& describe(std::uint64_t code);
  /// The variable that `address` lies in, and behind a plus sign how many bytes from its start;
  /// empty where it is none with a name.
  std::string variable_at(std::uint64_t address);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace chantrace::notouch
