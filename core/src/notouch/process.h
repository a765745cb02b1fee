/// \file
/// What can be read of this process's threads and memory without disturbing them.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "system_call.h"

namespace chantrace::notouch {

/// How often a thread has been given a processor, and for how long.
struct Progress {
  std::uint64_t turns = 0;
  std::uint64_t cpu_ns = 0;

  friend bool operator==(const Progress&, const Progress&) = default;
};

/// The threads of this process but the caller's; 0 where /proc cannot be read.
///
/// Cost: one system call.
std::size_t count_other_threads();

/// Their numbers, ascending.
std::vector<pid_t> other_threads();

/// Nothing for a thread that has ended.
std::optional<Progress> progress_of(pid_t thread);
std::optional<SystemCall> system_call_of(pid_t thread);
std::string name_of(pid_t thread);

/// What the process's descriptor is: a path, or as the kernel calls it.
std::string descriptor_target(int descriptor);

/// Copies at most `size` bytes from `address` on: as many as are mapped, in whole pages.
///
/// Returns: how many.
std::size_t read_memory(std::uint64_t address, void* target, std::size_t size);

}  // namespace chantrace::notouch
