#include "controlled_executor.h"

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "recording.h"
#include "runtime.h"

namespace chantrace::detail {

thread_local constinit bool runs_alone = false;

namespace {

// How many operations on private objects a task makes before it is a step all the same: it may wait
// for a change that only another task could make for the first time.
constexpr std::uint32_t kSkippedMax = 64;
// How often a task may look at shared state, in vain and without a change in between, before it is
// taken to have yielded.
constexpr std::uint32_t kIdleReadsMax = 64;
// How often all tasks may have yielded, without a change in between, before that is a livelock.
constexpr std::uint32_t kIdleRoundsMax = 1'000;

constexpr std::uint64_t bit_of(Operation operation) {
  return std::uint64_t{1} << static_cast<unsigned>(operation);
}

constexpr std::uint64_t bits_of(std::initializer_list<Operation> operations) {
  std::uint64_t bits = 0;
  for (const Operation operation : operations) bits |= bit_of(operation);
  return bits;
}

using enum Operation;

// Operations that are no steps of their own: others cannot tell when they are made (a task that
// joins or sleeps), they are steps in another way (a yield, a choice), or that is asked for.
constexpr std::uint64_t kNoSteps = bits_of({kTaskJoin, kSleep, kYield, kChoose, kTaskSpawn, kUnlock,
                                            kUnlockShared, kContextMake, kChannelMake});
// Made at the side of a channel where values come out.
constexpr std::uint64_t kTakes = bits_of({kReceive, kRange});
constexpr std::uint64_t kReads = bits_of({kLoad, kTaskJoin, kSleep, kYield, kChoose});

/// Mixes two numbers into one by a product of 128 bits, which takes 4 cycles.
///
/// Source: Wang Yi, wyhash (public domain), 2019; its constants.
constexpr std::uint64_t mix(std::uint64_t left, std::uint64_t right) {
  __extension__ using Product = unsigned __int128;
  const Product product =
      static_cast<Product>(left ^ 0xa0761d6478bd642full) * (right ^ 0xe7037ed1a0b428dbull);
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

/// What the task waits in. Its lock is for those who look from other threads.
ParkedOperation*& parked_of(TaskControl& task) CHANTRACE_NO_THREAD_SAFETY_ANALYSIS {
  return task.parked;
}

/// To strategies each side of an object is an object.
std::uint32_t number_of(const Object& object, std::size_t side) {
  return 2 * to_number(object.id) + static_cast<std::uint32_t>(side);
}

std::uint32_t number_of(const TaskControl& task) {
  return to_number(task.id.load(std::memory_order_relaxed));
}

/// Any odd number with well spread bits; this is 2^64 divided by the golden ratio.
constexpr std::uint64_t kFingerprintFactor = 0x9e3779b97f4a7c15ull;

bool is_of(std::uint64_t operations, Operation operation) {
  return (operations & bit_of(operation)) != 0;
}

}  // namespace

ControlledExecutor::ControlledExecutor()
    : fibers_(&ControlledExecutor::run_fiber), timers_task_(std::make_unique<TaskControl>()) {
  timers_task_->label = "timers";
  timers_task_->is_host = timers_task_->is_service = true;
  timers_task_->executor = this;
  timers_task_->clock = &steps_;
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
  objects_made_ = 0;
  steps_ = decisions_ = changes_ = trace_hash_ = fingerprint_ = 0;
  skipped_ = idle_rounds_ = 0;
  pending_gates_ = nullptr;
  last_ = nullptr;
  has_turn_ = false;
  visit_ = {number_of(root), 0};
  is_visit_seen_ = false;
  segments_.clear();
  choices_.clear();
  is_settling_ = is_ending_ = is_unwinding_ = has_exception_ = false;
  cut_ = Cut::kNone;
  abandoned_ = 0;
  timers_task_->epoch = 0;

  root_ = &root;
  fibers_.attach(root);
  root.executor = this;
  root.clock = &steps_;
  root.operations = 0;
  root.status = TaskStatus::kRunning;
  root.last_site = {};
  root.hooks.fetch_or(kHookControlled);
  tasks_.push_back(&root);
  runs_alone = true;
  Runtime::instance().set_controlled(true);
  add_runnable(root);
}

void ControlledExecutor::settle() {
  const WithoutRaces scope;
  is_settling_ = true;
  if (alive_ > 0) {
    remove_runnable(*root_);
    TaskControl& next = next_task();
    if (&next != root_) go_on_with(*root_, next);
  }
  begin_visit(number_of(*root_));
  is_ending_ = true;
}

void ControlledExecutor::unwind() {
  const WithoutRaces scope;
  is_unwinding_ = true;
  // A task that is being unwound may give back what another one waits for; nobody goes on by that.
  for (std::size_t i = tasks_.size(); i-- > 1;)
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

void ControlledExecutor::end() {
  const WithoutRaces scope;
  runs_alone = false;
  Runtime::instance().set_controlled(false);
  root_->hooks.fetch_and(static_cast<std::uint8_t>(~kHookControlled));
  root_->executor = &Runtime::instance().threads();
  root_->clock = nullptr;
  root_ = nullptr;
  recording_ = nullptr;
  timers_.clear();
}

std::optional<Finding> ControlledExecutor::cut_finding() const {
  Finding finding;
  finding.kind = FindingKind::kStepLimit;
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

Schedule ControlledExecutor::schedule() {
  begin_visit(visit_.task);
  return {options_.rules,
          {segments_.begin(), segments_.end()},
          {choices_.begin(), choices_.end()},
          fingerprint_ ^ (fingerprint_ >> 32)};
}

// Tasks.

TaskControl& ControlledExecutor::take_control() {
  if (controls_used_ == controls_.size()) {
    controls_.push_back(std::make_unique<TaskControl>());
    controls_.back()->executor = this;
  }
  return *controls_[controls_used_++];
}

TaskControl& ControlledExecutor::make_task(TaskControl& parent, std::string_view label,
                                           TaskBody body, const Location& site) {
  const WithoutRaces scope;
  TaskControl& task = take_control();
  tasks_.push_back(&task);
  task.id.store(TaskId{static_cast<std::uint32_t>(tasks_.size())}, std::memory_order_relaxed);
  task.epoch.store(parent.epoch.load(std::memory_order_relaxed), std::memory_order_relaxed);
  task.born_epoch = task.epoch.load(std::memory_order_relaxed);
  task.hooks.store(kHookControlled, std::memory_order_relaxed);
  task.label.assign(label);
  task.parent = parent.id.load(std::memory_order_relaxed);
  task.started_at = site;
  task.last_site = {};
  task.body = std::move(body);
  task.phase.store(TaskPhase::kAlive, std::memory_order_relaxed);
  task.status = TaskStatus::kRunning;
  parked_of(task) = nullptr;
  task.join_object.epoch = parent.join_object.epoch;
  task.join_object.sequence = 0;
  task.join_object.waiters = {};
  task.fiber.context = nullptr;
  task.runnable = kNotRunnable;
  task.operations = 0;
  task.changes_seen = 0;
  task.idle_reads = 0;
  task.swallowed_cancels = 0;
  task.is_abandoned = false;
  task.has_announced_lock = false;
  task.gate = nullptr;
  task.clock = &steps_;
  if (task.recording != nullptr || task.is_recording) {
    task.recording = nullptr;
    stop_recording(task);
  }
  if (recording_ != nullptr) {
    task.recording = recording_;
    start_recording(task);
    task.records_before_chunk = 0;
    task.other_records = 0;
    task.sites = SiteCache{};
    recording_->define_task(task);
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
  // It begins before anything is decided: mostly there is nothing to see of that.
  if (is_asked_always_)
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
    std::string exception;
    const TaskStatus status = run_task_body(task, exception);
    record_end(task, status, exception);
    wake_joiners(task);
    note_release(this);
    TaskControl* next;
    {
      const WithoutRaces scope;
      next = &finish(task, status, std::move(exception));
    }
    if (task.fiber.stack == nullptr) continue;  // It was handed over.
    fibers_.leave_for(task, *next);
  }
}

TaskControl& ControlledExecutor::finish(TaskControl& task, TaskStatus status,
                                        std::string exception) {
  task.status = status;
  if (status == TaskStatus::kEndedByException) {
    has_exception_ = true;
    task.exception = std::move(exception);
  }
  is_visit_seen_ = true;
  if (task.runnable != kNotRunnable) remove_runnable(task);
  --alive_;
  TaskControl& next = next_task();
  begin_visit(number_of(next));
  if (next.fiber.context == nullptr && &next != root_) {
    if (kStacksAreReused)
      fibers_.hand_over_stack(task, next);
    else
      fibers_.begin(next);
  }
  return next;
}

// Who can go on.

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

// Steps.

void ControlledExecutor::meet_first(Object& object) {
  const WithoutRaces scope;
  object.epoch = root_->epoch.load(std::memory_order_relaxed);
  object.id = ObjectId{++objects_made_};
  object.sequence = 0;
  is_visit_seen_ = true;
  object.family = families_.find(object);
  object.is_polled = families_.is_polled(object.family);
  for (std::size_t side = 0; side < 2; ++side) {
    object.sides[side] = {};
    object.sides[side].is_shared = families_.is_shared(object.family, side);
  }
}

void ControlledExecutor::note_polled(Object& object) {
  const WithoutRaces scope;
  if (std::exchange(object.is_polled, true)) return;
  families_.set_polled(object.family);
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

inline void ControlledExecutor::announce(TaskControl& self, Operation operation, Object* object,
                                         std::size_t side, const Location& site) {
  Runnable& mine = runnable_[self.runnable];
  mine.index = self.operations;
  mine.operation = operation;
  mine.is_write = !is_of(kReads, operation);
  mine.object = object != nullptr ? number_of(*object, side) : 0;
  mine.family = object != nullptr ? object->family : 0;
  mine.site = &site;
}

inline bool ControlledExecutor::is_private(const TaskControl& self, Object& object,
                                           std::size_t side_index, bool is_write) {
  Object::Side& side = object.sides[side_index];
  if (side.is_shared) return false;
  const TaskId id = self.id.load(std::memory_order_relaxed);
  side.was_written |= is_write;
  if (side.only_user == id) return true;
  if (side.only_user == TaskId{}) {
    side.only_user = id;
    return true;
  }
  constexpr TaskId kSeveral{0xffffffff};
  side.only_user = kSeveral;
  if (!side.was_written) return true;
  side.is_shared = true;
  families_.set_shared(object.family, side_index);
  return false;
}

inline bool ControlledExecutor::is_choice(const TaskControl& self, Object* object, std::size_t side,
                                          bool is_write) {
  return object == nullptr || !is_private(self, *object, side, is_write) || is_asked_always_ ||
         !options_.skips_private_objects || ++skipped_ >= kSkippedMax;
}

inline bool ControlledExecutor::take_turn(TaskControl& self) {
  if (std::exchange(has_turn_, false)) return true;
  if (woken_.empty()) {
    if (runnable_.size() == 1 && !is_asked_always_) return true;
    const std::size_t chosen = pick();
    if (chosen == self.runnable) return true;
    if (chosen != clock_place_) {
      go_on_with(self, task_of(runnable_[chosen]));
      return !is_ending_ || resume_at_end(self);
    }
    fire_timer();
  }
  go_on_with(self, next_task());
  return !is_ending_ || resume_at_end(self);
}

TaskControl& ControlledExecutor::next_task() {
  for (;;) {
    if (is_unwinding_ || is_ending_) return *root_;
    if (!woken_.empty()) {
      TaskControl& task = woken_.pop();
      add_runnable(task);
      return task;
    }
    if (runnable_.size() == 1 && clock_place_ == kNobody && !is_asked_always_) [[likely]] {
      skipped_ = 0;
      has_turn_ = runnable_.front().operation == kNone;
      return task_of(runnable_.front());
    }
    const std::size_t tasks = runnable_.size() - (clock_place_ != kNobody ? 1 : 0);
    if (tasks == 0) {
      if (can_time_help()) {
        if (clock_place_ != kNobody) pick();
        fire_timer();
      } else if (!yielded_.empty()) {
        if (++idle_rounds_ > kIdleRoundsMax) return end_now(Cut::kLivelock);
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

inline std::size_t ControlledExecutor::pick() {
  skipped_ = 0;
  has_turn_ = false;
  std::size_t chosen = 0;
  if (runnable_.size() > 1 || is_asked_always_) {
    ++decisions_;
    const bool can_go_on = last_ != nullptr && last_->runnable != kNotRunnable;
    chosen = strategy_->pick(runnable_, can_go_on ? last_->runnable : kNobody);
  }
  has_turn_ = !is_asked_always_ && runnable_[chosen].operation == kNone && chosen != clock_place_;
  return chosen;
}

inline void ControlledExecutor::go_on_with(TaskControl& self, TaskControl& next) {
  if (&next == &self) return;
  begin_visit(number_of(next));
  if (next.fiber.context == nullptr && &next != root_) fibers_.begin(next);
  fibers_.switch_to(self, next);
}

inline void ControlledExecutor::begin_visit(std::uint32_t task) {
  // What unwinds tasks is nobody's decision.
  if (is_ending_ || is_unwinding_) is_visit_seen_ = false;
  if (is_visit_seen_) {
    // One without an operation is kept apart: it has to be picked by itself.
    if (!segments_.empty() && segments_.back().task == visit_.task && visit_.operations > 0)
      segments_.back().operations += visit_.operations;
    else
      segments_.push_back(visit_);
  }
  visit_ = {task, 0};
  is_visit_seen_ = false;
}

[[gnu::always_inline]] inline void ControlledExecutor::wait(TaskControl& self) {
  if (self.runnable != kNotRunnable) remove_runnable(self);
  go_on_with(self, next_task());
}

void ControlledExecutor::wake(TaskControl& task) {
  if (looks_ahead_)
    woken_.push(task);
  else
    add_runnable(task);
}

inline bool ControlledExecutor::grant(TaskControl& self, Operation operation, Object* object,
                                      std::size_t side, bool is_write) {
  is_visit_seen_ = true;
  // Not the side: which that is depends on what is known of the object's family.
  const std::uint64_t id = object != nullptr ? to_number(object->id) : 0;
  fingerprint_ = (fingerprint_ ^ (id << 32) ^ (std::uint64_t{number_of(self)} << 8) ^
                  static_cast<std::uint64_t>(operation)) *
                 kFingerprintFactor;
  // Whoever uses an object alone uses it in the same order in every execution.
  if (object != nullptr && object->sides[side].is_shared) {
    std::uint32_t& version = object->sides[side].version;
    trace_hash_ += mix((std::uint64_t{number_of(self)} << 32) | self.operations,
                       (std::uint64_t{number_of(*object, side)} << 32) | version);
    if (is_write) ++version;
  }
  if (pairs_ != nullptr && object != nullptr) note_pair(self, object->sides[side], is_write);
  if (is_write) {
    ++changes_;
    idle_rounds_ = 0;
    if (!yielded_.empty()) wake_yielded();
  }
  if (steps_ <= options_.steps_max) [[likely]]
    return true;
  return cut_here(self);
}

void ControlledExecutor::note_pair(const TaskControl& self, Object::Side& side, bool is_write) {
  // Among many tasks those that were started at one place are told apart only a little: with each
  // alone every pair would be news.
  constexpr std::size_t kTasksToldApart = 16;
  const std::uint32_t task = number_of(self);
  const std::uint32_t who =
      tasks_.size() <= kTasksToldApart ? task : self.started_at.line * 64 + task % 4;
  const Location& site = *self.pending_site;
  const auto file = static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(site.file) >> 3);
  const std::uint32_t key = (who * 0x9e3779b9u) ^ (site.line * 0x85ebca6bu) ^ file;
  if (side.writer != 0 && side.writer_task != task) pairs_->add(side.writer, key);
  if (!is_write) return;
  side.writer = key | 1;
  side.writer_task = task;
}

bool ControlledExecutor::cut_here(TaskControl& self) {
  options_.steps_max += options_.steps_max;  // For what the body does while it is unwound.
  go_on_with(self, end_now(Cut::kStepLimit));
  return resume_at_end(self);
}

inline void ControlledExecutor::count_step(TaskControl& self) {
  ++steps_;
  ++visit_.operations;
  is_visit_seen_ = true;
  last_ = &self;
}

// In its callers' frames: after a switch of fibers the processor predicts no return, and each costs
// as much as a switch.
[[gnu::always_inline]] inline bool ControlledExecutor::pass_point(TaskControl& self,
                                                                  Operation operation,
                                                                  Object* object,
                                                                  const Location& site) {
  const WithoutRaces scope;
  if (is_ending_) [[unlikely]]
    return resume_at_end(self);
  self.pending_site = &site;
  const bool is_write = !is_of(kReads, operation);
  std::size_t side = 0;
  if (object != nullptr) {
    meet(self, *object);
    side = is_of(kTakes, operation) && !object->is_polled ? 1 : 0;
  }
  if (is_of(step_operations_, operation)) {
    ++self.operations;
    if (pending_gates_ != nullptr) close_pending_gates();
    if (is_choice(self, object, side, is_write)) {
      announce(self, operation, object, side, site);
      if (!take_turn(self)) return false;
    }
    count_step(self);
    // Behind its turn: what it sees then is the same in every execution of a schedule.
    const bool has_others = runnable_.size() > 1 || !woken_.empty();
    if (operation == kLoad && has_others && is_spinning(self)) [[unlikely]] {
      if (!yield(self)) return false;
    }
  } else if (object != nullptr) {
    is_private(self, *object, side, is_write);
  }
  return grant(self, operation, object, side, is_write);
}

bool ControlledExecutor::point(TaskControl& self, Operation operation, Object* object,
                               const Location& site) {
  return pass_point(self, operation, object, site);
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

bool ControlledExecutor::point_at_gate(TaskControl& self, Object& object, LockGate& gate,
                                       const Location& site) {
  return pass_gate(self, object, gate, site);
}

[[gnu::always_inline]] inline bool ControlledExecutor::pass_gate(TaskControl& self, Object& object,
                                                                 LockGate& gate,
                                                                 const Location& site) {
  const WithoutRaces scope;
  if (is_ending_) [[unlikely]]
    return resume_at_end(self);
  meet(self, object);
  self.pending_site = &site;
  ++self.operations;
  if (pending_gates_ != nullptr) close_pending_gates();
  announce(self, kLock, &object, 0, site);
  self.gate = &gate;
  self.gate_object = &object;
  self.gate_object_id = object.id;
  self.previous_at_gate = nullptr;
  self.next_at_gate = gate.standing;
  if (gate.standing != nullptr) gate.standing->previous_at_gate = &self;
  gate.standing = &self;

  const bool may_choose = is_choice(self, &object, 0, true);
  if (gate.is_closed) close_gate(gate);
  bool goes_on = true;
  if (self.runnable == kNotRunnable) {
    wait(self);
    goes_on = !is_ending_ || resume_at_end(self);
  } else {
    goes_on = !may_choose || take_turn(self);
  }

  self.gate = nullptr;
  if (self.gate_object != nullptr) {
    (self.previous_at_gate != nullptr ? self.previous_at_gate->next_at_gate : gate.standing) =
        self.next_at_gate;
    if (self.next_at_gate != nullptr) self.next_at_gate->previous_at_gate = self.previous_at_gate;
  }
  if (goes_on) {
    count_step(self);
    return grant(self, kLock, &object, 0, true);
  }
  if (std::exchange(self.has_announced_lock, false)) {
    Happening done{.operation = kLock, .phase = Phase::kDone, .outcome = Outcome::kCancelled};
    done.object = to_number(self.gate_object_id);
    if (self.gate_object != nullptr) done.sequence = ++object.sequence;
    record(self, done, site);
  }
  return false;
}

void ControlledExecutor::gate_changed(LockGate& gate) {
  const WithoutRaces scope;
  // Most locks are given back before anyone else is at a step, and nobody needs to have known.
  if (gate.is_closed && !gate.is_pending) {
    gate.is_pending = true;
    gate.next_pending = pending_gates_;
    pending_gates_ = &gate;
  } else if (!gate.is_closed && gate.is_pending) {
    forget_pending(gate);
  } else if (!gate.is_closed) {
    open_gate(gate);
  }
}

void ControlledExecutor::forget_pending(LockGate& gate) {
  LockGate** link = &pending_gates_;
  while (*link != &gate) link = &(*link)->next_pending;
  *link = gate.next_pending;
  gate.is_pending = false;
}

void ControlledExecutor::close_pending_gates() {
  while (pending_gates_ != nullptr) {
    LockGate& gate = *pending_gates_;
    pending_gates_ = gate.next_pending;
    gate.is_pending = false;
    close_gate(gate);
  }
}

void ControlledExecutor::close_gate(LockGate& gate) {
  for (TaskControl* task = gate.standing; task != nullptr; task = task->next_at_gate) {
    if (task->runnable == kNotRunnable) continue;
    remove_runnable(*task);
    if (task->has_announced_lock) continue;
    task->has_announced_lock = true;
    record(*task, happening(*task->gate_object, kLock, Phase::kStart), *task->pending_site);
  }
}

void ControlledExecutor::open_gate(LockGate& gate) {
  for (TaskControl* task = gate.standing; task != nullptr; task = task->next_at_gate) {
    if (task->runnable != kNotRunnable) continue;
    add_runnable(*task);
    Runnable& mine = runnable_.back();
    mine.index = task->operations;
    mine.operation = kLock;
    mine.is_write = true;
    mine.object = number_of(*task->gate_object, 0);
    mine.family = task->gate_object->family;
    mine.site = task->pending_site;
  }
}

void ControlledExecutor::park(TaskControl& self, ParkedOperation& operation, Instant deadline) {
  const WithoutRaces scope;
  operation.has_deadline = deadline != kNever;
  if ((self.hooks.load(std::memory_order_relaxed) & kHookCancel) != 0 &&
      operation.try_claim(Claim::kCancelled))
    return;
  // It stood in a queue already, and giving back a lock was a step in between.
  if (operation.claim.load(std::memory_order_relaxed) != Claim::kPending)
    return note_acquire(&self);
  parked_of(self) = &operation;
  if (operation.has_deadline) {
    timers_.push(deadline, self);
    update_clock();
  }
  wait(self);
  note_acquire(&self);
  if (operation.has_deadline && timers_.remove(self)) update_clock();
  const Claim claim = operation.claim.load(std::memory_order_relaxed);
  // Then the end of the wait is numbered among the object's records only now.
  if (claim == Claim::kTimedOut) is_visit_seen_ = true;
  if (claim == Claim::kQuiescent) resume_at_end(self);
  parked_of(self) = nullptr;
}

void ControlledExecutor::unpark(TaskControl& task) {
  const WithoutRaces scope;
  note_release(&task);
  // One that has not parked yet will see that it need not.
  if (parked_of(task) != nullptr) wake(task);
}

bool ControlledExecutor::yield(TaskControl& self) {
  const WithoutRaces scope;
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
  const std::uint32_t chosen = strategy_->choose(count);
  choices_.push_back(chosen);
  fingerprint_ = (fingerprint_ ^ chosen) * kFingerprintFactor;
  return chosen;
}

// Time.

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
  stop_recording(timers);
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
    begin_visit(kClockTask);
    visit_.operations = 1;
    is_visit_seen_ = true;
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
  if (options_.rules.time_mode == TimeMode::kChoice) begin_visit(number_of(*current_task_or_null));
  update_clock();
}

// The end.

TaskControl& ControlledExecutor::end_now(Cut cut) {
  cut_ = cut;
  begin_visit(1);
  is_ending_ = true;
  ParkedOperation* const parked = parked_of(*root_);
  if (!is_settling_ && parked != nullptr && parked->try_claim(Claim::kQuiescent))
    leave_queues(*parked);
  return *root_;
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
  self.is_abandoned = true;
  self.status = TaskStatus::kCancelled;
  self.phase.store(TaskPhase::kEnded);
  ++abandoned_;
  --alive_;
  fibers_.leave_for(self, *root_);
}

// The way into every operation. Only tasks under this executor have the hook that asks it.

namespace {

ControlledExecutor& under_control(TaskControl& self) {
  return static_cast<ControlledExecutor&>(*self.executor);
}

// The way into an operation of a task some hook of which is set: `pass` takes its turn under
// control, `again` asks anew once the task is no longer being unwound. Returns whether the
// operation may happen.
template <typename Pass, typename Again>
inline bool enter_slowly(TaskControl& self, const Pass& pass, const Again& again) {
  const std::uint8_t hooks = self.hooks.load(std::memory_order_relaxed);
  if ((hooks & (kHookCancel | kHookThrown)) == 0) [[likely]] {
    // All that is left is `kHookControlled`.
    if (pass()) return true;
    throw_cancelled(self);
    return false;
  }
  if ((hooks & kHookCancel) != 0) {
    throw_cancelled(self);
    return false;
  }
  if (is_being_unwound(self)) return false;
  return again();
}

}  // namespace

bool enter_operation_slowly(TaskControl& self, Operation operation, Object* object,
                            const Location& site) {
  return enter_slowly(
      self, [&] { return under_control(self).pass_point(self, operation, object, site); },
      [&] { return enter_operation(self, operation, object, site); });
}

bool enter_polling_operation_slowly(TaskControl& self, Operation operation, Object* object,
                                    const Location& site) {
  if (runs_alone && object != nullptr) {
    meet_in_turn(self, *object);
    under_control(self).note_polled(*object);
  }
  return enter_operation_slowly(self, operation, object, site);
}

bool enter_lock_slowly(TaskControl& self, Object& object, LockGate& gate, const Location& site) {
  return enter_slowly(
      self, [&] { return under_control(self).pass_gate(self, object, gate, site); },
      [&] { return enter_lock(self, object, gate, site); });
}

bool enter_giving_operation_slowly(TaskControl& self, Operation operation, Object* object,
                                   const Location& site) {
  const std::uint8_t hooks = self.hooks.load(std::memory_order_relaxed);
  if ((hooks & (kHookCancel | kHookThrown)) != 0 && is_being_unwound(self)) return false;
  return (hooks & kHookControlled) == 0 ||
         under_control(self).pass_point(self, operation, object, site);
}

}  // namespace chantrace::detail
