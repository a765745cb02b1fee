/// \file
/// Threads of the process, and which of them the library knows.
#pragma once

#include <cstdint>
#include <functional>
#include <thread>

namespace chantrace::detail {

/// The calling thread is a task, or one of the library: it does not count as foreign.
void note_known_thread();
/// Starts a thread of the library's own, and returns when it is known as such.
std::thread start_known_thread(std::function<void()> run);
/// Threads of this process that the library has not seen as tasks and that are not its own.
std::uint32_t count_foreign_threads();
/// The kernel's id of the calling thread.
std::uint64_t os_thread_id();

}  // namespace chantrace::detail
