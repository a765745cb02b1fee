#include "interleaving.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <unordered_map>

namespace chantrace::view {
namespace {

void mix(std::uint64_t& hash, std::uint64_t number) {
  // Source: the finalizer of splitmix64.
  hash ^= number + 0x9e3779b97f4a7c15u + (hash << 6) + (hash >> 2);
  hash *= 0xbf58476d1ce4e5b9u;
  hash ^= hash >> 31;
}

std::uint64_t shape_of(const Trace& trace, const EventPlace& place, TaskId task) {
  const EventRecord& event = event_at(trace, place);
  std::uint64_t hash = to_number(task);
  mix(hash, static_cast<std::uint64_t>(event.operation));
  // A loop that starts or joins tasks is a loop, though each round names another task.
  mix(hash, is_on_task(event.operation) ? 0 : event.object);
  mix(hash, event.site);
  mix(hash, event.flags);
  if (event.operation != Operation::kSelect) return hash;
  mix(hash, event.detail);
  for (const EventRecord* one : cases_of(trace, place)) mix(hash, one->object * 2 + one->value);
  return hash;
}

const TaskState* find(const EndState& state, TaskId id) {
  const auto task =
      std::lower_bound(state.tasks.begin(), state.tasks.end(), id,
                       [](const TaskState& left, TaskId right) { return left.id < right; });
  return task != state.tasks.end() && task->id == id ? &*task : nullptr;
}

const ObjectState* find(const EndState& state, ObjectId id) {
  const auto object =
      std::lower_bound(state.objects.begin(), state.objects.end(), id,
                       [](const ObjectState& left, ObjectId right) { return left.id < right; });
  return object != state.objects.end() && object->id == id ? &*object : nullptr;
}

/// Collects tasks in order, each once.
class Ranking {
 public:
  void add(TaskId task) {
    if (to_number(task) != 0 && seen_.insert(task).second) tasks_.push_back(task);
  }
  void add(const std::vector<Participant>& participants) {
    for (const Participant& participant : participants) add(participant.task);
  }
  const std::vector<TaskId>& tasks() const { return tasks_; }

