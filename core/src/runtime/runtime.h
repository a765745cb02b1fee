/// \file
/// All tasks of the process, and the execution that they are part of.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "chantrace/detail/execution.h"
#include "chantrace/detail/os_mutex.h"
#include "chantrace/detail/wait.h"
#include "chantrace/end_state.h"
#include "controlled_executor.h"
#include "threads_executor.h"

namespace chantrace::detail {

/// What an execution has seen so far, beyond the tasks that live.
struct ExecutionRecord {
  std::vector<TaskState> ended;  ///< Tasks that have ended, up to `kEndedTasksMax`.
  std::vector<Misuse> misuses;
  /// Objects that died with waiters or while they were held, and the names of those misused.
  std::unordered_map<std::uint32_t, ObjectState> objects;
  std::optional<ForeignUse> foreign_use;
  bool is_foreign_use_told = false;
};

/// How many ended tasks are remembered by name.
inline constexpr std::size_t kEndedTasksMax = 100'000;
/// How many misuses are kept.
inline constexpr std::size_t kMisusesMax = 10'000;
/// How often a task may swallow its cancellation before it is abandoned.
inline constexpr std::uint32_t kSwallowedCancelsMax = 16;
/// So many operations that do nothing may a task make while it is unwound: one that makes more
/// waits in a loop, for what will not come.
inline constexpr std::uint32_t kInertOperationsMax = 1'000'000;

/// Looks again at a quiescence after a while.
std::shared_ptr<TimerNode> make_recheck();

/// The process's only runtime. It lives as long as the process.
///
/// Lock order: `mutex_`, then an object's latch, then the `park_lock` of a task. Whoever holds a
/// `park_lock` only tries to take a latch.
///
/// Threads: any thread.
class Runtime final : public QuiescenceListener {
 public:
  static Runtime& instance();

  ThreadsExecutor& threads() { return executor_; }
  /// Made when it is first asked for.
  ControlledExecutor& controlled();
  /// Requires: it was made.
  ControlledExecutor& controlled_now() { return *controlled_; }
  /// The execution runs under control, on the thread of its body.
  bool is_controlled() const { return is_controlled_.load(std::memory_order_relaxed); }

  // Tasks.
  TaskControl& attach_host_thread();
  void detach_host_thread(TaskControl& task);
  /// A control for a new task, with one reference for its thread and one for its handle.
  TaskControl& make_task(TaskControl& parent, std::string_view label, TaskBody&& body,
                         const Location& site);
  /// The calling thread becomes a task of the library's own.
  TaskControl& make_service_task(std::string_view label, bool is_recorded);
  void begin_task(TaskControl& task);
  void end_task(TaskControl& task, TaskStatus status, std::string exception);
  void release(TaskControl& task);
  /// Brings a task into the current execution and recording.
  void refresh(TaskControl& task);
  ObjectId next_object_id() { return ObjectId{objects_made_.fetch_add(1) + 1}; }

  // Findings.
  void add_misuse(Misuse misuse);
  /// The last misuse of `task` whose place stands in `text` has left the task.
  void mark_escaped(TaskId task, const std::string& text);
  void remember_destroyed(ObjectState state);
  void remember_name(const Object& object);
  /// It was unlocked, or is being destroyed.
  void remove_orphan(Object& object);
  EndState end_state();
  std::map<TaskId, std::chrono::nanoseconds> waiting_times();

  // Threads that are strangers to an execution under control.
  /// `self` is one. False: it goes on as ever, since what it uses is no business of the execution.
  /// True: its operation does nothing, nor does any other one before there is another execution.
  /// The execution has been told, and has had the time to come to its end.
  bool refuse_foreign(TaskControl& self, Operation operation, const Object* object,
                      const Location& site);
  /// The same for one that waits for the end of `task`.
  bool refuse_foreign_join(TaskControl& self, const TaskControl& task, const Location& site);
  void note_foreign_use(const ForeignUse& use);
  /// Nothing can go on: lets a stranger come that could be about to. Once for all executions since
  /// `begin_execution`.
  void await_strangers();

