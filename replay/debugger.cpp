#include "debugger.h"

#include <algorithm>
#include <filesystem>

#include "model/interleaving.h"

namespace chantrace::replay {

using view::event_at;
using view::unwinding_begins_at;
namespace {

TaskId body_of(const Trace& trace) {
  for (const TaskInfo& task : trace.tasks)
    if (task.is_body) return task.id;
  return TaskId{1};
}

/// Whose operation it is.
TaskId failing_task(const Trace& trace) {
  if (!trace.end) return body_of(trace);
  for (const Finding& finding : trace.end->findings) {
    if (finding.certainty == Certainty::kNote) continue;
    if (finding.task != TaskId{}) return finding.task;
    if (!finding.participants.empty()) return finding.participants.front().task;
  }
  return body_of(trace);
}

}  // namespace

std::optional<FailingOperation> failing_operation(const Trace& trace) {
  const TraceOrder order = order_events(trace);
  const auto end =
      order.places.begin() + static_cast<std::ptrdiff_t>(unwinding_begins_at(trace, order));
  FailingOperation failing;
  failing.task = failing_task(trace);
  for (auto place = order.places.begin(); place != end; ++place) {
    if (trace.streams[place->stream].task != failing.task) continue;
    const EventRecord& event = event_at(trace, *place);
    if (starts_operation(event)) {
      ++failing.number;
      failing.place = *place;
    }
    // What it does once it has broken a rule is of no interest.
    if (outcome_of(event) == Outcome::kMisuse) break;
  }
  if (failing.number == 0) return std::nullopt;
  return failing;
}

std::vector<std::string> debugger_command(const std::string& debugger,
                                          const std::vector<std::string>& command) {
  const bool is_lldb = std::filesystem::path(debugger).filename().string().starts_with("lldb");
  std::vector<std::string> words;
  if (is_lldb)
    words = {debugger, "-o", "breakpoint set --name chantrace_stop_here", "-o", "run", "-o",
             "bt",     "--"};
  else
    words = {debugger, "-q",
             "-ex",    "set breakpoint pending on",
             "-ex",    "break chantrace_stop_here",
             "-ex",    "run",
             "-ex",    "backtrace",
             "--args"};
  words.insert(words.end(), command.begin(), command.end());
  return words;
}

}  // namespace chantrace::replay