 private:
  std::vector<TaskId> tasks_;
  std::set<TaskId> seen_;
};

/// Those who used the objects that `tasks` wait for, and those who started them.
void add_neighbours(const EndState& state, std::vector<TaskId> tasks, Ranking& ranking) {
  for (const TaskId id : tasks) {
    const TaskState* const task = find(state, id);
    if (task == nullptr) continue;
    for (const Wait& wait : task->waits) {
      ranking.add(wait.task);
      const ObjectState* const object = find(state, wait.object);
      if (object == nullptr) continue;
      for (const Holder& holder : object->holders) ranking.add(holder.task);
      for (const TaskId user : object->givers) ranking.add(user);
      for (const TaskId user : object->takers) ranking.add(user);
    }
    ranking.add(task->parent);
  }
}

/// "its receiver collector has ended", or nothing when there is none to speak of.
std::vector<std::string> state_of_users(const EndState& state, const std::vector<TaskId>& users,
                                        TaskId except, std::string_view role, const Names& names) {
  constexpr std::size_t kUsersShown = 2;
  std::vector<std::string> lines;
  for (const TaskId user : users) {
    const TaskState* const task = find(state, user);
    if (user == except || task == nullptr || lines.size() == kUsersShown) continue;
    switch (task->status) {
      case TaskStatus::kEnded:
      case TaskStatus::kEndedByException:
        lines.push_back(fmt::format("{} {} has ended", role, names.task(user)));
        break;
      case TaskStatus::kParked:
        lines.push_back(fmt::format("{} {} is parked itself", role, names.task(user)));
        break;
      case TaskStatus::kCancelled:
        lines.push_back(fmt::format("{} {} was unwound", role, names.task(user)));
        break;
      case TaskStatus::kRunning:
        if (!task->is_body || !state.body_ended) break;
        lines.push_back(fmt::format("{} {} has left the test", role, names.task(user)));
        break;
    }
  }
  if (users.empty()) lines.push_back(fmt::format("it never had a {}", role));
  return lines;
}

std::vector<std::string> in_the_way(const EndState& state, const TaskState& task, const Wait& wait,
                                    const Names& names) {
  if (wait.has_deadline) return {"a timer will end it"};
  if (wait.operation == Operation::kTaskJoin) {
    const TaskState* const joined = find(state, wait.task);
    if (joined == nullptr || joined->status != TaskStatus::kParked) return {};
    return {fmt::format("{} is parked itself", names.task(wait.task))};
  }
  if (wait.is_nil_channel) return {"a nil channel is never ready"};
  const ObjectState* const object = find(state, wait.object);
  if (object == nullptr) return {};
  if (!object->holders.empty()) {
    const Holder& holder = object->holders.front();
    const std::string since = names.place(holder.since);
    const std::string who = holder.task == task.id ? "this task itself" : names.task(holder.task);
    return {fmt::format("held by {}{}{}", who, since.empty() ? "" : " since ", since)};
  }
  switch (wait.operation) {
    case Operation::kSend:
      return state_of_users(state, object->takers, task.id, "receiver", names);
    case Operation::kReceive:
    case Operation::kRange:
      return state_of_users(state, object->givers, task.id, "sender", names);
    case Operation::kWaitGroupWait:
      return {fmt::format("its count is {}", object->count)};
    case Operation::kConditionWait:
      if (object->lost_signals > 0) return {"a signal came before the wait"};
      return state_of_users(state, object->givers, task.id, "notifier", names);
    case Operation::kSemaphoreAcquire:
      return state_of_users(state, object->givers, task.id, "releaser", names);
    default:
      return {};
  }
}

std::string wait_in_words(const Wait& wait, const Names& names, std::string_view separator) {
  const std::string_view verb = to_string(wait.operation);
  if (wait.operation == Operation::kSleep) return std::string(verb);
  const std::string object = wait.operation == Operation::kTaskJoin ? names.task(wait.task)
                             : wait.is_nil_channel                  ? "nil"
                                                                    : names.object(wait.object);
  return separator == "(" ? fmt::format("{}({})", verb, object)
                          : fmt::format("{} {}", verb, object);
}

}  // namespace

const EventRecord& event_at(const Trace& trace, const EventPlace& place) {
  return trace.streams[place.stream].events[place.index];
}

const TaskStream* find_stream(const Trace& trace, TaskId task) {
  const auto stream =
      std::lower_bound(trace.streams.begin(), trace.streams.end(), task,
                       [](const TaskStream& one, TaskId wanted) { return one.task < wanted; });
  return stream != trace.streams.end() && stream->task == task ? &*stream : nullptr;
}

bool is_note(Operation operation) {
  return operation == Operation::kSelectCase || operation == Operation::kStack;
}

bool ends_wait(const EventRecord& event) {
  return event.operation != Operation::kUnlock && event.operation != Operation::kUnlockShared &&
         !is_note(event.operation);
}

std::size_t unwinding_begins_at(const Trace& trace, const TraceOrder& order) {
  const auto first =
      std::find_if(order.places.begin(), order.places.end(), [&](const EventPlace& place) {
        return outcome_of(event_at(trace, place)) == Outcome::kCancelled;
      });
  return static_cast<std::size_t>(first - order.places.begin());
}

EndState state_before_unwinding(const Trace& trace, const TraceOrder& order) {
  const std::size_t end = unwinding_begins_at(trace, order);
  if (end == order.places.size()) return end_state(trace, order);

  Trace before = trace;
  TraceOrder order_before = order;
  order_before.places.resize(end);
  std::vector<std::size_t> kept(trace.streams.size());
  for (const EventPlace& place : order_before.places) ++kept[place.stream];
  for (std::size_t stream = 0; stream < kept.size(); ++stream) {
    before.streams[stream].events.resize(kept[stream]);
    std::erase_if(before.streams[stream].gaps,
                  [&](const Gap& gap) { return gap.before > kept[stream]; });
  }
  return end_state(before, order_before);
}

std::vector<const EventRecord*> cases_of(const Trace& trace, const EventPlace& place) {
  std::vector<const EventRecord*> cases;
  const std::vector<EventRecord>& events = trace.streams[place.stream].events;
  if (events[place.index].operation != Operation::kSelect) return cases;
  std::size_t start = place.index;
  if (phase_of(events[start]) == Phase::kDone) {
    // A task does one thing at a time: its start stands before it, with notes in between.
    do {
      if (start == 0) return cases;
      --start;
    } while (is_note(events[start].operation));
  }
  if (phase_of(events[start]) != Phase::kStart || events[start].operation != Operation::kSelect) {
    return cases;
  }
  for (std::size_t index = start; index-- > 0;) {
    if (events[index].operation == Operation::kStack) continue;
    if (events[index].operation != Operation::kSelectCase) break;
    cases.push_back(&events[index]);
  }
  std::reverse(cases.begin(), cases.end());
  return cases;
}

std::vector<Step> steps_of(const Trace& trace, const TraceOrder& order) {
  std::vector<Step> steps;
  steps.reserve(order.places.size());
  for (const EventPlace& place : order.places) {
    if (is_note(event_at(trace, place).operation)) continue;
    const TaskId task = trace.streams[place.stream].task;
    steps.push_back({.number = steps.size() + 1,
                     .place = place,
                     .task = task,
                     .shape = shape_of(trace, place, task)});
  }
  return steps;
}

RankedTasks rank_tasks(const Trace& trace, const EndState& state,
                       const std::vector<Finding>& findings) {
  Ranking ranking;
  for (const TaskInfo& task : trace.tasks) {
    if (task.is_body) ranking.add(task.id);
  }
  const std::size_t bodies_count = ranking.tasks().size();
  for (const Finding& finding : findings) {
    ranking.add(finding.task);
    ranking.add(finding.participants);
  }
  for (const Finding& finding : findings) ranking.add(finding.behind);
  if (ranking.tasks().size() > bodies_count || !findings.empty()) {
    add_neighbours(state, ranking.tasks(), ranking);
  }
  const std::size_t telling_count = ranking.tasks().size();

  std::vector<const TaskStream*> streams;
  for (const TaskStream& stream : trace.streams) {
    if (!stream.events.empty()) streams.push_back(&stream);
  }
  std::stable_sort(streams.begin(), streams.end(),
                   [](const TaskStream* left, const TaskStream* right) {
                     return left->events.size() > right->events.size();
                   });
  for (const TaskStream* stream : streams) ranking.add(stream->task);
  return {ranking.tasks(), telling_count};
}

Stuck stuck_in(const EndState& state, const TaskState& task, const Names& names) {
  Stuck stuck;
  if (task.status != TaskStatus::kParked) return stuck;
  for (const Wait& wait : task.waits) {
    if (!stuck.what.empty()) stuck.what += ", ";
    stuck.what += wait_in_words(wait, names, task.is_select ? " " : "(");
    // The reasons of a select's many cases would need their channels repeated: the findings have
    // them.
    if (task.waits.size() == 1) stuck.because = in_the_way(state, task, wait, names);
  }
  if (task.is_select) stuck.what = fmt::format("select({})", stuck.what);
  if (stuck.what.empty()) stuck.what = "an operation that was not recorded";
  return stuck;
}

}  // namespace chantrace::view
