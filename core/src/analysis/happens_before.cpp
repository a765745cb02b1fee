#include "happens_before.h"

#include <algorithm>
#include <utility>

namespace chantrace {

VectorClock& ClockQueue::push() {
  if (count_ == ring_.size()) {
    std::rotate(ring_.begin(), ring_.begin() + static_cast<std::ptrdiff_t>(first_), ring_.end());
    first_ = 0;
    ring_.resize(std::max<std::size_t>(4, 2 * ring_.size()));
  }
  VectorClock& clock = ring_[(first_ + count_++) % ring_.size()];
  clock.clear();
  return clock;
}

VectorClock& ClockQueue::pop() {
  VectorClock& clock = ring_[first_];
  first_ = (first_ + 1) % ring_.size();
  --count_;
  return clock;
}

namespace {

using enum Operation;

/// It gives back what it waited for, or never had it.
bool is_in_vain(Outcome outcome) {
  return outcome == Outcome::kNotReady || outcome == Outcome::kTimedOut ||
         outcome == Outcome::kCancelled || outcome == Outcome::kDefault;
}

bool is_send(const EventRecord& event) {
  return event.operation == kSelect ? is_send_case(event) : event.operation == kSend;
}

}  // namespace

void HappensBefore::clear() {
  for (Place& one : places_) {
    one.kind = ObjectKind::kNone;
    one.given.clear();
    one.readers.clear();
    one.count = 0;
    one.has_count = one.is_buffered = false;
    one.free_rooms = one.unknown_values = 0;
    one.values.clear();
    one.rooms.clear();
    one.partner = Step::kNone;
  }
  for (VectorClock& end : ends_) end.clear();
}

HappensBefore::Place& HappensBefore::place(std::uint32_t object) {
  if (object >= places_.size()) places_.resize(object + 1);
  return places_[object];
}

void HappensBefore::define(std::uint32_t object, const ObjectInfo& info) {
  Place& one = place(object);
  one.kind = info.kind;
  one.is_buffered = info.capacity > 0;
  one.unknown_values = std::min(info.initial_size, info.capacity);
  one.free_rooms = info.capacity - one.unknown_values;
}

void HappensBefore::take(const Step& step) {
  if (step.object == Step::kNone) return;
  if (is_on_task(step.event->operation)) return take_on_task(step);
  Place& at = place(step.object);
  const EventRecord& event = *step.event;
  if (at.kind == ObjectKind::kChannel) return take_on_channel(step, at);
  if (phase_of(event) == Phase::kStart || is_in_vain(outcome_of(event))) return;
  switch (event.operation) {
    case kLoad:
    case kStore:
    case kReadModifyWrite:
      return take_on_variable(step, at);
    case kLock:
    case kLockShared:
    case kUnlock:
    case kUnlockShared:
      return take_on_lock(step, at);
    case kWaitGroupAdd:
      return take_on_wait_group(step, at);
    case kWaitGroupWait:
    case kConditionWait:
    case kOnceCall:
    case kSemaphoreAcquire:
      return races_.take(step.task, at.given);
    case kConditionNotifyOne:
    case kConditionNotifyAll:
      return races_.give_alone(step.task, at.given);
    case kOnceEnd:
    case kSemaphoreRelease:
      return races_.give(step.task, at.given);
    case kTimerStart:
    case kContextMake:
      return races_.give_alone(step.task, at.given);
    case kTimerFire:
      return races_.act_for(step.task, at.given);
    case kContextCancel:
      return step.is_clock ? races_.act_for(step.task, at.given) : races_.give(step.task, at.given);
    default:
      return;
  }
}

void HappensBefore::take_on_task(const Step& step) {
  const EventRecord& event = *step.event;
  if (step.object >= ends_.size()) ends_.resize(step.object + 1);
  switch (event.operation) {
    case kTaskSpawn:
      return races_.start(step.task, step.object);
    case kTaskEnd:
      return races_.give(step.task, ends_[step.task]);
    case kTaskJoin:
      if (phase_of(event) != Phase::kStart && !is_in_vain(outcome_of(event)))
        races_.take(step.task, ends_[step.object]);
      return;
    default:
      return;
  }
}

void HappensBefore::take_on_channel(const Step& step, Place& channel) {
  const EventRecord& event = *step.event;
  // Whoever waits has done all that came before.
  if (phase_of(event) == Phase::kStart) return races_.give(step.task, channel.readers);
  if (event.operation == kClose) {
    if (outcome_of(event) == Outcome::kOk) races_.give(step.task, channel.given);
    return;
  }
  switch (outcome_of(event)) {
    case Outcome::kOk:
      break;
    case Outcome::kClosed:
    case Outcome::kMisuse:
      return races_.take(step.task, channel.given);
    default:
      return;
  }
  const bool moves_value = event.operation == kSend || event.operation == kReceive ||
                           event.operation == kRange || event.operation == kSelect;
  if (!moves_value) return;
  if (!channel.is_buffered) return hand_over(step, channel);
  is_send(event) ? send(step, channel) : receive(step, channel);
}

void HappensBefore::send(const Step& step, Place& channel) {
  if (channel.free_rooms > 0)
    --channel.free_rooms;
  else
    races_.take(step.task, channel.rooms.empty() ? channel.readers : channel.rooms.pop());
  races_.give(step.task, channel.values.push());
  races_.give(step.task, channel.readers);
}

void HappensBefore::receive(const Step& step, Place& channel) {
  if (channel.unknown_values > 0)
    --channel.unknown_values;
  else
    races_.take(step.task, channel.values.empty() ? channel.readers : channel.values.pop());
  races_.give(step.task, channel.rooms.push());
  races_.give(step.task, channel.readers);
}

void HappensBefore::hand_over(const Step& step, Place& channel) {
  if (channel.partner != Step::kNone) {
    races_.meet(step.task, std::exchange(channel.partner, Step::kNone));
  } else if (step.completes_another) {
    channel.partner = step.task;
  } else {
    races_.take(step.task, channel.readers);
    races_.give(step.task, channel.readers);
  }
}

void HappensBefore::take_on_variable(const Step& step, Place& variable) {
  const Operation operation = step.event->operation;
  if (variable.kind == ObjectKind::kShared) {
    if (operation == kLoad)
      races_.read(step.task, step.object, step.event->site);
    else
      races_.write(step.task, step.object, step.event->site);
    return;
  }
  if (operation == kStore) return races_.give_alone(step.task, variable.given);
  races_.take(step.task, variable.given);
  if (operation == kReadModifyWrite) races_.give(step.task, variable.given);
}

void HappensBefore::take_on_lock(const Step& step, Place& lock) {
  const Outcome outcome = outcome_of(*step.event);
  if (outcome != Outcome::kOk && outcome != Outcome::kForeign) return;
  switch (step.event->operation) {
    case kLock:
      races_.take(step.task, lock.readers);
      [[fallthrough]];
    case kLockShared:
      return races_.take(step.task, lock.given);
    case kUnlock:
      return races_.give(step.task, lock.given);
    default:
      return races_.give(step.task, lock.readers);
  }
}

void HappensBefore::take_on_wait_group(const Step& step, Place& group) {
  const auto count = static_cast<std::int64_t>(step.event->value);
  if (!group.has_count || count < group.count) races_.give(step.task, group.given);
  group.count = count;
  group.has_count = true;
}

}  // namespace chantrace
