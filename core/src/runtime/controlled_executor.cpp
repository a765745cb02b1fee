#include "controlled_executor.h"

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "recording.h"
#include "runtime.h"
#include "stack_overflow.h"

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
  visits_.begin(number_of(root));
  choices_.clear();
  is_settling_ = is_ending_ = is_unwinding_ = has_exception_ = false;
  cut_ = Cut::kNone;
  abandoned_ = 0;
  timers_task_->epoch = 0;

  report_stack_overflows();
  root_ = &root;
  fibers_.attach(root);
  root.executor = this;
  root.clock = &steps_;
  root.operations = 0;
  root.status = TaskStatus::kRunning;
  root.hooks.fetch_or(kHookControlled);
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
  root_ = nullptr;
  recording_ = nullptr;
  timers_.clear();
}

Schedule ControlledExecutor::schedule() {
  if (is_ending_ || is_unwinding_) visits_.set_unseen();
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
    object.sides[side].is_shared = families_.is_shared(object.family, side);
  }
  if (has_stranger) [[unlikely]]
    Runtime::instance().note_foreign_use({.object = object.id}, object);
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
  visits_.set_seen();
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
  visits_.count();
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

void ControlledExecutor::park(TaskControl& self, ParkedOperation& operation, Instant deadline) {
  const WithoutRaces scope;
  operation.has_deadline = deadline != kNever;
  if ((self.hooks.load(std::memory_order_relaxed) & kHookCancel) != 0 &&
      operation.try_claim(Claim::kCancelled))
    return;
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
  if (claim == Claim::kTimedOut) visits_.set_seen();
  if (claim == Claim::kQuiescent) resume_at_end(self);
  parked_of(self) = nullptr;
}

void ControlledExecutor::unpark(TaskControl& task) {
  const WithoutRaces scope;
  note_release(&task);
  wake(task);
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

// The way into every operation. Only tasks under this executor have the hook that asks it.

namespace {

ControlledExecutor& under_control(TaskControl& self) {
  return static_cast<ControlledExecutor&>(*self.executor);
}

// The way into an operation of a task some hook of which is set: `pass` takes its turn under
// control, `refuse` asks whether a stranger may not, `again` asks anew once the task is no longer
// being unwound. Returns whether the operation may happen.
template <typename Pass, typename Refuse, typename Again>
inline bool enter_slowly(TaskControl& self, const Pass& pass, const Refuse& refuse,
                         const Again& again) {
  const std::uint8_t hooks = self.hooks.load(std::memory_order_relaxed);
  if ((hooks & (kHookCancel | kHookThrown | kHookStranger)) == 0) [[likely]] {
    // All that is left is `kHookControlled`.
    if (pass()) return true;
    throw_cancelled(self);
    return false;
  }
  if ((hooks & kHookStranger) != 0) return !refuse();
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
      [&] { return Runtime::instance().refuse_foreign(self, operation, object, site); },
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
      [&] { return Runtime::instance().refuse_foreign(self, Operation::kLock, &object, site); },
      [&] { return enter_lock(self, object, gate, site); });
}

bool enter_giving_operation_slowly(TaskControl& self, Operation operation, Object* object,
                                   const Location& site) {
  const std::uint8_t hooks = self.hooks.load(std::memory_order_relaxed);
  if ((hooks & (kHookCancel | kHookThrown)) != 0 && is_being_unwound(self)) return false;
  if ((hooks & kHookStranger) != 0)
    return !Runtime::instance().refuse_foreign(self, operation, object, site);
  return (hooks & kHookControlled) == 0 ||
         under_control(self).pass_point(self, operation, object, site);
}

}  // namespace chantrace::detail
