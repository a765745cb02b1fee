#include "comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "model/interleaving.h"

namespace chantrace::replay {

using view::event_at;
using view::find_stream;
using view::is_note;
using view::Names;
using view::state_before_unwinding;
using view::Step;
using view::steps_of;
using view::Stuck;
using view::stuck_in;
namespace {

/// All tasks, objects and places of both.
Trace vocabulary_of(const Trace& left, const Trace& right) {
  Trace both;
  both.tasks = left.tasks;
  both.objects = left.objects;
  both.sites = left.sites;
  both.sites.insert(right.sites.begin(), right.sites.end());
  for (const TaskInfo& task : right.tasks)
    if (left.find_task(task.id) == nullptr) both.tasks.push_back(task);
  for (const ObjectInfo& object : right.objects)
    if (left.find_object(object.id) == nullptr) both.objects.push_back(object);
  const auto by_id = [](const auto& one, const auto& other) { return one.id < other.id; };
  std::sort(both.tasks.begin(), both.tasks.end(), by_id);
  std::sort(both.objects.begin(), both.objects.end(), by_id);
  return both;
}

/// The operations of one task, one after the other, up to where it was unwound.
class Operations {
 public:
  Operations(const Trace& trace, TaskId task) : stream_(find_stream(trace, task)) {
    if (stream_ != nullptr) number_ = static_cast<std::uint32_t>(stream_ - trace.streams.data());
  }

  std::optional<DoneOperation> next() {
    if (stream_ == nullptr) return std::nullopt;
    const std::vector<EventRecord>& events = stream_->events;
    while (index_ < events.size() && !starts_one(events[index_])) ++index_;
    if (index_ == events.size() || is_unwound(events[index_])) return finish();
    const std::uint32_t first = index_++;
    DoneOperation operation{{number_, first}, EventPlace{number_, first}};
    if (phase_of(events[first]) != Phase::kStart) return operation;
    while (index_ < events.size() && is_note(events[index_].operation)) ++index_;
    operation.last = std::nullopt;
    if (index_ < events.size() && phase_of(events[index_]) == Phase::kDone &&
        events[index_].operation == events[first].operation && !is_unwound(events[index_]))
      operation.last = EventPlace{number_, index_++};
    return operation;
  }

 private:
  /// The end of a task tells how it ended.
  static bool starts_one(const EventRecord& event) {
    return starts_operation(event) || event.operation == Operation::kTaskEnd || is_unwound(event);
  }
  static bool is_unwound(const EventRecord& event) {
    return outcome_of(event) == Outcome::kCancelled;
  }
  std::optional<DoneOperation> finish() {
    stream_ = nullptr;
    return std::nullopt;
  }

  const TaskStream* stream_;
  std::uint32_t number_ = 0;
  std::uint32_t index_ = 0;
};

/// What a task gets to know of the other tasks is what an operation gave it. How many waited, or
/// what a count came to, it does not.
bool tells_its_task(Operation operation) {
  return operation != Operation::kWaitGroupAdd && operation != Operation::kConditionNotifyOne &&
         operation != Operation::kConditionNotifyAll;
}

class TaskComparison {
 public:
  TaskComparison(const Trace& left, const Trace& right, const SameRecords& same)
      : left_(left), right_(right), same_(same) {}

  /// nullopt: it did the same in both.
  std::optional<TaskDifference> compare(TaskId task) const {
    TaskDifference comparison;
    comparison.task = task;
    comparison.is_in_left = is_in(left_, task);
    comparison.is_in_right = is_in(right_, task);
    Operations left{left_, task};
    Operations right{right_, task};
    while (true) {
      comparison.left = left.next();
      comparison.right = right.next();
      if (!comparison.left || !comparison.right) break;
      if (!are_same(*comparison.left, *comparison.right)) break;
      ++comparison.same_count;
    }
    const bool has_ended_alike = !comparison.left && !comparison.right;
    const bool is_in_both = comparison.is_in_left && comparison.is_in_right;
    if (is_in_both && (has_ended_alike || is_cut_off(comparison))) return std::nullopt;
    return comparison;
  }

