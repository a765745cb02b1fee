#include "runtime.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "channel_list.h"
#include "chantrace/detail/printable.h"
#include "chantrace/task.h"
#include "drain.h"
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

}  // namespace

Runtime& Runtime::instance() {
  // Never destroyed: tasks may still run while static objects are.
  static Runtime& runtime = *new Runtime;
  return runtime;
}

Runtime::Runtime() : executor_(*this), recheck_(make_recheck()) {
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
  is_controlled_.store(false);
  executor_.set_running(self != nullptr ? 1 : 0);
  note_known_thread();
  // Another thread may have had the drain's lock.
  served_epoch.store(0);
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
  {
    // Somebody may be joining it.
    const ScopedLock lock(task.join_object.latch);
    task.join_object.epoch = task.epoch;
    task.join_object.sequence = 0;
  }
  task.is_body = &task == body_;
  task.is_refused = false;
  if (is_controlled() && !task.is_body && !task.is_service)
    task.hooks.fetch_or(kHookStranger);
  else
    task.hooks.fetch_and(static_cast<std::uint8_t>(~kHookStranger));
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

TaskControl& Runtime::make_task(TaskControl& parent, std::string_view label, TaskBody&& body,
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

void Runtime::release(TaskControl& task) {
  if (task.references.fetch_sub(1) != 1) return;
  if (task.epoch.load() == served_epoch.load() && task.recording != nullptr &&
      task.recording->drain() != nullptr)
    task.recording->drain()->forget({.is_task = true,
                                     .id = to_number(task.id.load()),
                                     .last_sequence = task.join_object.sequence});
  const ScopedLock lock(mutex_);
  task.recording.reset();
  stop_recording(task);
  task.hooks.store(0);
  task.swallowed_cancels = 0;
  task.inert_operations = 0;
  task.is_abandoned = false;
  task.is_body = false;
  task.last_site = {};
  task.started_at = {};
  task.permit.store(0);
  task.held_end = 0;
  free_.push_back(&task);
}

ControlledExecutor& Runtime::controlled() {
  const ScopedLock lock(mutex_);
  if (controlled_ == nullptr) controlled_ = std::make_unique<ControlledExecutor>();
  return *controlled_;
}

std::uint32_t Runtime::begin_epoch() {
  const std::uint32_t epoch = ++last_epoch_;
  current_epoch.store(epoch);
  return epoch;
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
  const std::uint32_t epoch = begin_epoch();
  body.epoch.store(epoch, std::memory_order_relaxed);
  body.id.store(TaskId{1}, std::memory_order_relaxed);
  body.join_object.epoch = epoch;
  body.join_object.sequence = 0;
  body.swallowed_cancels = 0;
  body.inert_operations = 0;
}

void Runtime::begin_execution(TaskControl* body, std::shared_ptr<Recording> recording,
                              std::function<void()> on_quiescence, bool is_controlled) {
  {
    const ScopedLock lock(mutex_);
    is_controlled_.store(is_controlled);
    are_strangers_awaited_.store(false);
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
    if (body != nullptr) body->swallowed_cancels = body->inert_operations = 0;
    begin_epoch();
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
  is_controlled_.store(false);
  last_task_id_ = 0;
  objects_made_.store(0);
  record_ = ExecutionRecord{};
  begin_epoch();
  return recording;
}

std::unique_ptr<Runtime::Suspended> Runtime::suspend_execution() {
  TaskControl& self = current_task();
  if (!is_in_execution()) return nullptr;
  const bool has_nested_locks = self.has_nested_locks;
  if (self.recording != nullptr) self.recording->retire(self);
  const ScopedLock lock(mutex_);
  return std::unique_ptr<Suspended>(
      new Suspended{.epoch = current_epoch.load(),
                    .record = std::exchange(record_, {}),
                    .orphans = std::exchange(orphans_, {}),
                    .has_something_to_tell = has_something_to_tell_.load(),
                    .last_task_id = last_task_id_,
                    .objects_made = objects_made_.load(),
                    .body = body_,
                    .body_ended = body_ended_.load(),
                    .is_unwinding_body = is_unwinding_body_.load(),
                    .recording = std::exchange(recording_, nullptr),
                    .quiescence_handler = std::exchange(quiescence_handler_, nullptr),
                    .has_reported = has_reported_,
                    .id = self.id.load(),
                    .recording_of_task = std::exchange(self.recording, nullptr),
                    .records_before_chunk = self.records_before_chunk,
                    .other_records = self.other_records,
                    .join_sequence = self.join_object.sequence,
                    .has_nested_locks = has_nested_locks});
}

void Runtime::resume_execution(std::unique_ptr<Suspended> suspended) {
  Suspended& execution = *suspended;
  TaskControl& self = *current_task_or_null;
  const ScopedLock lock(mutex_);
  record_ = std::move(execution.record);
  orphans_ = std::move(execution.orphans);
  has_something_to_tell_.store(execution.has_something_to_tell);
  last_task_id_ = execution.last_task_id;
  objects_made_.store(execution.objects_made);
  body_ = execution.body;
  body_ended_.store(execution.body_ended);
  is_unwinding_body_.store(execution.is_unwinding_body);
  recording_ = std::move(execution.recording);
  quiescence_handler_ = std::move(execution.quiescence_handler);
  has_reported_ = execution.has_reported;
  is_in_execution_ = true;
  self.id = execution.id;
  self.epoch = execution.epoch;
  self.is_body = &self == body_;
  self.recording = std::move(execution.recording_of_task);
  self.sites = SiteCache{};
  if (self.recording != nullptr) start_recording(self);
  self.records_before_chunk = execution.records_before_chunk;
  self.other_records = execution.other_records;
  self.has_nested_locks = execution.has_nested_locks;
  {
    const ScopedLock join_lock(self.join_object.latch);
    self.join_object.epoch = execution.epoch;
    self.join_object.sequence = execution.join_sequence;
  }
  // The tasks of this execution are in it already.
  current_epoch.store(execution.epoch);
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

}  // namespace chantrace::detail
