/// \file
/// What is said when a task needs more than its fiber's stack.
#pragma once

namespace chantrace::detail {

/// From now on a task of the calling thread that runs into the guard of its stack ends the program
/// with a line that says so, instead of a bare segmentation fault. Signals that are about something
/// else go where they went before.
///
/// Threads: any; costs a look at a thread-local variable after the first call.
void report_stack_overflows();

}  // namespace chantrace::detail
