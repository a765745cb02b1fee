#include "controlled_executor.h"

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "chantrace/detail/event_log.h"
#include "chantrace/detail/place.h"
#include "controlled_step.h"
#include "fault.h"
#include "recording.h"
#include "runtime.h"
#include "stop_here.h"

namespace chantrace::detail {

using enum Operation;

thread_local constinit bool runs_alone = false;

namespace {

// How often all tasks must have yielded, without a change in between, for that to be a livelock and
// not one more try: where they have made so many operations in vain meanwhile, or come to the
// limit, and where they make none.
constexpr std::uint32_t kIdleRoundsWithSteps = 100;
constexpr std::uint64_t kIdleSteps = 10'000;
constexpr std::uint32_t kIdleRoundsMax = 100'000;

}  // namespace

ControlledExecutor::ControlledExecutor()
    : fibers_(&ControlledExecutor::run_fiber), timers_task_(std::make_unique<TaskControl>()) {
  timers_task_->label = "timers";
  timers_task_->is_host = timers_task_->is_service = true;
  timers_task_->executor = this;
}

// An execution.

void ControlledExecutor::begin(TaskControl& root, Strategy& strategy, const ControlOptions& options,
                               std::shared_ptr<Recording> recording) {
  const WithoutRaces scope;
  if (options.stack_bytes != options_.stack_bytes || fibers_.stacks.count() == 0)
    fibers_.stacks.set_size(options.stack_bytes);
  options_ = options;
  strategy_ = &strategy;
  is_asked_always_ = strategy.is_asked_always();
  has_to_stop_ = options.stop_at.task != 0;
  looks_ahead_ = strategy.looks_ahead();
  pairs_ = strategy.pairs();
  step_operations_ = ~kNoSteps;
  if (options.rules.spawn_is_step) step_operations_ |= bit_of(kTaskSpawn);
  if (options.rules.unlock_is_step) step_operations_ |= bits_of({kUnlock, kUnlockShared});
  recording_ = std::move(recording);

  fibers_.stacks.begin_execution();
  controls_used_ = 0;
  tasks_.clear();
  runnable_.clear();
  clock_place_ = kNobody;
  woken_.clear();
  yielded_.clear();
  alive_ = 0;
  timers_.clear();
  now_ = 0;
  time_passed_ = 0;
  changes_when_passed_ = 0;
  objects_made_ = 0;
  steps_ = decisions_ = changes_ = trace_hash_ = fingerprint_ = 0;
  idle_rounds_ = 0;
  pending_gates_ = nullptr;
  last_ = nullptr;
  has_turn_ = false;
  visits_.begin(number_of(root));
  choices_.clear();
  standing_.clear();
  is_settling_ = is_ending_ = is_unwinding_ = has_exception_ = false;
  if (std::exchange(cut_, Cut::kNone) != Cut::kNone) last_before_cut_ = {};
  abandoned_ = 0;
  timers_task_->epoch = 0;

  report_faults();
  root_ = &root;
  fibers_.attach(root);
  root.executor = this;
  root.clock = &steps_;
  root.operations = 0;
  root.changes_seen = 0;
  root.idle_reads = 0;
  root.changes_at_yield = 0;
  root.idle_yields = 0;
  root.time_looked_at = 0;
  root.looks_at_time = 0;
  root.skipped = 0;
  root.status = TaskStatus::kRunning;
  root.creations = 0;
  root.has_nested_locks = false;
  root.last_site = {};
  root.hooks.fetch_or(kHookControlled);
  if (options.log != nullptr) {
    options.log->clear();
    options.log->define_task(number_of(root), 0, root.label, root.started_at, false);
    start_logging(root, *options.log);
  }
  tasks_.push_back(&root);
  runs_alone = true;
  add_runnable(root);
}

void ControlledExecutor::end() {
  const WithoutRaces scope;
  runs_alone = false;
  root_->hooks.fetch_and(static_cast<std::uint8_t>(~kHookControlled));
  root_->executor = &Runtime::instance().threads();
  root_->clock = nullptr;
  if (root_->log != nullptr) stop_recording(*root_);
  root_ = nullptr;
  recording_ = nullptr;
  timers_.clear();
}

Schedule ControlledExecutor::schedule() {
  if (is_ending_) visits_.set_unseen();
  const std::span<const Segment> segments = visits_.segments();
  return {options_.rules,
          {segments.begin(), segments.end()},
          {choices_.begin(), choices_.end()},
          fingerprint_ ^ (fingerprint_ >> 32)};
}

// Steps.

void ControlledExecutor::meet_first(Object& object) {
  const WithoutRaces scope;
  const std::uint32_t epoch = root_->epoch.load(std::memory_order_relaxed);
  const bool has_stranger = object.family == kFamilyOfStrangers && to_number(object.id) == epoch;
  object.epoch = epoch;
  object.id = ObjectId{++objects_made_};
  object.sequence = 0;
  visits_.set_seen();
  object.family = families_.find(object);
  object.is_polled = families_.is_polled(object.family);
  for (std::size_t side = 0; side < 2; ++side) {
    object.sides[side] = {};
    object.sides[side].is_shared = object.is_of_clock || families_.is_shared(object.family, side);
  }
  if (has_stranger) [[unlikely]] {
    Runtime::instance().remember_name(object);
    Runtime::instance().note_foreign_use({.object = object.id});
  }
}

void ControlledExecutor::note_polled(Object& object) {
  const WithoutRaces scope;
  if (std::exchange(object.is_polled, true)) return;
  families_.set_polled(object.family);
}

void ControlledExecutor::stop_where_asked(TaskControl& self) {
  const std::uint64_t begun = operations_begun(self);
  const OperationOfTask& asked = options_.stop_at;
  if (number_of(self) != asked.task || begun + 1 != asked.operation) return;
  has_to_stop_ = false;
  chantrace_stop_here();
}

void ControlledExecutor::note_select(TaskControl& self, Object& channel) {
  const WithoutRaces scope;
  note_polled(channel);
  is_private(self, channel, 0, true);
  std::uint32_t& version = channel.sides[0].version;
  trace_hash_ += mix((std::uint64_t{number_of(self)} << 32) | self.operations,
                     (std::uint64_t{number_of(channel, 0)} << 32) | version);
  ++version;
}

TaskControl& ControlledExecutor::next_task() {
  // Whoever stands before a lock that was taken since cannot be next.
  if (pending_gates_ != nullptr) close_pending_gates();
  for (;;) {
    if (is_ending_) return *root_;
    if (steps_ > options_.steps_max) [[unlikely]]
      return cut_now();
    if (!woken_.empty()) {
      TaskControl& task = woken_.pop();
      add_runnable(task);
      return task;
    }
    if (runnable_.size() == 1 && clock_place_ == kNobody && !is_asked_always_) [[likely]] {
      has_turn_ = runnable_.front().operation == kNone;
      return task_of(runnable_.front());
    }
    const std::size_t tasks = runnable_.size() - (clock_place_ != kNobody ? 1 : 0);
    if (tasks == 0) {
      if (can_time_help()) {
        if (clock_place_ != kNobody) pick();
        fire_timer();
      } else if (!yielded_.empty()) {
        if (idle_rounds_++ == 0) idle_since_ = steps_;
        if (idle_rounds_ > kIdleRoundsMax ||
            (idle_rounds_ > kIdleRoundsWithSteps && steps_ - idle_since_ > kIdleSteps))
          return end_now(Cut::kLivelock);
        wake_yielded();
      } else {
        return end_now(Cut::kNone);
      }
      continue;
    }
    const std::size_t chosen = pick();
    if (chosen != clock_place_) return task_of(runnable_[chosen]);
    fire_timer();
  }
}

void ControlledExecutor::note_pair(const TaskControl& self, Object& object, std::size_t side_index,
                                   bool is_write) {
  Object::Side& side = object.sides[side_index];
  // Among many tasks those that were started at one place are told apart only a little: with each
  // alone every pair would be news.
  constexpr std::size_t kTasksToldApart = 16;
  const std::uint32_t task = number_of(self);
  const std::uint32_t who =
      tasks_.size() <= kTasksToldApart ? task : self.started_at.line * 64 + task % 4;
  // The family stands for the file: where its name is in memory differs from process to process.
  const std::uint32_t key =
      (who * 0x9e3779b9u) ^ (self.pending_site->line * 0x85ebca6bu) ^ (object.family * 0xc2b2ae35u);
  if (side.writer != 0 && side.writer_task != task) pairs_->add(side.writer, key);
  if (!is_write) return;
  side.writer = key | 1;
  side.writer_task = task;
}

TaskControl& ControlledExecutor::cut_now() {
  options_.steps_max += options_.steps_max;  // For what the body does while it is unwound.
  return end_now(idle_rounds_ > kIdleRoundsWithSteps ? Cut::kLivelock : Cut::kStepLimit);
}

bool ControlledExecutor::cut_here(TaskControl& self) {
  go_on_with(self, cut_now());
  return resume_at_end(self);
}

bool ControlledExecutor::pass_as_step(TaskControl& self, Operation operation, Object* object,
                                      const Location& site) {
  return pass_point(self, operation, object, site);
}

bool ControlledExecutor::look(TaskControl& self, Object& object) {
  if (!is_ending_) {
    meet_in_turn(self, object);
    note_polled(object);
  }
  return pass_point(self, kLook, &object, kNowhere);
}

bool ControlledExecutor::look_at_end(TaskControl& self) {
  families_.set_ends_seen();
  return pass_point(self, kLook, nullptr, kNowhere);
}

bool ControlledExecutor::passes_over_yield(TaskControl& self) {
  if (self.changes_at_yield != changes_) self.idle_yields = 0;
  self.changes_at_yield = changes_;
  const std::uint64_t place = PlaceHash()({self.pending_site->file, self.pending_site->line});
  const auto end = self.yield_places.begin() + self.idle_yields;
  if (self.idle_yields == self.yield_places.size() ||
      std::find(self.yield_places.begin(), end, place) != end)
    return false;
  self.yield_places[self.idle_yields++] = place;
  return true;
}

bool ControlledExecutor::is_spinning(TaskControl& self) {
  if (self.changes_seen != changes_) {
    self.changes_seen = changes_;
    self.idle_reads = 0;
  }
  if (++self.idle_reads <= kIdleReadsMax) return false;
  self.idle_reads = 0;
  return true;
}

bool ControlledExecutor::end_gate(TaskControl& self, Object& object, const Location& site) {
  if (std::exchange(self.has_announced_lock, false)) {
    Happening done{.operation = kLock, .phase = Phase::kDone, .outcome = Outcome::kCancelled};
    done.object = to_number(self.gate_object_id);
    if (self.gate_object != nullptr) done.sequence = ++object.sequence;
    record(self, done, site);
  }
  return false;
}

void ControlledExecutor::park(TaskControl& self, ParkedOperation& operation, Instant deadline) {
  park_here(self, operation, deadline);
}

void ControlledExecutor::unpark(TaskControl& task) { unpark_here(task); }

bool ControlledExecutor::yield(TaskControl& self) {
  const WithoutRaces scope;
  return is_unwinding_ || passes_over_yield(self) || give_way(self);
}

bool ControlledExecutor::give_way(TaskControl& self) {
  if (is_unwinding_) return true;
  yielded_.push(self);
  wait(self);
  return !is_ending_ || resume_at_end(self);
}

void ControlledExecutor::wake_yielded() {
  while (!yielded_.empty()) wake(yielded_.pop());
}

std::uint32_t ControlledExecutor::choose(TaskControl&, std::uint32_t count) {
  const WithoutRaces scope;
  return note_choice(strategy_->choose(count));
}

std::uint32_t ControlledExecutor::choose_case(TaskControl& self,
                                              std::span<const std::uint16_t> cases) {
  const WithoutRaces scope;
  return note_choice(strategy_->choose_case(number_of(self), cases));
}

std::uint32_t ControlledExecutor::note_choice(std::uint32_t chosen) {
  choices_.push_back(chosen);
  fingerprint_ = (fingerprint_ ^ chosen) * kSpread;
  return chosen;
}

// The way into every operation. Only tasks under this executor have the hook that asks it.

bool enter_beside_control(TaskControl& self, Operation operation, Object* object,
                          const Location& site) {
  const std::uint8_t hooks = self.hooks.load(std::memory_order_relaxed);
  if ((hooks & kHookStranger) != 0)
    return !Runtime::instance().refuse_foreign(self, operation, object, site);
  if ((hooks & kHookCancel) == 0) return !is_being_unwound(self);
  throw_cancelled(self);
  return false;
}

bool enter_operation_slowly(TaskControl& self, Operation operation, Object* object,
                            const Location& site) {
  if (!is_only_controlled(self)) [[unlikely]] {
    if (!enter_beside_control(self, operation, object, site)) return false;
    if (!is_only_controlled(self)) return true;
  }
  if (under_control(self).pass_point(self, operation, object, site)) return true;
  throw_cancelled(self);
  return false;
}

bool enter_polling_operation_slowly(TaskControl& self, Operation operation, Object* object,
                                    const Location& site) {
  if (runs_alone && object != nullptr) {
    meet_in_turn(self, *object);
    under_control(self).note_polled(*object);
    if (operation == kLock || operation == kLockShared)
      under_control(self).families().set_locks_tried();
  }
  return enter_operation_slowly(self, operation, object, site);
}

bool enter_giving_operation_slowly(TaskControl& self, Operation operation, Object* object,
                                   const Location& site) {
  constexpr std::uint64_t kUnlocks = bits_of({kUnlock, kUnlockShared});
  if (is_of(kUnlocks, operation) && is_only_controlled(self))
    return under_control(self).pass_unlock(self, operation, *object, site);
  const std::uint8_t hooks = self.hooks.load(std::memory_order_relaxed);
  if ((hooks & (kHookCancel | kHookThrown)) != 0 && is_being_unwound(self)) return false;
  if ((hooks & kHookStranger) != 0)
    return !Runtime::instance().refuse_foreign(self, operation, object, site);
  return (hooks & kHookControlled) == 0 ||
         under_control(self).pass_point(self, operation, object, site);
}

}  // namespace chantrace::detail
