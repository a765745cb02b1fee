#include "lock_machine.h"

#include <algorithm>

#include "object_events.h"

namespace chantrace {
namespace {

std::string task_text(const Trace& trace, TaskId id) {
  const TaskInfo* const task = trace.find_task(id);
  return task == nullptr || task->label.empty() ? "task " + std::to_string(to_number(id))
                                                : task->label;
}

bool has_given_up(const EventRecord& event) {
  return outcome_of(event) == Outcome::kTimedOut || outcome_of(event) == Outcome::kCancelled;
}

}  // namespace

LockMachine::LockMachine(const Trace& trace, const ObjectInfo& info) : trace_(&trace) {
  // Which of them hold a shared mutex together is not recorded: several can only be readers.
  const bool is_shared = info.initial_holders.size() > 1;
  has_lost_count_ = info.initial_holders.size() > kHoldersMax;
  if (has_lost_count_) return;
  for (const TaskId holder : info.initial_holders) held_.push_back({holder, is_shared});
}

MachineError LockMachine::apply(const EventPlace& place) {
  if (has_lost_count_) return std::nullopt;
  const EventRecord& event = event_at(*trace_, place);
  const TaskId task = trace_->streams[place.stream].task;
  const Phase phase = phase_of(event);
  const Outcome outcome = outcome_of(event);
  switch (event.operation) {
    case Operation::kLock:
    case Operation::kLockShared: {
      const bool is_shared = event.operation == Operation::kLockShared;
      if (phase == Phase::kDone && waiting_ > 0) --waiting_;
      if (phase == Phase::kStart) {
        MachineError error = give_up(is_shared);
        ++waiting_;
        return error ? MachineError("parks though nobody holds the lock") : std::nullopt;
      }
      if (outcome == Outcome::kOk) return acquire(task, is_shared);
      return phase == Phase::kBoth ? give_up(is_shared) : std::nullopt;
    }
    case Operation::kUnlock:
    case Operation::kUnlockShared:
      return release(task, event.operation == Operation::kUnlockShared, outcome);
    default:
      return std::nullopt;
  }
}

MachineError LockMachine::acquire(TaskId task, bool is_shared) {
  const auto in_the_way = std::find_if(
      held_.begin(), held_.end(), [&](const Held& held) { return !is_shared || !held.is_shared; });
  if (in_the_way != held_.end())
    return "takes the lock while " + task_text(*trace_, in_the_way->task) + " holds it";
  if (held_.size() == kHoldersMax) {
    has_lost_count_ = true;
    return std::nullopt;
  }
  held_.push_back({task, is_shared});
  return std::nullopt;
}

MachineError LockMachine::release(TaskId task, bool is_shared, Outcome outcome) {
  const auto is_like = [&](const Held& held) { return held.is_shared == is_shared; };
  const auto own = std::find_if(held_.begin(), held_.end(), [&](const Held& held) {
    return held.task == task && is_like(held);
  });
  const auto any = std::find_if(held_.begin(), held_.end(), is_like);
  switch (outcome) {
    case Outcome::kOk:
      if (own == held_.end()) {
        // One that held it before the trace began may be a task that the trace does not name.
        const auto unnamed = std::find_if(
            held_.begin(), held_.end(), [](const Held& held) { return to_number(held.task) == 0; });
        if (unnamed == held_.end()) return "unlocks what its task does not hold";
        held_.erase(unnamed);
        return std::nullopt;
      }
      held_.erase(own);
      return std::nullopt;
    case Outcome::kForeign:
      if (own != held_.end()) return "says that another task holds the lock, and its own does";
      // A lock that is handed over has its new holder before that one's record.
      if (any == held_.end() && waiting_ == 0) return "unlocks what nobody holds";
      if (any != held_.end()) held_.erase(any);
      return std::nullopt;
    case Outcome::kMisuse:
      if (any != held_.end())
        return "says that nobody holds the lock, and " + task_text(*trace_, any->task) + " does";
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

MachineError LockMachine::give_up(bool is_shared) const {
  // A lock that is handed over is not free, though its new holder has not recorded it yet; and a
  // reader stands back for a writer that waits.
  if (waiting_ > 0 || has_writer() || (!is_shared && !held_.empty())) return std::nullopt;
  return "finds the lock taken, and nobody holds it";
}

bool LockMachine::has_writer() const {
  return std::any_of(held_.begin(), held_.end(), [](const Held& held) { return !held.is_shared; });
}

void WakeQueue::queue(const EventPlace& start, WaitFate fate) {
  if (fate == WaitFate::kCompleted || fate == WaitFate::kOpen)
    waiting_.push_back({start.stream, fate == WaitFate::kOpen});
}

void WakeQueue::wake_first() {
  woken_.push_back(waiting_.front());
  waiting_.pop_front();
}

bool WakeQueue::skip(std::uint32_t count) {
  for (; count > 0 && !woken_.empty() && woken_.front().is_open; --count) woken_.pop_front();
  return count == 0;
}

MachineError WakeQueue::check(const Trace& trace, const EventPlace& place) const {
  const EventRecord& event = event_at(trace, place);
  const bool is_completed = phase_of(event) == Phase::kDone && !has_given_up(event);
  if (woken_.empty()) {
    if (is_completed) return "is done, though nothing has woken it";
    return std::nullopt;
  }
  if (is_completed && woken_.front().stream == place.stream) return std::nullopt;
  return "comes where " + task_text(trace, trace.streams[woken_.front().stream].task) +
         ", which was woken before it, must be done first";
}

void WakeQueue::take_done(const EventPlace& place) {
  if (!woken_.empty() && woken_.front().stream == place.stream) woken_.pop_front();
}

WaitGroupMachine::WaitGroupMachine(const Trace& trace, const WaitsOfTrace& waits,
                                   const ObjectInfo& info)
    : trace_(&trace), waits_(&waits), count_(info.initial_count) {}

MachineError WaitGroupMachine::apply(const EventPlace& place) {
  const EventRecord& event = event_at(*trace_, place);
  if (MachineError error = queue_.check(*trace_, place)) return error;
  const Phase phase = phase_of(event);
  if (event.operation == Operation::kWaitGroupAdd) {
    const auto count = static_cast<std::int64_t>(event.value);
    if (outcome_of(event) == Outcome::kMisuse) return std::nullopt;
    if (count < 0) return "leaves the count at " + std::to_string(count);
    count_ = count;
    while (count_ == 0 && !queue_.empty()) queue_.wake_first();
    return std::nullopt;
  }
  if (event.operation != Operation::kWaitGroupWait) return std::nullopt;
  if (phase == Phase::kStart) {
    if (count_ == 0) return "parks though the count is 0";
    queue_.queue(place, waits_->fate(place));
    return std::nullopt;
  }
  if (phase == Phase::kBoth && outcome_of(event) == Outcome::kOk && count_ != 0)
    return "goes through though the count is " + std::to_string(count_);
  if (phase == Phase::kDone) queue_.take_done(place);
  return std::nullopt;
}

SemaphoreMachine::SemaphoreMachine(const Trace& trace, const WaitsOfTrace& waits,
                                   const ObjectInfo& info)
    : trace_(&trace), waits_(&waits), count_(info.initial_count) {}

MachineError SemaphoreMachine::apply(const EventPlace& place) {
  const EventRecord& event = event_at(*trace_, place);
  if (MachineError error = queue_.check(*trace_, place)) return error;
  const Phase phase = phase_of(event);
  const Outcome outcome = outcome_of(event);
  if (event.operation == Operation::kSemaphoreRelease) {
    if (outcome == Outcome::kMisuse) return std::nullopt;
    const auto released = static_cast<std::int64_t>(event.value);
    if (released < 0 || released > INT64_MAX - std::max<std::int64_t>(count_, 0))
      return "releases " + std::to_string(released);
    count_ += released;
    for (; count_ > 0 && !queue_.empty(); --count_) queue_.wake_first();
    return std::nullopt;
  }
  if (event.operation != Operation::kSemaphoreAcquire) return std::nullopt;
  if (phase == Phase::kStart) {
    if (count_ > 0 && queued_ == 0)
      return "parks though " + std::to_string(count_) + " can be taken";
    ++queued_;
    queue_.queue(place, waits_->fate(place));
    return std::nullopt;
  }
  if (phase == Phase::kDone) {
    if (queued_ > 0) --queued_;
    queue_.take_done(place);
    return std::nullopt;
  }
  if (outcome == Outcome::kOk) {
    if (count_ <= 0) return "goes through though nothing can be taken";
    if (!queue_.empty()) return "goes through though others wait before it";
    --count_;
    return std::nullopt;
  }
  if (count_ > 0 && queued_ == 0)
    return "gives up though " + std::to_string(count_) + " can be taken";
  return std::nullopt;
}

ConditionMachine::ConditionMachine(const Trace& trace, const WaitsOfTrace& waits)
    : trace_(&trace), waits_(&waits) {}

MachineError ConditionMachine::apply(const EventPlace& place) {
  const EventRecord& event = event_at(*trace_, place);
  if (MachineError error = queue_.check(*trace_, place)) return error;
  switch (event.operation) {
    case Operation::kConditionWait:
      if (phase_of(event) == Phase::kStart) queue_.queue(place, waits_->fate(place));
      if (phase_of(event) == Phase::kDone) queue_.take_done(place);
      return std::nullopt;
    case Operation::kConditionNotifyOne:
    case Operation::kConditionNotifyAll: {
      const std::uint64_t can_wake = event.operation == Operation::kConditionNotifyAll
                                         ? queue_.size()
                                         : std::min<std::uint64_t>(queue_.size(), 1);
      if (event.value != can_wake)
        return "woke " + std::to_string(event.value) + ", where " + std::to_string(can_wake) +
               " must wake";
      for (std::uint64_t i = 0; i < can_wake; ++i) queue_.wake_first();
      return std::nullopt;
    }
    default:
      return std::nullopt;
  }
}

MachineError TaskMachine::apply(const EventPlace& place) {
  const EventRecord& event = event_at(*trace_, place);
  const bool is_own = to_number(trace_->streams[place.stream].task) == event.object;
  switch (event.operation) {
    case Operation::kTaskSpawn:
      if (has_spawned_ || has_begun_) return "starts a task that was started already";
      has_spawned_ = true;
      return std::nullopt;
    case Operation::kTaskBegin:
      if (!is_own) return "is recorded by another task";
      if (has_begun_) return "begins a second time";
      has_begun_ = true;
      return std::nullopt;
    case Operation::kTaskEnd:
      if (!is_own) return "is recorded by another task";
      if (has_ended_) return "ends a second time";
      has_ended_ = true;
      return std::nullopt;
    case Operation::kTaskJoin:
      if (phase_of(event) != Phase::kStart && outcome_of(event) == Outcome::kOk && !has_ended_)
        return "joins a task that has not ended";
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

}  // namespace chantrace