  // The execution.
  /// An execution without recording, like the last one: the fast way from one to the next.
  void begin_next_execution();
  /// Nothing was misused, and no lock outlived its holder.
  bool has_nothing_to_tell() const {
    return !has_something_to_tell_.load(std::memory_order_relaxed);
  }
  /// The task stays locked for ever: for whoever asks for the state at the end.
  void add_orphans(TaskControl& task);
  void begin_execution(TaskControl* body, std::shared_ptr<Recording> recording,
                       std::function<void()> on_quiescence, bool is_controlled);
  /// The recording that was current.
  std::shared_ptr<Recording> end_execution();
  std::shared_ptr<Recording> recording();
  /// Between `begin_execution` and `end_execution`.
  bool is_in_execution();
  /// What there is of an execution on threads while another one goes on inside it.
  struct Suspended {
    // Of the execution.
    std::uint32_t epoch;
    ExecutionRecord record;
    std::vector<Object*> orphans;
    bool has_something_to_tell;
    std::uint32_t last_task_id;
    std::uint32_t objects_made;
    TaskControl* body;
    bool body_ended;
    bool is_unwinding_body;
    std::shared_ptr<Recording> recording;
    std::function<void()> quiescence_handler;
    bool has_reported;
    // Of the task.
    TaskId id;
    std::shared_ptr<Recording> recording_of_task;
    std::uint64_t records_before_chunk;
    std::uint64_t other_records;
    std::uint32_t join_sequence;
    bool has_nested_locks;
  };
  /// Puts aside the execution that the caller's task is in; nullptr: it is in none.
  std::unique_ptr<Suspended> suspend_execution();
  /// It goes on where it was. Requires: the caller is the one that put it aside.
  void resume_execution(std::unique_ptr<Suspended> suspended);
  /// Called in the body's own thread, in the operation in which it waits.
  void handle_quiescence(TaskControl& body);
  void on_quiescence() override;
  /// The verdict that all is quiet, for ever.
  void declare_quiescence();
  /// The same for the body alone, where it waits for what cannot come while other tasks go on. To
  /// be asked now and then; any thread.
  void wake_body_if_stuck();
  /// Threads unknown to the library could have changed the state since it was quiet. Asked again
  /// and again; returns the next moment, or kNever.
  Instant recheck_quiescence();
  void set_foreign_patience(std::chrono::nanoseconds patience) {
    foreign_patience_ns_.store(patience.count());
  }
  /// Tasks of this execution, other than the body and host threads, that have not ended. Each has
  /// one more reference, for the caller to release.
  std::vector<TaskControl*> hold_alive_tasks();
  bool has_alive_tasks();
  /// The body is about to park in `operation`, which the end of the last of those tasks completes.
  /// False: there is none. Call `end_settling` when it goes on.
  bool begin_settling(ParkedOperation& operation);
  void end_settling();
  std::vector<TaskControl*> all_tasks();
  TaskControl* body();
  void set_body_ended(bool has_ended) { body_ended_.store(has_ended); }
  bool body_ended() const { return body_ended_.load(); }
  /// What ends the body has been thrown in it, and nobody has told since that it got through.
  bool is_unwinding_body() const { return is_unwinding_body_.load(); }
  void set_unwinding_body(bool is_unwinding) { is_unwinding_body_.store(is_unwinding); }
  /// What is told of the execution once it is over, and is said if its body cannot be unwound to
  /// there; nullptr: it was told already.
  void set_untold(const std::vector<Finding>* findings) { untold_ = findings; }
  const std::vector<Finding>* untold() const { return untold_; }
  /// The task cannot be unwound; its thread sleeps for ever.
  [[noreturn]] void abandon(TaskControl& self);
  void count_abandoned() { abandoned_.fetch_add(1); }
  std::uint64_t abandoned() const { return abandoned_.load(); }

 private:
  /// A stranger stands still, until the execution is over for it.
  void hold_up(TaskControl& self, ForeignUse use, std::uint32_t epoch);
  Runtime();
  TaskControl& take_control() CHANTRACE_REQUIRES(mutex_);
  /// It was started in this execution, and can be unwound at its end.
  bool is_of_execution(const TaskControl& task) const CHANTRACE_REQUIRES(mutex_);
  bool has_tasks_alive() const CHANTRACE_REQUIRES(mutex_);
  bool has_strangers();
  void enter(TaskControl& task) CHANTRACE_REQUIRES(mutex_);
  /// Of an execution, or of the time between two. Never the same as an earlier one.
  std::uint32_t begin_epoch();
  /// False: its latch is taken; try again.
  bool describe_object(Object& object, std::unordered_map<std::uint32_t, ObjectState>& objects)
      CHANTRACE_REQUIRES(mutex_);
  /// Tells what the task waits for and holds. False: an object was busy; ask again.
  bool describe_parked(TaskControl& task, TaskState& one,
                       std::unordered_map<std::uint32_t, ObjectState>& objects)
      CHANTRACE_REQUIRES(mutex_);
  void describe_tasks(EndState& state, std::unordered_map<std::uint32_t, ObjectState>& objects)
      CHANTRACE_REQUIRES(mutex_);
  void describe_task(TaskControl& task, EndState& state,
                     std::unordered_map<std::uint32_t, ObjectState>& objects)
      CHANTRACE_REQUIRES(mutex_);
  void before_fork() CHANTRACE_ACQUIRE(mutex_);
  void after_fork_in_parent() CHANTRACE_RELEASE(mutex_);
  void after_fork_in_child() CHANTRACE_RELEASE(mutex_);

