#include "chantrace/detail/execution.h"

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <unordered_set>
#include <utility>

#include "chantrace/detail/printable.h"
#include "chantrace/inspect.h"
#include "chantrace/trace.h"
#include "recording.h"
#include "runtime.h"
#include "terminate.h"

namespace chantrace::detail {
namespace {

/// How long a task that is to be unwound may run outside the library before it is left alone.
constexpr Instant kUnwindPatienceNs = 1'000'000'000;
/// How often tasks that others started meanwhile are unwound as well.
constexpr int kUnwindRoundsMax = 100;

std::function<void()>& body_thrower() {
  static std::function<void()> thrower;
  return thrower;
}

/// Wakes the body when its patience is over. A deadline of the wait itself would look like
/// something that could still happen.
class PatienceIsOver final : public TimerNode {
 public:
  PatienceIsOver(TaskControl& body, ParkedOperation& operation)
      : body_(body), operation_(&operation) {}

  Instant fire(TaskControl& timers, Instant) override {
    // The body arms this before it parks, and may have been preempted in between.
    constexpr Instant kAgainNs = 1'000'000;
    {
      const ScopedLock lock(body_.park_lock);
      if (body_.parked == nullptr) return timers.executor->now() + kAgainNs;
      if (body_.parked != operation_ || !operation_->try_claim(Claim::kTimedOut)) return kNever;
    }
    body_.executor->unpark(body_);
    return kNever;
  }
  bool could_wake() override { return false; }

 private:
  TaskControl& body_;
  ParkedOperation* operation_;
};

/// Waits until `task` has ended, without taking part in it as a task would.
bool wait_for_end(TaskControl& self, TaskControl& task, Instant deadline) {
  ParkedOperation operation(self, Operation::kNone, task.started_at);
  Waiter waiter(operation, task.join_object);
  {
    const ScopedLock lock(task.join_object.latch);
    if (task.phase.load() == TaskPhase::kEnded) return true;
    task.join_object.waiters.push_back(waiter);
  }
  self.executor->park(self, operation, deadline);
  const ScopedLock lock(task.join_object.latch);
  task.join_object.waiters.remove(waiter);
  return operation.claim.load() == Claim::kCompleted || task.phase.load() == TaskPhase::kEnded;
}

}  // namespace

std::function<void()> exchange_body_thrower(std::function<void()> thrower) {
  return std::exchange(body_thrower(), std::move(thrower));
}

void throw_in_body(TaskControl&) {
  if (const auto& thrower = body_thrower()) thrower();
  throw Cancelled{};
}

struct Execution::Impl {
  ExecutionOptions options;
  TaskControl* body = nullptr;
  std::shared_ptr<Recording> recording;
  std::uint64_t abandoned_before = 0;
  bool is_finished = false;
  std::uint32_t foreign_threads = 0;
  std::optional<Schedule> schedule;
  /// `TaskControl::generation` of tasks that run outside the library.
  std::unordered_set<std::uint64_t> given_up;

  /// Unwinds all tasks but the body, the youngest first: children may refer to their parents'
  /// frames.
  void unwind() {
    if (options.strategy != nullptr) return Runtime::instance().controlled().unwind();
    // A task that is not unwound yet may go on when a younger one gives back what it waits for, and
    // start others.
    for (int round = 0; round < kUnwindRoundsMax && unwind_once(); ++round) {
    }
  }

