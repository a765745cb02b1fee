// Virtual time: it passes where no task can go on, or where the strategy lets it.
#include "controlled_executor.h"

#include <algorithm>
#include <utility>

#include "chantrace/detail/event_log.h"
#include "controlled_step.h"
#include "recording.h"
#include "runtime.h"

namespace chantrace::detail {

namespace {

// How much time passes for a task that has looked at the clock `kIdleReadsMax` times in vain; twice
// as much each time while nothing else changes.
constexpr Instant kTimePassed = 1'000'000;

}  // namespace

bool ControlledExecutor::look_at_clock(TaskControl& self) {
  const WithoutRaces scope;
  if (is_ending_) return resume_at_end(self);
  visits_.set_seen();
  self.pending_site = &kNowhere;
  if (clock_place_ != kNobody && !pass_point(self, Operation::kLook, nullptr, kNowhere))
    return false;
  if (self.time_looked_at != now_) {
    self.time_looked_at = now_;
    self.looks_at_time = 0;
  }
  if (++self.looks_at_time <= kIdleReadsMax) return true;
  if (!give_way(self)) return false;
  if (now_ == self.time_looked_at) let_time_pass();
  return true;
}

bool ControlledExecutor::set_deadline(TaskControl& self) {
  // Otherwise time does not pass while it could go on.
  if (options_.rules.time_mode == TimeMode::kQuiescence) return true;
  return pass_point(self, Operation::kLook, nullptr, kNowhere);
}

void ControlledExecutor::let_time_pass() {
  const bool has_changed = changes_ != changes_when_passed_;
  time_passed_ = has_changed ? kTimePassed : std::min(time_passed_, kNever / 4) * 2;
  const Instant until = now_ + std::min(time_passed_, kNever - 1 - now_);
  const Instant due = timers_.empty() ? kNever : timers_.entries().front().due;
  if (until == now_) return;
  if (due > until || !can_time_help()) {
    now_ = until;
    note_change();
  } else if (options_.rules.time_mode == TimeMode::kQuiescence) {
    fire_timer();
  } else {
    return;  // When it fires is a decision.
  }
  changes_when_passed_ = changes_;
}

void ControlledExecutor::update_clock() {
  const bool is_runnable =
      !timers_.empty() && options_.rules.time_mode == TimeMode::kChoice && !is_unwinding_;
  if (is_runnable == (clock_place_ != kNobody)) return;
  if (is_runnable) {
    clock_place_ = runnable_.size();
    runnable_.emplace_back();
  } else {
    remove_runnable_at(std::exchange(clock_place_, kNobody));
  }
}

void ControlledExecutor::arm(std::shared_ptr<TimerNode> timer, Instant due) {
  const WithoutRaces scope;
  timers_.push(due, std::move(timer));
  update_clock();
}

bool ControlledExecutor::disarm(TimerNode& timer) {
  const WithoutRaces scope;
  if (!timers_.remove(timer)) return false;
  update_clock();
  return true;
}

bool ControlledExecutor::can_time_help() const {
  // Whoever polls may see what a timer does that nobody waits for.
  if (!yielded_.empty() && !timers_.empty()) return true;
  const auto& entries = timers_.entries();
  return std::any_of(entries.begin(), entries.end(), [](const VirtualTimers::Entry& entry) {
    return entry.task != nullptr || entry.timer->could_wake();
  });
}

void ControlledExecutor::enter_timers_task() {
  TaskControl& timers = *timers_task_;
  if (timers.epoch == root_->epoch) return;
  tasks_.push_back(&timers);
  timers.id = TaskId{static_cast<std::uint32_t>(tasks_.size())};
  timers.epoch = root_->epoch.load();
  timers.born_epoch = timers.epoch;
  timers.phase.store(TaskPhase::kEnded);  // Nobody waits for it, and nobody's leak.
  timers.recording = recording_;
  timers.clock = &steps_;
  stop_recording(timers);
  if (options_.log != nullptr) {
    start_logging(timers, *options_.log);
    options_.log->define_task(number_of(timers), 0, timers.label, {}, true);
  }
  if (recording_ == nullptr) return;
  start_recording(timers);
  timers.records_before_chunk = 0;
  timers.other_records = 0;
  timers.sites = SiteCache{};
  recording_->define_task(timers);
}

void ControlledExecutor::fire_timer() {
  VirtualTimers::Entry entry = timers_.pop();
  now_ = std::max(now_, entry.due);
  ++steps_;
  if (options_.rules.time_mode == TimeMode::kChoice) {
    turn_to(kClockTask);
    visits_.count();
  }
  ++changes_;
  idle_rounds_ = 0;
  if (!yielded_.empty()) wake_yielded();
  if (entry.task != nullptr) {
    ParkedOperation& operation = *parked_of(*entry.task);
    if (operation.try_claim(Claim::kTimedOut)) {
      leave_queues(operation);
      unpark(*entry.task);
    }
  } else {
    enter_timers_task();
    TaskControl* const running = std::exchange(current_task_or_null, timers_task_.get());
    const Instant next = entry.timer->fire(*timers_task_, entry.due);
    current_task_or_null = running;
    if (next != kNever) timers_.push(next, std::move(entry.timer));
  }
  if (options_.rules.time_mode == TimeMode::kChoice) turn_to(number_of(*current_task_or_null));
  update_clock();
}

}  // namespace chantrace::detail
