#include "runtime.h"

#include <cxxabi.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <optional>
#include <typeinfo>

#include "channel_list.h"
#include "chantrace/detail/printable.h"
#include "chantrace/finding.h"
#include "chantrace/misuse.h"
#include "chantrace/task.h"
#include "recording.h"

namespace chantrace::detail {

thread_local constinit TaskControl* current_task_or_null = nullptr;
constinit std::atomic<std::uint32_t> current_epoch = 1;

namespace {

/// Takes a host thread's task out of the runtime when the thread ends.
struct HostThreadEnd {
  TaskControl* task = nullptr;
  ~HostThreadEnd() {
    if (task == nullptr) return;
    Runtime::instance().detach_host_thread(*task);
    current_task_or_null = nullptr;
  }
};

std::string host_thread_label() {
  if (os_thread_id() == static_cast<std::uint64_t>(getpid())) return "main";
  char name[16] = {};
  if (pthread_getname_np(pthread_self(), name, sizeof name) != 0) return "thread";
  // Whoever has no name of its own has that of the program.
  const std::string_view program(program_invocation_short_name);
  return program.substr(0, sizeof name - 1) == name ? "thread" : name;
}

std::string demangle(const char* name) {
  int status = 0;
  char* const text = abi::__cxa_demangle(name, nullptr, nullptr, &status);
  std::string result = status == 0 ? text : name;
  std::free(text);
  return result;
}

std::string describe_current_exception() {
  try {
    throw;
  } catch (const std::exception& error) {
    return demangle(typeid(error).name()) + ": " + error.what();
  } catch (...) {
    const std::type_info* const type = abi::__cxa_current_exception_type();
    return type != nullptr ? "one of type " + demangle(type->name()) : "one of unknown type";
  }
}

/// Asks again after a while whether all is still quiet, where threads that the library does not
/// know could have changed that.
class Recheck final : public TimerNode {
 public:
  Instant fire(TaskControl&, Instant) override { return Runtime::instance().recheck_quiescence(); }
  bool could_wake() override { return false; }
};

/// Some task waits for what cannot come, whatever others do.
bool is_certain_wait(const Finding& finding) {
  return is_about_waiting(finding.kind) && finding.certainty == Certainty::kCertain;
}

}  // namespace

Runtime& Runtime::instance() {
  // Never destroyed: tasks may still run while static objects are.
  static Runtime& runtime = *new Runtime;
  return runtime;
}

Runtime::Runtime() : executor_(*this), recheck_(std::make_shared<Recheck>()) {
  // Spools are used under `mutex_`, so it is taken before theirs at a fork too.
  Spool::prepare_for_forks();
  // A child process has one task, the one that forked, and records nothing: its parent's buffers
  // are shared memory.
  pthread_atfork([]() CHANTRACE_NO_THREAD_SAFETY_ANALYSIS { instance().before_fork(); },
                 []() CHANTRACE_NO_THREAD_SAFETY_ANALYSIS { instance().after_fork_in_parent(); },
                 []() CHANTRACE_NO_THREAD_SAFETY_ANALYSIS { instance().after_fork_in_child(); });
}

void Runtime::before_fork() {
  mutex_.lock();
  executor_.before_fork();
  lock_channel_list();
}
void Runtime::after_fork_in_parent() {
  unlock_channel_list();
  executor_.after_fork();
  mutex_.unlock();
}
void Runtime::after_fork_in_child() {
  unlock_channel_list();
  executor_.after_fork();
  TaskControl* const self = current_task_or_null;
  alive_.clear();
  if (self != nullptr) {
    alive_.push_back(self);
    self->os_thread = static_cast<std::uint64_t>(getpid());
    stop_recording(*self);
    if (self->recording != nullptr) recordings_of_parent_.push_back(std::move(self->recording));
    self->recording = nullptr;
  }
  body_ = nullptr;
  quiescence_handler_ = nullptr;
  is_in_execution_ = false;
  executor_.set_running(self != nullptr ? 1 : 0);
  note_known_thread();
  if (recording_ != nullptr) recordings_of_parent_.push_back(std::move(recording_));
  recording_ = nullptr;
  mutex_.unlock();
}

TaskControl& Runtime::take_control() {
  if (free_.empty()) {
    controls_.push_back(std::make_unique<TaskControl>());
    free_.push_back(controls_.back().get());
  }
  TaskControl& task = *free_.back();
  free_.pop_back();
  task.executor = &executor_;
  task.generation = tasks_made_++;
  // Any odd constant gives well spread seeds; this one is 2^64 divided by the golden ratio.
  task.random_state = (task.generation + 1) * 0x9e3779b97f4a7c15ull;
  task.phase.store(TaskPhase::kAlive);
  task.born_epoch = current_epoch.load();
  alive_.push_back(&task);
  return task;
}

void Runtime::enter(TaskControl& task) {
  task.id = TaskId{++last_task_id_};
  task.epoch = current_epoch.load();
  task.recording = task.is_unrecorded ? nullptr : recording_;
  stop_recording(task);
  if (task.recording != nullptr) start_recording(task);
  task.records_before_chunk = 0;
  task.other_records = 0;
  task.sites = SiteCache{};
  task.join_object.epoch = task.epoch;
  task.join_object.sequence = 0;
  task.is_body = &task == body_;
  if (task.is_recording) recording_->define_task(task);
}

TaskControl& Runtime::attach_host_thread() {
  note_known_thread();
  thread_local HostThreadEnd end;
  TaskControl* task;
  {
    const ScopedLock lock(mutex_);
    task = &take_control();
    task->label = host_thread_label();
    task->is_host = true;
    task->os_thread = os_thread_id();
    task->parent = TaskId{};
    task->references = 1;
    enter(*task);
  }
  executor_.add_running();
  end.task = task;
  current_task_or_null = task;
  return *task;
}

void Runtime::detach_host_thread(TaskControl& task) {
  end_task(task, TaskStatus::kEnded, {});
  current_task_or_null = nullptr;
  // The first thread ends with the program: that nothing goes on then is nobody's fault.
  if (task.os_thread == static_cast<std::uint64_t>(getpid())) return;
  executor_.remove_running();
  release(task);
}

TaskControl& Runtime::make_task(TaskControl& parent, std::string_view label, TaskBody body,
                                const Location& site) {
  const ScopedLock lock(mutex_);
  TaskControl& task = take_control();
  task.label = label;
  task.parent = parent.id;
  task.started_at = site;
  task.is_host = false;
  task.body = std::move(body);
  task.references = 2;
  enter(task);
  return task;
}

TaskControl& Runtime::make_service_task(std::string_view label, bool is_recorded) {
  const ScopedLock lock(mutex_);
  TaskControl& task = take_control();
  alive_.pop_back();  // It is nobody's leak.
  task.label = label;
  task.is_host = true;
  task.is_service = true;
  task.is_unrecorded = !is_recorded;
  task.os_thread = os_thread_id();
  task.references = 1;
  task.epoch = 0;  // Enters an execution with its first operation there.
  current_task_or_null = &task;
  return task;
}

void Runtime::refresh(TaskControl& task) {
  if (task.recording != nullptr) task.recording->retire(task);
  const ScopedLock lock(mutex_);
  enter(task);
}

void Runtime::begin_task(TaskControl& task) {
  note_known_thread();
  task.os_thread = os_thread_id();
  current_task_or_null = &task;
}

void Runtime::add_orphans(TaskControl& task) {
  // As one step for those who unlock what nobody holds any more: they take it from the orphans.
  const ScopedLock lock(mutex_);
  for (std::uint32_t slot = 0; slot < task.held_end; ++slot) {
    Object* const object = task.held[slot].load(std::memory_order_relaxed);
    if (object == nullptr) continue;
    if (object->forget_holder(task)) orphans_.push_back(object);
    task.held[slot].store(nullptr, std::memory_order_relaxed);
    has_something_to_tell_.store(true, std::memory_order_relaxed);
  }
}

void Runtime::end_task(TaskControl& task, TaskStatus status, std::string exception) {
  record_end(task, status, exception);
  TaskControl* settled_body = nullptr;
  {
    const ScopedLock lock(mutex_);
    std::erase(alive_, &task);
    // Threads that have nothing to do with the test may run on: quiescence would come late.
    if (settling_ != nullptr && !has_tasks_alive() && settling_->try_claim(Claim::kCompleted))
      settled_body = settling_->task;
    if (task.epoch == current_epoch.load() && record_.ended.size() < kEndedTasksMax) {
      TaskState state = describe_identity(task);
      state.status = status;
      state.ended_at = to_site(task.last_site);
      state.exception = std::move(exception);
      record_.ended.push_back(std::move(state));
    }
  }
  wake_joiners(task);
  if (settled_body != nullptr) settled_body->executor->unpark(*settled_body);
}

bool Runtime::begin_settling(ParkedOperation& operation) {
  const ScopedLock lock(mutex_);
  if (!has_tasks_alive()) return false;
  settling_ = &operation;
  return true;
}

void Runtime::end_settling() {
  const ScopedLock lock(mutex_);
  settling_ = nullptr;
}

void wake_joiners(TaskControl& task) {
  Wakeups woken;
  {
    const ScopedLock lock(task.join_object.latch);
    task.phase.store(TaskPhase::kEnded);
    while (Waiter* const waiter = task.join_object.waiters.pop_claimed()) {
      // Who only watches for the end makes no record, and must not take the number of one.
      if (waiter->operation->operation != Operation::kNone) complete(task.join_object, *waiter);
      woken.add(*waiter);
    }
  }
  woken.unpark_all();
}

void record_end(TaskControl& task, TaskStatus status, const std::string& exception) {
  if (task.held_end > 0) Runtime::instance().add_orphans(task);
  task.body.reset();
  if (task.is_recording) task.last_site = task.recording->last_location(task);
  const Outcome outcome = status == TaskStatus::kEndedByException ? Outcome::kException
                          : status == TaskStatus::kCancelled      ? Outcome::kCancelled
                                                                  : Outcome::kOk;
  Happening end{.operation = Operation::kTaskEnd, .outcome = outcome, .object = to_number(task.id)};
  {
    const ScopedLock lock(task.join_object.latch);
    end.sequence = ++task.join_object.sequence;
  }
  if (!exception.empty() && task.is_recording) {
    end.marks = kHasValue | kValueIsText;
    end.value = record_text(task, exception);
  }
  // Recorded before anyone can see the end, so that a trace that is closed then has it.
  record(task, end, task.last_site.line != 0 ? task.last_site : task.started_at);
  if (task.recording != nullptr) task.recording->retire(task);
}

void Runtime::release(TaskControl& task) {
  if (task.references.fetch_sub(1) != 1) return;
  const ScopedLock lock(mutex_);
  task.recording.reset();
  stop_recording(task);
  task.hooks.store(0);
  task.swallowed_cancels = 0;
  task.is_abandoned = false;
  task.is_body = false;
  task.last_site = {};
  task.started_at = {};
  task.permit.store(0);
  task.held_end = 0;
  free_.push_back(&task);
}

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
  if (task.is_recording)
    one.operation_index = task.records_before_chunk + task.chunk->count.load() - task.other_records;
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

ControlledExecutor& Runtime::controlled() {
  const ScopedLock lock(mutex_);
  if (controlled_ == nullptr) controlled_ = std::make_unique<ControlledExecutor>();
  return *controlled_;
}

void Runtime::begin_next_execution() {
  TaskControl& body = *current_task_or_null;
  if (!has_nothing_to_tell()) {
    const ScopedLock lock(mutex_);
    record_ = ExecutionRecord{};
    orphans_.clear();
    has_something_to_tell_.store(false, std::memory_order_relaxed);
  }
  body_ended_.store(false, std::memory_order_relaxed);
  is_unwinding_body_.store(false, std::memory_order_relaxed);
  const std::uint32_t epoch = current_epoch.fetch_add(1) + 1;
  body.epoch.store(epoch, std::memory_order_relaxed);
  body.id.store(TaskId{1}, std::memory_order_relaxed);
  body.join_object.epoch = epoch;
  body.join_object.sequence = 0;
  body.swallowed_cancels = 0;
}

void Runtime::begin_execution(TaskControl* body, std::shared_ptr<Recording> recording,
                              std::function<void()> on_quiescence) {
  {
    const ScopedLock lock(mutex_);
    record_ = ExecutionRecord{};
    has_something_to_tell_.store(!orphans_.empty());
    last_task_id_ = 0;
    objects_made_.store(0);
    body_ = body;
    body_ended_.store(false);
    recording_ = std::move(recording);
    quiescence_handler_ = std::move(on_quiescence);
    has_reported_ = false;
    is_in_execution_ = true;
    if (body != nullptr) body->swallowed_cancels = 0;
    current_epoch.fetch_add(1);
  }
  if (body != nullptr) refresh(*body);
}

std::shared_ptr<Recording> Runtime::end_execution() {
  executor_.disarm(*recheck_);
  has_recheck_.store(false);
  std::shared_ptr<Recording> recording;
  const ScopedLock lock(mutex_);
  recording = std::move(recording_);
  recording_ = nullptr;
  body_ = nullptr;
  quiescence_handler_ = nullptr;
  is_in_execution_ = false;
  last_task_id_ = 0;
  objects_made_.store(0);
  record_ = ExecutionRecord{};
  current_epoch.fetch_add(1);
  return recording;
}

std::shared_ptr<Recording> Runtime::recording() {
  const ScopedLock lock(mutex_);
  return recording_;
}

bool Runtime::is_in_execution() {
  const ScopedLock lock(mutex_);
  return is_in_execution_;
}

TaskControl* Runtime::body() {
  const ScopedLock lock(mutex_);
  return body_;
}

bool Runtime::is_of_execution(const TaskControl& task) const {
  return !task.is_host && !task.is_body && !task.is_abandoned &&
         task.born_epoch == current_epoch.load();
}

std::vector<TaskControl*> Runtime::hold_alive_tasks() {
  const ScopedLock lock(mutex_);
  std::vector<TaskControl*> tasks;
  for (TaskControl* const task : alive_) {
    if (!is_of_execution(*task)) continue;
    // Its thread still has a reference: it leaves `alive_` before it gives that back.
    task->references.fetch_add(1);
    tasks.push_back(task);
  }
  return tasks;
}

bool Runtime::has_tasks_alive() const {
  for (const TaskControl* const task : alive_)
    if (is_of_execution(*task)) return true;
  return false;
}

bool Runtime::has_alive_tasks() {
  const ScopedLock lock(mutex_);
  return has_tasks_alive();
}

std::vector<TaskControl*> Runtime::all_tasks() {
  const ScopedLock lock(mutex_);
  return alive_;
}

void Runtime::on_quiescence() {
  if (has_recheck_.load()) return;
  // Where nothing is left to wait for, no thread could change the verdict.
  const bool is_all_over = body_ended() && !has_alive_tasks();
  if (is_all_over || count_foreign_threads() == 0) return declare_quiescence();
  {
    const ScopedLock lock(mutex_);
    if (quiescence_handler_ == nullptr || has_reported_) return;
  }
  const std::vector<Finding> findings = analyze(end_state());
  if (std::any_of(findings.begin(), findings.end(), is_certain_wait)) return declare_quiescence();
  if (has_recheck_.exchange(true)) return;
  wakeups_at_recheck_.store(executor_.wakeups());
  executor_.arm(recheck_, executor_.now() + foreign_patience_ns_.load());
}

Instant Runtime::recheck_quiescence() {
  const std::uint64_t wakeups = executor_.wakeups();
  // A quiescence that begins from here on arms a recheck of its own.
  has_recheck_.store(false);
  if (!executor_.is_quiescent_but_for_caller()) return kNever;
  if (wakeups_at_recheck_.exchange(wakeups) == wakeups) {
    declare_quiescence();
    return kNever;
  }
  if (has_recheck_.exchange(true)) return kNever;
  return executor_.now() + foreign_patience_ns_.load();
}

void Runtime::declare_quiescence() {
  // The body of a test learns of it in its own thread, where it waits.
  TaskControl* const waiting_body = body();
  if (waiting_body != nullptr) {
    bool is_claimed = false;
    {
      const ScopedLock lock(waiting_body->park_lock);
      is_claimed =
          waiting_body->parked != nullptr && waiting_body->parked->try_claim(Claim::kQuiescent);
    }
    if (is_claimed) executor_.unpark(*waiting_body);
    return;
  }
  std::function<void()> handler;
  {
    const ScopedLock lock(mutex_);
    if (has_reported_) return;
    handler = quiescence_handler_;
    has_reported_ = handler != nullptr;
  }
  if (handler) handler();
}

void Runtime::wake_body_if_stuck() {
  TaskControl* const waiting_body = body();
  // Under control that is known at once.
  if (waiting_body == nullptr || body_ended() || is_controlled()) return;
  // Tasks are looked at one after another. Whoever was woken meanwhile may have been seen before
  // and another one after it, each waiting for the other, which never was.
  const std::uint64_t wakeups = executor_.wakeups();
  ParkedOperation* operation;
  {
    const ScopedLock lock(waiting_body->park_lock);
    operation = waiting_body->parked;
  }
  if (operation == nullptr) return;
  const std::vector<Finding> findings = analyze(end_state());
  const TaskId id = waiting_body->id;
  const bool is_stuck = std::any_of(findings.begin(), findings.end(), [&](const Finding& finding) {
    const auto has_body = [&](const std::vector<Participant>& tasks) {
      return std::any_of(tasks.begin(), tasks.end(),
                         [&](const Participant& who) { return who.task == id; });
    };
    return is_certain_wait(finding) && (has_body(finding.participants) || has_body(finding.behind));
  });
  if (!is_stuck) return;
  {
    const ScopedLock lock(waiting_body->park_lock);
    if (executor_.wakeups() != wakeups || waiting_body->parked != operation ||
        !operation->try_claim(Claim::kQuiescent))
      return;
  }
  executor_.unpark(*waiting_body);
}

void Runtime::handle_quiescence(TaskControl&) {
  std::function<void()> handler;
  {
    const ScopedLock lock(mutex_);
    handler = quiescence_handler_;
  }
  if (handler) handler();
}

void Runtime::abandon(TaskControl& self) {
  {
    const ScopedLock lock(mutex_);
    self.is_abandoned = true;
  }
  count_abandoned();
  wake_joiners(self);
  executor_.remove_running();
  for (;;) pause();
}

TaskControl& refresh_current_task() {
  if (current_task_or_null == nullptr) return Runtime::instance().attach_host_thread();
  Runtime::instance().refresh(*current_task_or_null);
  return *current_task_or_null;
}

void note_exception(TaskControl& body) {
  body.status = TaskStatus::kEndedByException;
  body.exception = describe_current_exception();
  try {
    throw;
  } catch (const MisuseError& error) {
    Runtime::instance().mark_escaped(body.id, error.what());
  } catch (...) {
  }
}

TaskStatus run_task_body(TaskControl& task, std::string& exception) {
  std::uint32_t sequence;
  {
    const ScopedLock lock(task.join_object.latch);
    sequence = ++task.join_object.sequence;
  }
  record(task,
         {.operation = Operation::kTaskBegin, .object = to_number(task.id), .sequence = sequence},
         task.started_at);
  if ((task.hooks.load() & kHookCancel) != 0) return TaskStatus::kCancelled;
  try {
    task.body.run();
    return TaskStatus::kEnded;
  } catch (const Cancelled&) {
    return TaskStatus::kCancelled;
  } catch (const abi::__forced_unwind&) {
    throw;
  } catch (const MisuseError& error) {
    exception = describe_current_exception();
    Runtime::instance().mark_escaped(task.id, error.what());
  } catch (...) {
    exception = describe_current_exception();
  }
  return TaskStatus::kEndedByException;
}

void run_task(TaskControl& task) {
  Runtime& runtime = Runtime::instance();
  runtime.begin_task(task);
  TaskStatus status = TaskStatus::kEnded;
  std::string exception;
  const auto end = [&] {
    runtime.end_task(task, status, std::move(exception));
    current_task_or_null = nullptr;
    runtime.threads().remove_running();
    runtime.release(task);
  };
  try {
    status = run_task_body(task, exception);
  } catch (const abi::__forced_unwind&) {
    // The thread is being cancelled by the program itself, and must go on unwinding.
    end();
    throw;
  }
  if (status == TaskStatus::kEndedByException && runtime.body() == nullptr)
    std::fprintf(stderr, "chantrace: %s ended by an exception: %s\n", shown(label_of(task)).c_str(),
                 shown(exception).c_str());
  end();
}

}  // namespace chantrace::detail
