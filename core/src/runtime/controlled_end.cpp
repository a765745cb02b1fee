// How an execution comes to its end.
#include "controlled_executor.h"

#include <algorithm>
#include <string>

#include "chantrace/detail/assert.h"
#include "runtime.h"

namespace chantrace::detail {

bool ControlledExecutor::has_nested_locks() const {
  const WithoutRaces scope;
  return std::any_of(tasks_.begin(), tasks_.end(),
                     [](const TaskControl* task) { return task->has_nested_locks; });
}

void ControlledExecutor::settle() {
  const WithoutRaces scope;
  is_settling_ = true;
  if (alive_ > 0) {
    remove_runnable(*root_);
    TaskControl& next = next_task();
    if (&next != root_) go_on_with(*root_, next);
  }
  turn_to(number_of(*root_));
  is_ending_ = true;
}

void ControlledExecutor::unwind() {
  const WithoutRaces scope;
  CHANTRACE_ASSERT(is_ending_);
  is_unwinding_ = true;
  // A task that is being unwound may give back what another one waits for; nobody goes on by that.
  for (std::size_t i = tasks_.size(); alive_ > 0 && i-- > 1;)
    if (tasks_[i]->phase.load(std::memory_order_relaxed) != TaskPhase::kEnded)
      unwind_task(*tasks_[i]);
  note_acquire(this);
  is_unwinding_ = is_ending_ = false;
  woken_.clear();
  yielded_.clear();
  timers_.clear();
  runnable_.clear();
  clock_place_ = kNobody;
  add_runnable(*root_);
}

TaskControl& ControlledExecutor::end_now(Cut cut) {
  cut_ = cut;
  if (cut != Cut::kNone) note_cut(*current_task_or_null);
  note_standing();
  turn_to(1);
  is_ending_ = true;
  ParkedOperation* const parked = parked_of(*root_);
  if (!is_settling_ && parked != nullptr && parked->try_claim(Claim::kQuiescent))
    leave_queues(*parked);
  return *root_;
}

void ControlledExecutor::note_standing() {
  for (const TaskControl* const task : tasks_)
    if (task->gate_object != nullptr && task->gate != nullptr && task->runnable == kNotRunnable)
      standing_.push_back({{.task = number_of(*task),
                            .index = task->operations,
                            .object = number_of(*task->gate_object, 0),
                            .operation = Operation::kLock,
                            .is_write = true},
                           *task->pending_site});
}

void ControlledExecutor::note_cut(const TaskControl& task) {
  // One that has ended has no frames any more, nor has a body.
  const bool is_in_body = &task == root_ && !is_settling_;
  if (!is_in_body && (&task == root_ || task.phase.load() != TaskPhase::kAlive)) return;
  last_before_cut_.task = task.id.load(std::memory_order_relaxed);
  last_before_cut_.label = label_of(task);
  last_before_cut_.text = "made the last operation";
  last_before_cut_.site = to_site(*task.pending_site);
  last_before_cut_.started_at = to_site(task.started_at);
}

bool ControlledExecutor::resume_at_end(TaskControl& self) {
  if (&self != root_ || is_settling_) return false;
  Runtime::instance().handle_quiescence(self);
  // Until it is thrown out: what it is at may be an operation that must not throw.
  self.hooks.fetch_or(kHookCancel);
  return false;
}

void ControlledExecutor::unwind_task(TaskControl& task) {
  task.hooks.fetch_or(kHookCancel, std::memory_order_relaxed);
  ParkedOperation* const parked = parked_of(task);
  if (parked != nullptr && parked->try_claim(Claim::kCancelled)) leave_queues(*parked);
  go_on_with(*root_, task);
}

void ControlledExecutor::abandon(TaskControl& self) {
  note_release(this);
  // Its stack is used again, and so is its control.
  for (std::uint32_t slot = 0; slot < self.held_end; ++slot)
    if (Object* const object = self.held[slot].exchange(nullptr, std::memory_order_relaxed))
      object->drop_holder(self);
  self.is_abandoned = true;
  self.status = TaskStatus::kCancelled;
  self.phase.store(TaskPhase::kEnded);
  ++abandoned_;
  --alive_;
  fibers_.leave_for(self, *root_);
}

std::optional<Finding> ControlledExecutor::cut_finding() const {
  Finding finding;
  finding.kind = FindingKind::kStepLimit;
  if (to_number(last_before_cut_.task) != 0) {
    finding.task = last_before_cut_.task;
    finding.participants.push_back(last_before_cut_);
    if (!last_before_cut_.site.file.empty())
      finding.sites.push_back({"last operation", last_before_cut_.site});
  }
  switch (cut_) {
    case Cut::kNone:
      return std::nullopt;
    case Cut::kLivelock:
      finding.summary =
          "livelock: all tasks that are left yield to each other, and nothing changes";
      break;
    case Cut::kStepLimit:
      finding.certainty = Certainty::kPossible;
      finding.summary = "not at its end after " + std::to_string(steps_) + " operations";
      finding.reason = {"a task polls without end, or the limit of operations is too low"};
      break;
  }
  return finding;
}

}  // namespace chantrace::detail
