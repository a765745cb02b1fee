/// \file
/// What is said when the program is ended by a fault in a task under control: which task that was,
/// and the schedule that leads there again.
#pragma once

namespace chantrace::detail {

/// From now on a signal that ends the program in a task of the calling thread, such as a
/// segmentation fault or that of `abort`, comes with a line that names the task and the schedule;
/// so does an error that AddressSanitizer ends the program for. A task that runs into the guard of
/// its stack is told of as that. The signal then goes where it went before.
///
/// Threads: any; costs a look at a thread-local variable after the first call.
void report_faults();

/// Writes under which schedule the calling task runs, if it is under control, once.
void say_schedule();

}  // namespace chantrace::detail
