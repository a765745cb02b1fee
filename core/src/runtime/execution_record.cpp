// What an execution has seen, and its state at the end.
#include <algorithm>
#include <optional>

#include "channel_list.h"
#include "chantrace/detail/event_log.h"
#include "chantrace/detail/printable.h"
#include "recording.h"
#include "runtime.h"

namespace chantrace::detail {

void Runtime::add_misuse(Misuse misuse) {
  has_something_to_tell_.store(true, std::memory_order_relaxed);
  const ScopedLock lock(mutex_);
  if (record_.misuses.size() < kMisusesMax) record_.misuses.push_back(std::move(misuse));
}

void Runtime::mark_escaped(TaskId task, const std::string& text) {
  const ScopedLock lock(mutex_);
  const auto last =
      std::find_if(record_.misuses.rbegin(), record_.misuses.rend(), [&](const Misuse& misuse) {
        return misuse.task == task &&
               text.find(misuse.site.file + ":" + std::to_string(misuse.site.line)) !=
                   std::string::npos;
      });
  if (last != record_.misuses.rend()) last->escaped = true;
}

void Runtime::remember_destroyed(ObjectState state) {
  state.is_destroyed = true;
  has_something_to_tell_.store(true, std::memory_order_relaxed);
  const ScopedLock lock(mutex_);
  record_.objects[to_number(state.id)] = std::move(state);
}

void Runtime::remember_name(const Object& object) {
  ObjectState state;
  describe_identity(object, state);
  const ScopedLock lock(mutex_);
  if (record_.objects.size() < kMisusesMax)
    record_.objects.try_emplace(to_number(object.id), std::move(state));
}

TaskState describe_identity(const TaskControl& task) {
  TaskState state;
  state.id = task.id;
  state.parent = task.parent;
  state.label = label_of(task);
  state.is_host = task.is_host;
  state.is_body = task.is_body;
  state.started_at = to_site(task.started_at);
  return state;
}

std::string label_of(const TaskControl& task) {
  return task.label.empty() ? "task " + std::to_string(to_number(task.id)) : task.label;
}

void describe_identity(const Object& object, ObjectState& state) {
  state.id = object.id;
  state.kind = object.kind;
  state.name = object.given_name.view();
  state.created_at = to_site(object.created);
}

void Runtime::remove_orphan(Object& object) {
  const ScopedLock lock(mutex_);
  std::erase(orphans_, &object);
}

bool Runtime::describe_object(Object& object,
                              std::unordered_map<std::uint32_t, ObjectState>& objects) {
  if (!object.latch.try_lock()) return false;
  // An object that nobody has met in this execution has the id of another one's object.
  if (object.epoch != current_epoch.load() || objects.contains(to_number(object.id))) {
    object.latch.unlock();
    return true;
  }
  ObjectState& described = objects[to_number(object.id)];
  describe_identity(object, described);
  object.describe(described);
  object.latch.unlock();
  return true;
}

bool Runtime::describe_parked(TaskControl& task, TaskState& one,
                              std::unordered_map<std::uint32_t, ObjectState>& objects) {
  const ScopedLock lock(task.park_lock);
  const ParkedOperation* const parked = task.parked;
  const bool stands_at_gate = task.gate != nullptr && task.runnable == kNotRunnable;
  const Claim claim =
      parked != nullptr ? parked->claim.load(std::memory_order_relaxed) : Claim::kCompleted;
  const bool is_waiting = claim == Claim::kPending || claim == Claim::kQuiescent || stands_at_gate;
  // What a task holds is only safe to look at while that task can not give it back.
  if (!is_waiting && &task != current_task_or_null && !runs_alone) return true;
  for (auto& slot : task.held)
    if (Object* const object = slot.load(std::memory_order_relaxed))
      if (!describe_object(*object, objects)) return false;
  if (!is_waiting || (task.is_body && !stands_at_gate && parked->operation == Operation::kNone))
    return true;

  one.status = TaskStatus::kParked;
  if (task.recording != nullptr) one.operation_index = operations_begun(task);
  if (stands_at_gate) {
    one.waiting_at = to_site(*task.pending_site);
    Wait wait;
    wait.operation = Operation::kLock;
    wait.object = task.gate_object_id;
    one.waits.push_back(wait);
    return task.gate_object == nullptr || describe_object(*task.gate_object, objects);
  }
  one.is_select = parked->operation == Operation::kSelect;
  one.waiting_at = to_site(*parked->site);
  for (std::size_t i = 0; i < parked->waiters_count; ++i) {
    const Waiter& waiter = parked->waiters[i];
    Wait wait;
    wait.operation = waiter.kind;
    wait.object = waiter.object_id;
    wait.has_deadline = parked->has_deadline;
    if (parked->joined != nullptr) {
      wait.task = parked->joined->id;
    } else {
      wait.is_nil_channel = waiter.object == nullptr && waiter.object_id == ObjectId{};
      if (waiter.object != nullptr && !describe_object(*waiter.object, objects)) return false;
    }
    one.waits.push_back(wait);
  }
  if (parked->waiters_count == 0) {
    Wait wait;
    wait.operation = parked->operation;
    wait.has_deadline = parked->has_deadline;
    wait.is_nil_channel = !parked->has_deadline;
    one.waits.push_back(wait);
  }
  return true;
}

void Runtime::describe_task(TaskControl& task, EndState& state,
                            std::unordered_map<std::uint32_t, ObjectState>& objects) {
  TaskState one = describe_identity(task);
  one.is_older = task.born_epoch != current_epoch.load();
  // Whoever destroys an object takes its latch first and the task's lock then; so this only tries.
  while (!describe_parked(task, one, objects)) one.waits.clear();
  state.tasks.push_back(std::move(one));
}

namespace {

/// What the tasks of a controlled execution have recorded.
void add_from_log(const EventLog& log, EndState& state) {
  const std::vector<EventLog::Summary> summaries = log.summaries();
  for (TaskState& task : state.tasks) {
    const EventLog::Summary& one = summaries[to_number(task.id)];
    if (task.status == TaskStatus::kParked)
      task.operation_index = one.operations;
    else if (task.status != TaskStatus::kRunning)
      task.ended_at = one.last_site != 0 ? to_site(log.location(one.last_site)) : task.started_at;
  }
}

}  // namespace

void Runtime::describe_tasks(EndState& state,
                             std::unordered_map<std::uint32_t, ObjectState>& objects) {
  // Looked at from another thread when nothing moves any more.
  if (!is_controlled()) {
    const std::uint32_t epoch = current_epoch.load();
    for (TaskControl* const task : alive_)
      if (task->epoch == epoch) describe_task(*task, state, objects);
    state.tasks.insert(state.tasks.end(), record_.ended.begin(), record_.ended.end());
    return;
  }
  for (TaskControl* const task : controlled_->tasks()) {
    if (task->is_service) continue;
    const bool has_ended = task->status != TaskStatus::kRunning;
    if (!has_ended) {
      describe_task(*task, state, objects);
      continue;
    }
    TaskState ended = describe_identity(*task);
    ended.status = task->status;
    ended.ended_at = to_site(task->last_site);
    ended.exception = task->exception;
    state.tasks.push_back(std::move(ended));
  }
  if (const EventLog* const log = controlled_->log()) add_from_log(*log, state);
}

std::map<TaskId, std::chrono::nanoseconds> Runtime::waiting_times() {
  std::map<TaskId, std::chrono::nanoseconds> times;
  if (is_controlled()) return times;
  const ScopedLock lock(mutex_);
  const std::uint32_t epoch = current_epoch.load();
  const std::uint64_t now = ticks();
  for (TaskControl* const task : alive_) {
    if (task->epoch != epoch) continue;
    const ScopedLock park_lock(task->park_lock);
    if (task->parked == nullptr || task->parked_since > now) continue;
    const double seconds =
        static_cast<double>(now - task->parked_since) / static_cast<double>(ticks_per_second());
    times[task->id] = std::chrono::nanoseconds(static_cast<std::int64_t>(seconds * 1e9));
  }
  return times;
}

EndState Runtime::end_state() {
  // Under control all tasks stand still while one looks at them.
  std::optional<WithoutRaces> scope;
  if (is_controlled()) scope.emplace();
  EndState state;
  std::unordered_map<std::uint32_t, ObjectState> objects;
  // Under control nobody waits for threads outside.
  if (!is_controlled()) state.foreign_threads = count_foreign_threads();
  state.body_ended = body_ended_.load();
  const ScopedLock lock(mutex_);
  const std::uint32_t epoch = current_epoch.load();
  describe_tasks(state, objects);
  if (state.body_ended) {
    for (TaskState& task : state.tasks) {
      if (task.is_body && task.status != TaskStatus::kEndedByException)
        task.status = TaskStatus::kEnded;
      // Who was there before the body may well wait for what comes after it.
      if (!task.is_older || task.status != TaskStatus::kParked) continue;
      task.status = TaskStatus::kRunning;
      task.waits.clear();
      task.waiting_at = {};
      task.is_select = false;
      task.operation_index = 0;
    }
  }
  std::sort(state.tasks.begin(), state.tasks.end(),
            [](const TaskState& left, const TaskState& right) { return left.id < right.id; });
  for (Object* const object : orphans_)
    if (object->epoch == epoch)
      while (!describe_object(*object, objects)) {
      }
  state.foreign_use = record_.foreign_use;
  record_.is_foreign_use_told = true;
  for (const auto& [id, object] : record_.objects) objects.try_emplace(id, object);
  for (auto& [id, object] : objects) state.objects.push_back(std::move(object));
  std::sort(state.objects.begin(), state.objects.end(),
            [](const ObjectState& left, const ObjectState& right) { return left.id < right.id; });
  state.misuses = record_.misuses;
  for (TaskState& task : state.tasks) {
    task.label = shown(task.label);
    task.exception = shown(task.exception);
  }
  for (ObjectState& object : state.objects) object.name = shown(object.name);
  return state;
}

}  // namespace chantrace::detail
