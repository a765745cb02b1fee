// How tasks begin and end under control.
#include "controlled_executor.h"

#include <utility>

#include "chantrace/detail/event_log.h"
#include "controlled_step.h"
#include "recording.h"
#include "runtime.h"

namespace chantrace::detail {

void ControlledExecutor::add_control() {
  controls_.push_back(std::make_unique<TaskControl>());
  controls_.back()->executor = this;
}

TaskControl& ControlledExecutor::make_task(TaskControl& parent, std::string_view label,
                                           TaskBody&& body, const Location& site) {
  const WithoutRaces scope;
  if (controls_used_ == controls_.size()) [[unlikely]]
    add_control();
  TaskControl& task = *controls_[controls_used_++];
  tasks_.push_back(&task);
  task.id.store(TaskId{static_cast<std::uint32_t>(tasks_.size())}, std::memory_order_relaxed);
  task.epoch.store(parent.epoch.load(std::memory_order_relaxed), std::memory_order_relaxed);
  task.born_epoch = task.epoch.load(std::memory_order_relaxed);
  task.hooks.store(kHookControlled, std::memory_order_relaxed);
  assign_text(task.label, label);
  task.parent = parent.id.load(std::memory_order_relaxed);
  task.started_at = site;
  task.last_site = {};
  task.body = std::move(body);
  task.phase.store(TaskPhase::kAlive, std::memory_order_relaxed);
  task.status = TaskStatus::kRunning;
  task.exception.clear();
  parked_of(task) = nullptr;
  task.join_object.epoch = parent.join_object.epoch;
  task.join_object.sequence = 0;
  task.join_object.waiters = {};
  task.fiber.context = nullptr;
  task.runnable = kNotRunnable;
  task.operations = 0;
  task.changes_seen = 0;
  task.idle_reads = 0;
  task.changes_at_yield = 0;
  task.idle_yields = 0;
  task.time_looked_at = 0;
  task.looks_at_time = 0;
  task.skipped = 0;
  task.swallowed_cancels = 0;
  task.inert_operations = 0;
  task.is_abandoned = false;
  task.has_announced_lock = false;
  task.gate = nullptr;
  task.clock = &steps_;
  task.creations = 0;
  task.has_nested_locks = false;
  if (task.recording != nullptr) [[unlikely]] {
    task.recording = nullptr;
    stop_recording(task);
  }
  if (recording_ != nullptr) {
    if (task.is_recording) stop_recording(task);
    task.recording = recording_;
    start_recording(task);
    task.records_before_chunk = 0;
    task.other_records = 0;
    task.sites = SiteCache{};
    recording_->define_task(task);
  } else if (options_.log != nullptr) {
    start_logging(task, *options_.log);
    options_.log->define_task(number_of(task), to_number(task.parent), label, site, false);
  } else if (task.is_recording) {
    stop_recording(task);
  }
  ++alive_;
  return task;
}

bool ControlledExecutor::start(TaskControl& task) {
  const WithoutRaces scope;
  const bool has_room = tasks_.size() <= kControlledTasksMax && fibers_.stacks.reserve(alive_ + 1);
  if (!has_room) {
    --alive_;
    task.body.reset();
    task.phase.store(TaskPhase::kEnded, std::memory_order_relaxed);
    return false;
  }
  note_release(&task);
  strategy_->note_start(to_number(task.parent), number_of(task));
  // It begins before anything is decided: mostly there is nothing to see of that.
  if (is_asked_always_ && !looks_ahead_)
    add_runnable(task);
  else
    woken_.push(task);
  return true;
}

void ControlledExecutor::run_fiber(boost::context::detail::transfer_t from) {
  // The one whose fiber this is, as it was when it was made.
  auto& self = static_cast<ControlledExecutor&>(*current_task_or_null->executor);
  self.fibers_.arrive_first(from);
  self.run_tasks();
}

void ControlledExecutor::run_tasks() {
  for (;;) {
    TaskControl& task = *current_task_or_null;
    note_acquire(&task);
    const TaskStatus status = run_task_body(task, task.exception);
    if (options_.rules.end_is_step && is_only_controlled(task))
      pass_point(task, Operation::kTaskEnd, nullptr, task.started_at);
    record_end(task, status, task.exception);
    wake_joiners(task);
    note_release(this);
    TaskControl* next;
    {
      const WithoutRaces scope;
      next = &finish(task, status);
    }
    if (task.fiber.stack == nullptr) continue;  // It was handed over.
    fibers_.leave_for(task, *next);
  }
}

TaskControl& ControlledExecutor::finish(TaskControl& task, TaskStatus status) {
  task.status = status;
  has_exception_ |= status == TaskStatus::kEndedByException;
  visits_.set_seen();
  if (task.runnable != kNotRunnable) remove_runnable(task);
  --alive_;
  TaskControl& next = next_task();
  turn_to(number_of(next));
  if (next.fiber.context == nullptr && &next != root_) {
    if (kStacksAreReused)
      fibers_.hand_over_stack(task, next);
    else
      fibers_.begin(next);
  }
  return next;
}

}  // namespace chantrace::detail
