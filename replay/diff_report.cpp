#include "diff_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "model/interleaving.h"

namespace chantrace::replay {

using view::cases_of;
using view::describe;
using view::event_at;
using view::find_stream;
using view::is_note;
using view::Names;
namespace {

/// Which tasks and objects a parting is about.
struct Subjects {
  std::set<TaskId> tasks;
  std::set<std::uint32_t> objects;

  void add(const Trace& trace, const std::optional<EventPlace>& place) {
    if (!place) return;
    const EventRecord& event = event_at(trace, *place);
    tasks.insert(trace.streams[place->stream].task);
    if (event.object == 0) return;
    if (is_on_task(event.operation))
      tasks.insert(TaskId{event.object});
    else
      objects.insert(event.object);
  }
  bool has(const Trace& trace, const EventPlace& place) const {
    const EventRecord& event = event_at(trace, place);
    if (tasks.contains(trace.streams[place.stream].task)) return true;
    return is_on_task(event.operation) ? tasks.contains(TaskId{event.object})
                                       : objects.contains(event.object);
  }
};

/// The steps of `rest` from the first of `task` on.
std::vector<EventPlace> steps_from(const Trace& trace, const std::vector<EventPlace>& rest,
                                   TaskId task, std::size_t rows_max) {
  auto next = std::find_if(rest.begin(), rest.end(), [&](const EventPlace& one) {
    return trace.streams[one.stream].task == task;
  });
  std::vector<EventPlace> steps;
  for (; next != rest.end() && steps.size() < rows_max; ++next)
    if (!is_note(event_at(trace, *next).operation)) steps.push_back(*next);
  return steps;
}

/// The task whose step `place` is, or else the task of `other`, which is in the other trace.
TaskId task_at(const Trace& trace, const std::optional<EventPlace>& place, const Trace& other_trace,
               const std::optional<EventPlace>& other) {
  return place ? trace.streams[place->stream].task : other_trace.streams[other->stream].task;
}

std::string stuck_in_words(const Trace& trace, const Names& names, const EventPlace& start) {
  return fmt::format("{}, which stays in {}", names.task(trace.streams[start.stream].task),
                     describe(trace, names, event_at(trace, start), false, cases_of(trace, start)));
}

/// What a trace has where the other one has a step of `task`, and it has none.
std::string nothing_in_words(const Trace& trace, const Names& names, TaskId task) {
  if (trace.is_incomplete()) return "nothing: its process was killed or crashed";
  const TaskStream* const stream = find_stream(trace, task);
  if (stream == nullptr || stream->events.empty()) return fmt::format("no {}", names.task(task));
  const std::vector<EventRecord>& events = stream->events;
  const auto unwound = std::find_if(events.begin(), events.end(), [](const EventRecord& event) {
    return outcome_of(event) == Outcome::kCancelled;
  });
  if (unwound == events.begin() || phase_of(*(unwound - 1)) != Phase::kStart)
    return fmt::format("nothing more of {}", names.task(task));
  return stuck_in_words(trace, names,
                        {static_cast<std::uint32_t>(stream - trace.streams.data()),
                         static_cast<std::uint32_t>(unwound - events.begin() - 1)});
}

std::string side_in_words(const Trace& trace, const Names& names,
                          const std::optional<EventPlace>& place, TaskId task) {
  if (!place) return nothing_in_words(trace, names, task);
  if (!has_effect(event_at(trace, *place))) return stuck_in_words(trace, names, *place);
  return fmt::format(
      "{}'s {}", names.task(task),
      describe(trace, names, event_at(trace, *place), true, cases_of(trace, *place)));
}

}  // namespace

PartingSteps steps_around(const Comparison& comparison, const Parting& parting,
                          std::size_t rows_max) {
  const std::size_t most = rows_max == 0 ? std::string::npos : rows_max;
  Subjects subjects;
  subjects.add(comparison.left, parting.left);
  subjects.add(comparison.right, parting.right);
  PartingSteps steps;
  const std::vector<CommonRecord>& common = comparison.alignment.common;
  for (std::size_t index = common.size(); index-- > 0 && steps.before.size() < most;) {
    const EventPlace& place = common[index].left;
    if (!is_note(event_at(comparison.left, place).operation) &&
        subjects.has(comparison.left, place))
      steps.before.push_back(common[index]);
  }
  std::reverse(steps.before.begin(), steps.before.end());
  steps.left =
      steps_from(comparison.left, comparison.alignment.left_rest,
                 task_at(comparison.left, parting.left, comparison.right, parting.right), most);
  steps.right =
      steps_from(comparison.right, comparison.alignment.right_rest,
                 task_at(comparison.right, parting.right, comparison.left, parting.left), most);
  return steps;
}

std::string left_in_words(const Comparison& comparison, const Parting& parting) {
  return side_in_words(comparison.left, comparison.names, parting.left,
                       task_at(comparison.left, parting.left, comparison.right, parting.right));
}

std::string right_in_words(const Comparison& comparison, const Parting& parting) {
  return side_in_words(comparison.right, comparison.names, parting.right,
                       task_at(comparison.right, parting.right, comparison.left, parting.left));
}

std::string in_words(const Trace& trace, const Names& names,
                     const std::optional<DoneOperation>& operation) {
  if (!operation) return "nothing more";
  const EventPlace& told = operation->last ? *operation->last : operation->first;
  return describe(trace, names, event_at(trace, told), true, cases_of(trace, told)) +
         (operation->last         ? ""
          : trace.is_incomplete() ? " parks"
                                  : " for ever");
}

}  // namespace chantrace::replay
