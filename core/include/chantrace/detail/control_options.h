/// \file
/// How tasks are run under control.
#pragma once

#include <cstddef>
#include <cstdint>

#include "chantrace/schedule.h"

namespace chantrace::detail {

class EventLog;

/// An operation of a task, both counted from 1; none where they are 0.
struct OperationOfTask {
  std::uint32_t task = 0;
  std::uint64_t operation = 0;
};

struct ControlOptions {
  StepRules rules = {};
  /// Operations of one execution, after which it is cut.
  std::uint64_t steps_max = 100'000;
  /// Of each task, rounded up to whole pages. Under AddressSanitizer four times as many.
  std::size_t stack_bytes = 256 * 1024;
  /// Operations on objects that only one task uses, or all only read, are no steps.
  bool skips_private_objects = true;
  /// Where all that tasks do is noted; nullptr: nowhere. Not beside a recording.
  EventLog* log = nullptr;
  /// In front of it `chantrace_stop_here` is called. Operations are counted as in a trace, so the
  /// execution has to be recorded.
  OperationOfTask stop_at = {};
};

}  // namespace chantrace::detail
