/// \file
/// What happens when the program is about to be terminated by an exception.
#pragma once

namespace chantrace::detail {

/// From now on a cancellation that runs into `noexcept` code costs its task and not the program,
/// and a program that is terminated says in which task, and under which schedule.
///
/// Threads: any thread. Does nothing a second time.
void install_terminate_handler();

}  // namespace chantrace::detail
