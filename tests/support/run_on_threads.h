/// \file
/// Runs a body once on threads, as the GoogleTest listener runs a test, and tells what was found.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "chantrace/detail/execution.h"
#include "chantrace/end_state.h"
#include "chantrace/finding.h"

namespace chantrace {

/// What a run on threads showed.
struct ThreadsRun {
  std::vector<Finding> findings;
  EndState state;  ///< Where the body was stuck; otherwise how all ended.
  bool body_was_stuck = false;
  detail::ExecutionEnd end;
  detail::RecordingSummary recorded;

  /// Findings that are more than notes.
  std::vector<Finding> faults() const {
    std::vector<Finding> result;
    for (const Finding& finding : findings)
      if (finding.certainty != Certainty::kNote) result.push_back(finding);
    return result;
  }
  const Finding* find(FindingKind kind) const {
    for (const Finding& finding : findings)
      if (finding.kind == kind) return &finding;
    return nullptr;
  }
  const TaskState* find_task(std::string_view label) const {
    for (const TaskState& task : state.tasks)
      if (task.label == label) return &task;
    return nullptr;
  }
  /// All findings as a person reads them, for messages of failed assertions.
  std::string to_string() const {
    std::string text = body_was_stuck ? "(the body was stuck)\n" : "";
    for (const Finding& finding : findings) text += to_text(finding);
    return text;
  }
};

/// Runs `body` on the calling thread. An exception of its own reaches the caller.
inline ThreadsRun run_on_threads(const std::function<void()>& body,
                                 std::chrono::nanoseconds patience = std::chrono::seconds(10),
                                 detail::RecordingOptions recording = {}) {
  struct BodyIsStuck {};
  ThreadsRun run;
  std::optional<EndState> stuck;
  detail::ExecutionOptions options;
  options.recording = std::move(recording);
  options.on_deadlock = [&](const EndState& state) { stuck = state; };
  options.throw_in_body = [] { throw BodyIsStuck{}; };
  detail::Execution execution(std::move(options));
  try {
    body();
  } catch (const BodyIsStuck&) {
    run.body_was_stuck = true;
  }
  run.end = execution.settle(patience);
  run.state = stuck ? *stuck : run.end.state;
  run.findings = analyze(run.state);
  run.recorded = execution.finish(true, run.faults().empty(), run.findings);
  return run;
}

}  // namespace chantrace
