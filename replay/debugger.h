/// \file
/// Where a debugger is to stop in a replay, and how it is told.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "chantrace/trace.h"

namespace chantrace::replay {

/// An operation of a trace.
struct FailingOperation {
  TaskId task{};
  std::uint64_t number = 0;  ///< Among the task's, from 1.
  EventPlace place;          ///< Its first record.
};

/// The operation that the first finding is about: the one that broke a rule, or in which the task
/// is stuck, or after which it ended by an exception. Without a finding, the last one of the
/// test's body. nullopt: that task has made none.
std::optional<FailingOperation> failing_operation(const Trace& trace);

/// `command` under a debugger, which stops where the library calls `chantrace_stop_here`, and shows
/// the calls. `debugger`: a name or path; what is called lldb gets lldb's arguments, all else
/// those of gdb.
std::vector<std::string> debugger_command(const std::string& debugger,
                                          const std::vector<std::string>& command);

}  // namespace chantrace::replay