 private:
  static bool is_in(const Trace& trace, TaskId task) {
    return trace.find_task(task) != nullptr || find_stream(trace, task) != nullptr;
  }

  bool are_same(const DoneOperation& left, const DoneOperation& right) const {
    if (left.last.has_value() != right.last.has_value()) return false;
    if (!is_same_call(left, right)) return false;
    if (!left.last) return true;
    const EventRecord& one = event_at(left_, *left.last);
    const EventRecord& other = event_at(right_, *right.last);
    if (outcome_of(one) != outcome_of(other) || one.object != other.object) return false;
    if (one.operation == Operation::kSelect || one.operation == Operation::kChoose)
      if (one.detail != other.detail) return false;
    return !tells_its_task(one.operation) || same_.are_same_values(one, other);
  }

  bool is_same_call(const DoneOperation& left, const DoneOperation& right) const {
    const EventRecord& one = event_at(left_, left.first);
    const EventRecord& other = event_at(right_, right.first);
    // A select that parks has its object at its end.
    return one.operation == other.operation && same_.are_same_places(one.site, other.site) &&
           (one.operation == Operation::kSelect || one.object == other.object);
  }

  /// One of them was killed here, and did the same up to there.
  bool is_cut_off(const TaskDifference& comparison) const {
    const auto ends = [&](const Trace& trace, const std::optional<DoneOperation>& one,
                          const std::optional<DoneOperation>& other) {
      if (!trace.is_incomplete()) return false;
      if (!one) return true;
      const bool is_left = &one == &comparison.left;
      return !one->last && other &&
             (is_left ? is_same_call(*one, *other) : is_same_call(*other, *one));
    };
    return ends(left_, comparison.left, comparison.right) ||
           ends(right_, comparison.right, comparison.left);
  }

