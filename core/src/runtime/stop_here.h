/// \file
/// A place for breakpoints.
#pragma once

extern "C" {

/// Does nothing. It is called in the task that is about to make the operation that
/// `ControlOptions::stop_at` names, in front of it: a debugger that stops here shows that
/// operation's call further up the stack.
void chantrace_stop_here();
}
