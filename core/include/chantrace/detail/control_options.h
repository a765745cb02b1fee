/// \file
/// How tasks are run under control.
#pragma once

#include <cstddef>
#include <cstdint>

#include "chantrace/schedule.h"

namespace chantrace::detail {

class EventLog;

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
};

}  // namespace chantrace::detail
