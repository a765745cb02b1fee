/// \file
/// Tasks as fibers on one OS thread, one at a time; a strategy decides which one is next.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "chantrace/detail/control_options.h"
#include "chantrace/detail/executor.h"
#include "chantrace/detail/task_control.h"
#include "chantrace/finding.h"
#include "chantrace/schedule.h"
#include "fiber.h"
#include "object_families.h"
#include "reads_from.h"
#include "strategy.h"
#include "virtual_timers.h"
#include "visit_log.h"

namespace chantrace::detail {

class EventLog;
class Recording;

/// Tasks of one execution.
inline constexpr std::size_t kControlledTasksMax = 100'000;

/// Where looks are made.
inline constexpr Location kNowhere{};

/// Any odd number with well spread bits; this is 2^64 divided by the golden ratio.
inline constexpr std::uint64_t kSpread = 0x9e3779b97f4a7c15ull;

/// Why an execution was ended before its tasks were.
enum class Cut : std::uint8_t {
  kNone,
  kStepLimit,
  kLivelock,  ///< Tasks yielded to each other, and nothing changed.
};

/// An execution is: `begin`, the body itself in the calling thread, `settle`, `unwind`, `end`.
///
/// Tasks are in one of these states: runnable, and about to make an operation; woken or new, and to
/// run up to an operation that is a choice before anything is decided; parked; standing at a closed
/// gate; yielded; ended. One of the runnable ones is running.
///
/// Invariants: the place that a task says it has among the runnable is where it is; a decision is
/// made only while no task is woken, so that what each is about to do is known; an operation looks
/// at shared state only between its own step and the next. Nothing is allocated in a step, nor from
/// one execution to the next, once there was one as large.
///
/// Threads: the one that called `begin`, and its fibers.
class ControlledExecutor final : public Executor {
 public:
  ControlledExecutor();

  // For whoever runs an execution.

  /// The calling task becomes the body of an execution. Requires: its epoch and id are set.
  void begin(TaskControl& root, Strategy& strategy, const ControlOptions& options,
             std::shared_ptr<Recording> recording);
  /// The body has ended: all others go on until none can.
  void settle();
  /// Unwinds all tasks but the body, the youngest first.
  void unwind();
  void end();

  bool is_active() const { return root_ != nullptr; }
  /// By number less one; the body is the first.
  std::span<TaskControl* const> tasks() const { return tasks_; }
  /// All tasks ended by themselves.
  bool all_ended_well() const { return alive_ == 0 && !has_exception_ && cut_ == Cut::kNone; }
  Cut cut() const { return cut_; }
  /// What there is to say of a cut.
  std::optional<Finding> cut_finding() const;
  /// Tasks that stood before a lock when nothing could go on any more, and what they had not made.
  struct Standing {
    Runnable what;
    Location site;
  };
  std::span<const Standing> standing() const { return standing_; }
  std::uint64_t abandoned() const { return abandoned_; }
  std::uint64_t steps() const { return steps_; }
  /// Steps at which there was a choice among several tasks.
  std::uint64_t decisions() const { return decisions_; }
  std::span<const std::uint32_t> choices() const { return choices_; }
  /// The same for executions that differ only in the order of operations whose order cannot matter.
  std::uint64_t trace_hash() const { return trace_hash_; }
  /// The schedule so far.
  Schedule schedule();
  ObjectFamilies& families() { return families_; }
  /// Of each task.
  std::size_t stack_bytes() const { return options_.stack_bytes; }
  /// Some task has held two locks at once.
  bool has_nested_locks() const;
  /// Where it is noted what tasks do; nullptr: nowhere.
  const EventLog* log() const { return options_.log; }

