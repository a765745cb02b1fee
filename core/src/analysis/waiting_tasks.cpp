#include <algorithm>
#include <utility>

#include "chantrace/finding.h"
#include "wait_graph.h"
#include "wait_reasons.h"
#include "words.h"

namespace chantrace {
namespace {

using Outlook = WaitingTask::Outlook;

/// Somebody else has done before what would wake it.
bool had_helpers(const StateIndex& index, const TaskState& task) {
  return std::any_of(task.waits.begin(), task.waits.end(), [&](const Wait& wait) {
    const ObjectState* const object = index.object(wait.object);
    if (object == nullptr) return false;
    const std::vector<TaskId> helpers = helpers_of(wait, *object);
    return std::any_of(helpers.begin(), helpers.end(),
                       [&](TaskId helper) { return helper != task.id; });
  });
}

Outlook outlook_of(const StateIndex& index, const WaitGraph& graph, std::uint32_t position) {
  switch (graph.fate(position)) {
    case Fate::kStuck:
      return Outlook::kStuck;
    case Fate::kDoubtful:
      return had_helpers(index, index.state().tasks[position]) ? Outlook::kDoubtful
                                                               : Outlook::kUnknown;
    case Fate::kOver:
    case Fate::kGoesOn:
      break;
  }
  return Outlook::kGoesOn;
}

}  // namespace

std::vector<WaitingTask> waiting_tasks(const EndState& state) {
  const StateIndex index(state);
  const WaitGraph graph(index);
  const WaitReasons reasons(index, graph);
  std::vector<WaitingTask> all;
  for (std::uint32_t i = 0; i < state.tasks.size(); ++i) {
    const TaskState& task = state.tasks[i];
    if (task.status != TaskStatus::kParked) continue;
    WaitingTask& waiting = all.emplace_back();
    waiting.task = task.id;
    waiting.outlook = outlook_of(index, graph, i);
    waiting.what = waits_text(index, task, false);
    waiting.reason = reasons.reason_of(i);
    for (std::string& line : reasons.doubt_of(i)) waiting.reason.push_back(std::move(line));
  }
  return all;
}

}  // namespace chantrace