  /// Returns: whether there were any.
  bool unwind_once() {
    Runtime& runtime = Runtime::instance();
    const std::vector<TaskControl*> held = runtime.hold_alive_tasks();
    std::vector<TaskControl*> tasks;
    std::copy_if(held.rbegin(), held.rend(), std::back_inserter(tasks),
                 [&](TaskControl* task) { return !given_up.contains(task->generation); });
    for (TaskControl* const task : tasks) {
      task->hooks.fetch_or(kHookCancel);
      bool is_claimed = false;
      {
        const ScopedLock lock(task->park_lock);
        is_claimed = task->parked != nullptr && task->parked->try_claim(Claim::kCancelled);
      }
      if (is_claimed) task->executor->unpark(*task);
      if (!wait_for_end(*body, *task, task->executor->now() + kUnwindPatienceNs)) {
        runtime.count_abandoned();
        given_up.insert(task->generation);
      }
    }
    for (TaskControl* const task : held) runtime.release(*task);
    return !tasks.empty();
  }
};

Execution::Execution(ExecutionOptions options) : impl_(std::make_unique<Impl>()) {
  install_terminate_handler();
  impl_->options = std::move(options);
  impl_->body = &current_task();
  Runtime& runtime = Runtime::instance();
  impl_->abandoned_before = runtime.abandoned();
  body_thrower() = impl_->options.throw_in_body;
  impl_->options.recording.is_controlled = impl_->options.strategy != nullptr;
  if (impl_->options.is_recorded) {
    auto recording = Recording::create(impl_->options.recording);
    // A folder that cannot be written to costs the trace, not the test.
    if (!recording) {
      std::fprintf(stderr, "chantrace: no trace: %s\n", recording.error().to_string().c_str());
    } else {
      impl_->recording = std::move(recording).value();
    }
  }
  runtime.set_foreign_patience(impl_->options.foreign_patience);
  runtime.begin_execution(
      impl_->body, impl_->recording,
      [this] {
        if (Runtime::instance().body_ended()) return;
        if (impl_->options.strategy != nullptr) Runtime::instance().await_strangers();
        const EndState state = current_state();
        impl_->foreign_threads = state.foreign_threads;
        const bool is_cut = impl_->options.strategy != nullptr &&
                            Runtime::instance().controlled().cut() != Cut::kNone;
        if (!is_cut && impl_->options.on_deadlock) impl_->options.on_deadlock(state);
        impl_->unwind();
      },
      impl_->options.strategy != nullptr);
  if (impl_->options.strategy != nullptr)
    runtime.controlled().begin(*impl_->body, *impl_->options.strategy, impl_->options.control,
                               impl_->recording);
}

Execution::~Execution() {
  if (!impl_->is_finished) finish(false, false, {});
  body_thrower() = nullptr;
}

ExecutionEnd Execution::settle(std::chrono::nanoseconds patience) {
  Runtime& runtime = Runtime::instance();
  TaskControl& body = *impl_->body;
  runtime.set_body_ended(true);
  runtime.set_unwinding_body(false);
  body.hooks.fetch_and(static_cast<std::uint8_t>(~(kHookThrown | kHookCancel)));
  if (impl_->options.strategy != nullptr) return settle_controlled();
  const Location nowhere;
  ParkedOperation operation(body, Operation::kNone, nowhere);
  if (runtime.begin_settling(operation)) {
    const auto timer = std::make_shared<PatienceIsOver>(body, operation);
    body.executor->arm(timer, body.executor->now() + patience.count());
    body.executor->park(body, operation, kNever);
    runtime.end_settling();
    body.executor->disarm(*timer);
  }
  ExecutionEnd end;
  end.state = current_state();
  impl_->foreign_threads = std::max(impl_->foreign_threads, end.state.foreign_threads);
  impl_->unwind();
  end.abandoned = runtime.abandoned() - impl_->abandoned_before;
  return end;
}

ExecutionEnd Execution::settle_controlled() {
  ControlledExecutor& executor = Runtime::instance().controlled();
  executor.settle();
  if (!executor.all_ended_well()) Runtime::instance().await_strangers();
  ExecutionEnd end;
  end.state = current_state();
  end.cut = executor.cut_finding();
  end.schedule = executor.schedule();
  executor.unwind();
  end.abandoned = executor.abandoned();
  impl_->schedule = end.schedule;
  return end;
}

void Execution::note_body_exception(const std::string& text) {
  Runtime::instance().mark_escaped(impl_->body->id, text);
}

std::vector<Finding> Execution::find_in_trace() const {
  std::vector<Finding> findings;
  if (impl_->recording == nullptr || impl_->options.recording.path.empty()) return findings;
  if (!impl_->recording->has_nested_locks() && !impl_->body->has_nested_locks &&
      !impl_->recording->has_variables())
    return findings;
  // All tasks have ended, but for the body, which is here: a reader finds all in the trace and its
  // spool.
  const auto trace = read_trace(impl_->options.recording.path);
  if (!trace) return findings;
  findings = analyze(trace.value());
  std::erase_if(findings, [](const Finding& one) {
    return one.kind != FindingKind::kLockOrder && one.kind != FindingKind::kRace;
  });
  return findings;
}

RecordingSummary Execution::finish(bool keep, bool passed, const std::vector<Finding>& findings) {
  Runtime& runtime = Runtime::instance();
  TraceEnd end;
  end.passed = passed;
  end.ended_ticks = ticks();
  end.findings = findings;
  end.body_ended = runtime.body_ended();
  end.foreign_threads = impl_->foreign_threads;
  end.schedule = impl_->schedule;
  if (!passed) end.explanation = std::move(impl_->options.explanation);
  if (impl_->options.strategy != nullptr) {
    end.ended_ticks = runtime.controlled().steps();
    runtime.controlled().end();
  }
  const std::shared_ptr<Recording> recording = runtime.end_execution();
  runtime.refresh(*impl_->body);
  impl_->is_finished = true;
  impl_->recording = nullptr;
  if (recording == nullptr) return {};
  recording->close(keep, end);
  return {keep && !impl_->options.recording.path.empty(), recording->events(), recording->tasks(),
          recording->objects(), recording->write_errors() == 0};
}

void Execution::look_for_stuck_body() { Runtime::instance().wake_body_if_stuck(); }

bool Execution::is_quiet_outside() {
  Runtime& runtime = Runtime::instance();
  // Asked again at the end: a test that has begun meanwhile speaks for itself.
  return !runtime.is_in_execution() && runtime.threads().is_quiescent() &&
         count_foreign_threads() == 0 && !runtime.is_in_execution();
}

EndState Execution::current_state() { return Runtime::instance().end_state(); }

}  // namespace chantrace::detail

namespace chantrace {

EndState current_state() { return detail::Runtime::instance().end_state(); }

std::map<TaskId, std::chrono::nanoseconds> waiting_times() {
  return detail::Runtime::instance().waiting_times();
}

}  // namespace chantrace