  // For operations.
  TaskControl& make_task(TaskControl& parent, std::string_view label, TaskBody&& body,
                         const Location& site) override;
  bool start(TaskControl& task) override;
  /// A gate at which tasks stand was closed or opened.
  void gate_changed(LockGate& gate);
  /// A gate that is pending is about to be destroyed.
  void forget_pending(LockGate& gate);
  /// The operation `operation` on `object` (nullptr: none) is about to look at shared state: a
  /// scheduling point.
  ///
  /// Returns: false when the execution has ended meanwhile, and the operation must do nothing.
  bool pass_point(TaskControl& self, Operation operation, Object* object, const Location& site);
  /// The same for one that is about no object and is mostly no step.
  bool pass_by(TaskControl& self, Operation operation, const Location& site);
  /// The same for a task that is about to take a lock, however long that takes: it returns when the
  /// gate is open. Sets `TaskControl::has_announced_lock` where it had to wait.
  bool pass_gate(TaskControl& self, Object& object, LockGate& gate, const Location& site);
  /// The same for an unlock, which is seldom a step: that it came is seen by whoever takes the lock
  /// next, and its order follows from the order of locks.
  bool pass_unlock(TaskControl& self, Operation operation, Object& object, const Location& site);
  /// The task looks at what others change in `object`, which is no operation and still a scheduling
  /// point. Returns: as `pass_point`.
  bool look(TaskControl& self, Object& object);
  /// The same where it looks whether another task has ended.
  bool look_at_end(TaskControl& self);
  /// The same where it looks at the clock. Time passes for one that does nothing else.
  bool look_at_clock(TaskControl& self);
  /// The same where it reckons a deadline from the present: how much time passed before is seen
  /// when that comes.
  bool set_deadline(TaskControl& self);
  void park(TaskControl& self, ParkedOperation& operation, Instant deadline) override;
  /// The same in the caller's frame.
  void park_here(TaskControl& self, ParkedOperation& operation, Instant deadline);
  void unpark(TaskControl& task) override;
  /// The same in the caller's frame.
  void unpark_here(TaskControl& task);
  bool yield(TaskControl& self) override;
  std::uint32_t choose(TaskControl& self, std::uint32_t count) override;
  std::uint32_t choose_case(TaskControl& self, std::span<const std::uint16_t> cases) override;
  /// Deadlines are reckoned from it: that the task ran before time passed is seen.
  Instant now() override {
    const WithoutRaces scope;
    visits_.set_seen();
    return now_;
  }
  void arm(std::shared_ptr<TimerNode> timer, Instant due) override;
  bool disarm(TimerNode& timer) override;
  [[noreturn]] void abandon(TaskControl& self) override;
  /// An object is met for the first time in this execution.
  void meet_first(Object& object);
  /// Somebody looks whether others wait at the object, or would not wait for ever.
  void note_polled(Object& object);
  /// A select looks at the channel, and perhaps uses it.
  void note_select(TaskControl& self, Object& channel);

 private:
  /// First in, first out, linked by `TaskControl::next_in_line`.
  class Line {
   public:
    bool empty() const { return first_ == nullptr; }
    void push(TaskControl& task) {
      task.next_in_line = nullptr;
      (first_ != nullptr ? last_->next_in_line : first_) = &task;
      last_ = &task;
    }
    TaskControl& pop() {
      TaskControl& task = *first_;
      first_ = task.next_in_line;
      return task;
    }
    void clear() { first_ = nullptr; }

   private:
    TaskControl* first_ = nullptr;
    TaskControl* last_ = nullptr;
  };

  void add_control();
  static void run_fiber(boost::context::detail::transfer_t from);
  void run_tasks();
  /// It has ended. Returns: who goes on, perhaps on its stack.
  TaskControl& finish(TaskControl& task, TaskStatus status);

  // Who can go on.
  void add_runnable(TaskControl& task);
  void remove_runnable(TaskControl& task);
  void remove_runnable_at(std::size_t place);
  void update_clock();
  TaskControl& task_of(const Runnable& runnable) { return *tasks_[runnable.task - 1]; }

  // Steps.
  void stop_where_asked(TaskControl& self);
  void announce(TaskControl& self, Operation operation, Object* object, std::size_t side,
                const Location& site);
  /// Notes who uses that side of the object. True: no other task could tell when it is used.
  bool is_private(const TaskControl& self, Object& object, std::size_t side, bool is_write);
  /// Whether another task may go on instead.
  bool is_choice(TaskControl& self, Object* object, std::size_t side, bool is_write);
  /// Who goes on instead of `self`, which has said what it is about to do; nullptr: it does itself.
  TaskControl* next_instead(TaskControl& self);
  /// Returns when `self` is next. False: the execution is at its end.
  bool take_turn(TaskControl& self);
  /// `self` cannot go on now. Returns when it can.
  void wait(TaskControl& self);
  TaskControl& next_task();
  std::size_t pick();
  void go_on_with(TaskControl& self, TaskControl& next);
  /// Its operation is made now.
  bool grant(TaskControl& self, Operation operation, Object* object, std::size_t side,
             bool is_write);
  TaskControl& cut_now();
  bool cut_here(TaskControl& self);
  /// Others may see something else from here on.
  void note_change();
  void note_pair(const TaskControl& self, Object& object, std::size_t side, bool is_write);
  void count_step();
  /// It runs from here on.
  void turn_to(std::uint32_t task);
  std::uint32_t note_choice(std::uint32_t chosen);
  void wake(TaskControl& task);
  /// It goes on once something has changed, or all others wait or have given way as well. Returns:
  /// as `pass_point`.
  bool give_way(TaskControl& self);
  void wake_yielded();
  bool is_spinning(TaskControl& self);
  /// Whether a yield does nothing: its next operation is a step anyway. Not so where it has yielded
  /// before, at the same place and without a change since, as in a loop that waits for one.
  bool passes_over_yield(TaskControl& self);
  /// `pass_point`, in a frame of its own.
  bool pass_as_step(TaskControl& self, Operation operation, Object* object, const Location& site);
  bool end_gate(TaskControl& self, Object& object, const Location& site);
  void stand_at(LockGate& gate, TaskControl& self, Object& object);
  void leave_gate(LockGate& gate, TaskControl& self);
  void close_pending_gates();
  void close_gate(LockGate& gate);
  void open_gate(LockGate& gate);