  const Trace& left_;
  const Trace& right_;
  const SameRecords& same_;
};

std::string task_in_words(const EndState& state, const TaskState& task, const Names& names) {
  switch (task.status) {
    case TaskStatus::kEnded:
      return "ended";
    case TaskStatus::kEndedByException:
      return task.exception.empty() ? "ended by an exception"
                                    : "ended by an exception: " + task.exception;
    case TaskStatus::kCancelled:
      return "unwound";
    case TaskStatus::kRunning:
      return (task.is_body && state.body_ended) || task.is_host ? "ended" : "still running";
    case TaskStatus::kParked:
      break;
  }
  const Stuck stuck = stuck_in(state, task, names);
  std::string words = "parked in " + stuck.what;
  if (!stuck.because.empty()) words += ", " + stuck.because.front();
  return words;
}

/// What an object holds at the end; empty where its kind has nothing to hold.
std::string object_in_words(const ObjectState& object, const Names& names) {
  switch (object.kind) {
    case ObjectKind::kChannel:
      return fmt::format("{}, {}", object.is_closed ? "closed" : "open",
                         object.size == 0 ? "empty" : fmt::format("{} buffered", object.size));
    case ObjectKind::kMutex:
    case ObjectKind::kSharedMutex:
    case ObjectKind::kOnce: {
      if (object.holders.empty()) return "free";
      const Holder& holder = object.holders.front();
      const std::string since = names.place(holder.since);
      return fmt::format("held by {}{}", names.task(holder.task),
                         since.empty() ? "" : " since " + since);
    }
    case ObjectKind::kWaitGroup:
    case ObjectKind::kSemaphore:
      return fmt::format("count {}", object.count);
    case ObjectKind::kConditionVariable:
      return object.lost_signals == 0
                 ? "no signal lost"
                 : fmt::format("{} signals found nobody waiting", object.lost_signals);
    case ObjectKind::kTimer:
    case ObjectKind::kTicker:
    case ObjectKind::kContext:
      return object.timer_is_pending ? "pending" : "done";
    case ObjectKind::kNone:
    case ObjectKind::kShared:
    case ObjectKind::kAtomic:
      break;
  }
  return {};
}

/// The words for each id, of the left and the right; a missing one stays empty.
using BothWords = std::map<std::uint32_t, std::pair<std::string, std::string>>;

void add_ends(const BothWords& words, std::string_view missing, const auto& name_of,
              std::vector<EndDifference>& ends) {
  for (const auto& [id, both] : words) {
    if (both.first == both.second) continue;
    const auto or_missing = [&](const std::string& text) {
      return text.empty() ? std::string(missing) : text;
    };
    ends.push_back({name_of(id), or_missing(both.first), or_missing(both.second)});
  }
}

std::vector<EndDifference> compare_ends(const Comparison& comparison) {
  const EndState left = state_before_unwinding(comparison.left, comparison.left_order);
  const EndState right = state_before_unwinding(comparison.right, comparison.right_order);
  const Names& names = comparison.names;
  BothWords tasks;
  for (const TaskState& task : left.tasks)
    tasks[to_number(task.id)].first = task_in_words(left, task, names);
  for (const TaskState& task : right.tasks)
    tasks[to_number(task.id)].second = task_in_words(right, task, names);
  BothWords objects;
  for (const ObjectState& object : left.objects)
    objects[to_number(object.id)].first = object_in_words(object, names);
  for (const ObjectState& object : right.objects)
    objects[to_number(object.id)].second = object_in_words(object, names);

  std::vector<EndDifference> ends;
  add_ends(
      tasks, "never started", [&](std::uint32_t id) { return names.task(TaskId{id}); }, ends);
  add_ends(
      objects, "never used", [&](std::uint32_t id) { return names.object_and_place(ObjectId{id}); },
      ends);
  return ends;
}

/// Those of `findings` that `others` have not.
std::vector<Finding> only_in(const std::vector<Finding>& findings,
                             const std::vector<Finding>& others) {
  std::set<std::string> known;
  for (const Finding& other : others) known.insert(fingerprint(other));
  std::vector<Finding> only;
  for (const Finding& finding : findings) {
    if (finding.certainty == Certainty::kNote) continue;
    if (known.insert(fingerprint(finding)).second) only.push_back(finding);
  }
  return only;
}

bool has_passed(const Trace& trace) { return trace.end && trace.end->passed; }

}  // namespace

Comparison::Comparison(const Trace& left_trace, const Trace& right_trace,
                       std::vector<Finding> left_findings, std::vector<Finding> right_findings)
    : left(left_trace),
      right(right_trace),
      vocabulary(vocabulary_of(left_trace, right_trace)),
      names(vocabulary),
      left_order(order_events(left)),
      right_order(order_events(right)),
      same(left, right),
      alignment(align(left, left_order, right, right_order, same)),
      only_left(only_in(left_findings, right_findings)),
      only_right(only_in(right_findings, left_findings)) {
  std::set<TaskId> all;
  for (const TaskInfo& task : vocabulary.tasks) all.insert(task.id);
  for (const Trace* const trace : {&left, &right})
    for (const TaskStream& stream : trace->streams) all.insert(stream.task);
  const TaskComparison comparison{left, right, same};
  for (const TaskId task : all) {
    if (auto one = comparison.compare(task))
      tasks.push_back(std::move(*one));
    else
      same_tasks.push_back(task);
  }
  // What ended follows from what was done.
  if (!alignment.is_same()) ends = compare_ends(*this);
}

bool Comparison::is_same() const {
  return alignment.is_same() && only_left.empty() && only_right.empty() && ends.empty() &&
         left.is_incomplete() == right.is_incomplete() && has_passed(left) == has_passed(right);
}

std::vector<std::vector<std::uint64_t>> step_numbers(const Trace& trace, const TraceOrder& order) {
  std::vector<std::vector<std::uint64_t>> numbers;
  for (const TaskStream& stream : trace.streams) numbers.emplace_back(stream.events.size());
  for (const Step& step : steps_of(trace, order))
    numbers[step.place.stream][step.place.index] = step.number;
  return numbers;
}

}  // namespace chantrace::replay
