/// \file
/// Runs a body once under a schedule and reads the trace of that.
#pragma once

#include <functional>

#include "chantrace/detail/execution.h"
#include "chantrace/detail/explore_body.h"
#include "chantrace/trace.h"
#include "support/temporary_folder.h"

namespace chantrace {

inline Trace record_controlled(const std::function<void()>& body, const Schedule& schedule) {
  const TemporaryFolder folder;
  detail::Follower follower(schedule);
  detail::ExecutionOptions options;
  options.strategy = &follower.strategy();
  options.control.rules = schedule.rules;
  options.recording.path = folder.file("controlled.chantrace");
  detail::Execution execution(options);
  try {
    body();
  } catch (const detail::Cancelled&) {
    // That is how a body ends that was stopped.
  }
  execution.settle({});
  execution.finish(true, true, {});
  return read_trace(options.recording.path).value();
}

}  // namespace chantrace