  // Time.
  bool can_time_help() const;
  void fire_timer();
  void let_time_pass();
  void enter_timers_task();

  // The end.
  TaskControl& end_now(Cut cut);
  void note_cut(const TaskControl& task);
  void note_standing();
  bool resume_at_end(TaskControl& self);
  void unwind_task(TaskControl& task);

  FiberSwitch fibers_;
  Strategy* strategy_ = nullptr;
  ControlOptions options_;
  std::uint64_t step_operations_ = 0;  ///< Bit by number of operation: it is a step.
  bool is_asked_always_ = false;
  bool has_to_stop_ = false;  ///< `chantrace_stop_here` is still to be called.
  bool looks_ahead_ = true;
  ReadsFromPairs* pairs_ = nullptr;
  std::shared_ptr<Recording> recording_;

  TaskControl* root_ = nullptr;
  std::vector<std::unique_ptr<TaskControl>> controls_;
  std::size_t controls_used_ = 0;
  std::unique_ptr<TaskControl> timers_task_;
  std::vector<TaskControl*> tasks_;
  std::vector<Runnable> runnable_;
  std::size_t clock_place_ = kNobody;
  Line woken_;
  Line yielded_;
  LockGate* pending_gates_ = nullptr;
  TaskControl* last_ = nullptr;  ///< Whose operation was made last.
  bool has_turn_ = false;        ///< The running task was picked for whatever it does next.
  std::size_t alive_ = 0;

  VirtualTimers timers_;
  Instant now_ = 0;
  Instant time_passed_ = 0;                ///< When it was let pass last, and
  std::uint64_t changes_when_passed_ = 0;  ///< `changes_` right after.
  std::uint32_t objects_made_ = 0;
  ObjectFamilies families_;

  std::uint64_t steps_ = 0;
  std::uint64_t decisions_ = 0;
  std::uint64_t changes_ = 0;  ///< Steps that may have changed what others see.
  std::uint64_t trace_hash_ = 0;
  std::uint64_t fingerprint_ = 0;  ///< Of all operations, in their order.
  std::uint32_t idle_rounds_ = 0;  ///< How often all had yielded, without a change in between,
  std::uint64_t idle_since_ = 0;   ///< since this step.
  VisitLog visits_;
  std::vector<std::uint32_t> choices_;

  bool is_settling_ = false;
  bool is_ending_ = false;
  bool is_unwinding_ = false;  ///< Only where it is ending as well.
  bool has_exception_ = false;
  Cut cut_ = Cut::kNone;
  Participant last_before_cut_;  ///< Task 0: not known.
  std::vector<Standing> standing_;
  std::uint64_t abandoned_ = 0;
};

/// Requires: the task is under control.
inline ControlledExecutor& under_control(TaskControl& task) {
  return static_cast<ControlledExecutor&>(*task.executor);
}

/// What the task waits in. Its lock is for those who look from other threads.
inline ParkedOperation*& parked_of(TaskControl& task) CHANTRACE_NO_THREAD_SAFETY_ANALYSIS {
  return task.parked;
}

inline std::uint32_t number_of(const TaskControl& task) {
  return to_number(task.id.load(std::memory_order_relaxed));
}

/// To strategies each side of an object is an object.
inline std::uint32_t number_of(const Object& object, std::size_t side) {
  return 2 * to_number(object.id) + static_cast<std::uint32_t>(side);
}

inline void ControlledExecutor::add_runnable(TaskControl& task) {
  task.runnable = static_cast<std::uint32_t>(runnable_.size());
  runnable_.push_back({.task = number_of(task)});
}

inline void ControlledExecutor::remove_runnable(TaskControl& task) {
  remove_runnable_at(std::exchange(task.runnable, kNotRunnable));
}

inline void ControlledExecutor::remove_runnable_at(std::size_t place) {
  if (place != runnable_.size() - 1) {
    const Runnable& moved = runnable_[place] = runnable_.back();
    if (moved.task == kClockTask)
      clock_place_ = place;
    else
      task_of(moved).runnable = static_cast<std::uint32_t>(place);
  }
  runnable_.pop_back();
}

inline void ControlledExecutor::forget_pending(LockGate& gate) {
  LockGate** link = &pending_gates_;
  while (*link != &gate) link = &(*link)->next_pending;
  *link = gate.next_pending;
  gate.is_pending = false;
}

[[gnu::always_inline]] inline void ControlledExecutor::go_on_with(TaskControl& self,
                                                                  TaskControl& next) {
  if (&next == &self) return;
  turn_to(number_of(next));
  if (next.fiber.context == nullptr && &next != root_) fibers_.begin(next);
  fibers_.switch_to(self, next);
}

inline void ControlledExecutor::turn_to(std::uint32_t task) {
  // What unwinds tasks is nobody's decision.
  if (is_ending_) visits_.set_unseen();
  visits_.turn_to(task);
}

}  // namespace chantrace::detail