  ThreadsExecutor executor_;
  OsMutex mutex_;
  std::vector<std::unique_ptr<TaskControl>> controls_ CHANTRACE_GUARDED_BY(mutex_);
  std::vector<TaskControl*> free_ CHANTRACE_GUARDED_BY(mutex_);
  std::vector<TaskControl*> alive_ CHANTRACE_GUARDED_BY(mutex_);  ///< In the order of their start.
  std::uint64_t tasks_made_ CHANTRACE_GUARDED_BY(mutex_) = 0;
  std::uint32_t last_task_id_ CHANTRACE_GUARDED_BY(mutex_) = 0;
  ExecutionRecord record_ CHANTRACE_GUARDED_BY(mutex_);
  /// Locks whose holder has ended.
  std::vector<Object*> orphans_ CHANTRACE_GUARDED_BY(mutex_);
  std::shared_ptr<Recording> recording_ CHANTRACE_GUARDED_BY(mutex_);
  /// In a child process. Kept alive, unused: to end them would touch the parent's files, and their
  /// locks may be held by threads that are not in this process.
  std::vector<std::shared_ptr<Recording>> recordings_of_parent_ CHANTRACE_GUARDED_BY(mutex_);
  TaskControl* body_ CHANTRACE_GUARDED_BY(mutex_) = nullptr;
  ParkedOperation* settling_ CHANTRACE_GUARDED_BY(mutex_) = nullptr;
  std::function<void()> quiescence_handler_ CHANTRACE_GUARDED_BY(mutex_);
  bool is_in_execution_ CHANTRACE_GUARDED_BY(mutex_) = false;
  bool has_reported_ CHANTRACE_GUARDED_BY(mutex_) = false;
  std::atomic<Instant> foreign_patience_ns_ = 1'000'000'000;
  const std::shared_ptr<TimerNode> recheck_;
  std::atomic<bool> has_recheck_ = false;  ///< It is armed.
  std::atomic<std::uint64_t> wakeups_at_recheck_ = 0;
  /// Of the executor's only user. Asks nothing of the order of other memory.
  std::atomic<bool> has_something_to_tell_ = false;
  std::unique_ptr<ControlledExecutor> controlled_;
  std::atomic<bool> is_controlled_ = false;
  std::atomic<bool> are_strangers_awaited_ = false;
  std::atomic<std::uint32_t> last_epoch_ = 1;
  std::atomic<std::uint32_t> objects_made_ = 0;
  std::atomic<bool> body_ended_ = false;
  std::atomic<bool> is_unwinding_body_ = false;
  const std::vector<Finding>* untold_ = nullptr;
  std::atomic<std::uint64_t> abandoned_ = 0;
};

/// What throws when a body is thrown out of an operation; nullptr: `Cancelled` is thrown.
/// Returns: what did before.
std::function<void()> exchange_body_thrower(std::function<void()> thrower);

/// The way into an operation of a task that has hooks which are not for the controlled executor: it
/// is being unwound, or a stranger. True: the operation may happen, in its turn if the task is
/// under control.
bool enter_beside_control(TaskControl& self, Operation operation, Object* object,
                          const Location& site);

/// The calling task looks at what others change in `object`, without an operation.
///
/// Throws: `Cancelled`.
void note_look(Object& object);
/// The same where it looks whether a task has ended.
void note_look_at_end();
/// The same where it looks at the clock.
void note_look_at_clock();
/// The same where it reckons a deadline from the present.
void note_deadline();

/// What a task's thread runs.
void run_task(TaskControl& task);

/// Records that `task` begins, runs its body, and says how that ended.
TaskStatus run_task_body(TaskControl& task, std::string& exception);
/// The last that is recorded of a task. What its body held is destroyed, and its locks are
/// nobody's.
void record_end(TaskControl& task, TaskStatus status, const std::string& exception);
/// The task has ended, for all who join it.
void wake_joiners(TaskControl& task);

/// Its table of held locks is empty. Only the task itself fills a slot, so that stays so once it
/// has ended.
inline bool holds_nothing(const TaskControl& task) {
  for (std::uint32_t slot = 0; slot < task.held_end; ++slot)
    if (task.held[slot].load(std::memory_order_relaxed) != nullptr) return false;
  return true;
}

/// The body of an execution is left by the exception that is being handled.
void note_exception(TaskControl& body);

/// The task's name, as it was given or else "task 3".
std::string label_of(const TaskControl& task);

/// Notes a misuse and throws.
template <typename Error>
[[noreturn]] void throw_misuse(TaskControl& self, Misuse::Kind kind, const Object* object,
                               const Location& site, const std::string& text) {
  Runtime& runtime = Runtime::instance();
  if (object != nullptr) runtime.remember_name(*object);
  runtime.add_misuse({kind,
                      self.id,
                      object != nullptr ? object->id : ObjectId{},
                      {site.file, site.function, site.line},
                      false});
  throw Error(text);
}

/// "\"jobs\"" or "channel 3", and the place behind it.
std::string describe_object(const Object* object, const Location& site);

void describe_identity(const Object& object, ObjectState& state);
TaskState describe_identity(const TaskControl& task);

/// The id of `task` in the execution `epoch`; none where the task has not done anything in it yet.
///
/// Threads: any thread.
inline TaskId id_in_epoch(const TaskControl* task, std::uint32_t epoch) {
  return task != nullptr && task->epoch == epoch ? task->id.load() : TaskId{};
}

}  // namespace chantrace::detail
