#include "object_state.h"

#include <algorithm>
#include <iterator>
#include <vector>

#include "object_events.h"

namespace chantrace {
namespace {

constexpr std::uint16_t kDetailMax = 0xfffe;

/// A damaged file may say any number.
std::int64_t wrapping_sum(std::int64_t left, std::uint64_t right) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(left) + right);
}

/// Remembers a user of an object in one role, as the runtime does.
void add_user(std::vector<TaskId>& users, bool& has_more, TaskId task) {
  if (!users.empty() && users.back() == task) return;
  if (std::find(users.begin(), users.end(), task) != users.end()) return;
  if (users.size() == kUsersMax)
    has_more = true;
  else
    users.push_back(task);
}

void add_roles(ObjectState& object, TaskId task, const EventRecord& event) {
  bool is_giver = false;
  bool is_taker = false;
  switch (event.operation) {
    case Operation::kSend:
    case Operation::kClose:
    case Operation::kConditionNotifyOne:
    case Operation::kConditionNotifyAll:
    case Operation::kWaitGroupAdd:
    case Operation::kSemaphoreRelease:
    case Operation::kContextCancel:
      is_giver = true;
      break;
    case Operation::kReceive:
    case Operation::kRange:
    case Operation::kConditionWait:
    case Operation::kWaitGroupWait:
    case Operation::kSemaphoreAcquire:
      is_taker = true;
      break;
    case Operation::kSelectCase:
    case Operation::kSelect:
      (is_send_case(event) ? is_giver : is_taker) = true;
      break;
    default:
      return;
  }
  if (is_giver) add_user(object.givers, object.has_more_givers, task);
  if (is_taker) add_user(object.takers, object.has_more_takers, task);
  // Whoever waits uses it when it begins to.
  if (phase_of(event) == Phase::kDone) return;
  if (is_giver) object.last_giver = task;
  if (is_taker) object.last_taker = task;
}

/// The detail of a select is its case, so what it did to the buffer is worked out; the next other
/// operation on the channel says it exactly.
void apply_select(ObjectState& channel, const EventRecord& event) {
  if (outcome_of(event) != Outcome::kOk || channel.capacity == 0) return;
  if (is_send_case(event)) {
    if (channel.size < channel.capacity) ++channel.size;
  } else if (phase_of(event) == Phase::kBoth && channel.size > 0) {
    // One that had parked got its value from the sender, whose record told the size already.
    --channel.size;
  }
}

void apply_to_channel(ObjectState& channel, const EventRecord& event) {
  const Outcome outcome = outcome_of(event);
  if (event.operation == Operation::kSelectCase) {
    channel.size = is_send_case(event) ? channel.capacity : 0;  // Or it would not have parked.
    return;
  }
  if (event.operation == Operation::kClose) {
    if (outcome == Outcome::kOk) channel.is_closed = true;
    channel.size = event.detail;
    return;
  }
  if (event.operation == Operation::kSelect) {
    apply_select(channel, event);
    return;
  }
  if (outcome == Outcome::kMisuse || outcome == Outcome::kTimedOut) return;
  if (event.detail < kDetailMax) channel.size = event.detail;
}

void release(ObjectState& object, TaskId task, bool is_shared) {
  std::vector<Holder>& holders = object.holders;
  auto found = std::find_if(holders.rbegin(), holders.rend(), [&](const Holder& holder) {
    return holder.task == task && holder.is_shared == is_shared;
  });
  // Of those who held it when a trace began it is not known whether they share it.
  if (found == holders.rend())
    found = std::find_if(holders.rbegin(), holders.rend(),
                         [&](const Holder& holder) { return holder.task == task; });
  if (found == holders.rend())
    found = std::find_if(holders.rbegin(), holders.rend(),
                         [&](const Holder& holder) { return holder.is_shared == is_shared; });
  if (found == holders.rend() && !holders.empty()) found = holders.rbegin();
  if (found != holders.rend()) holders.erase(std::next(found).base());
}

}  // namespace

bool is_channel_operation(Operation operation) {
  switch (operation) {
    case Operation::kSend:
    case Operation::kReceive:
    case Operation::kRange:
    case Operation::kSelect:
    case Operation::kSelectCase:
    case Operation::kClose:
      return true;
    default:
      return false;
  }
}

void apply_to_object(ObjectState& object, const Trace& trace, TaskId task,
                     const EventRecord& event) {
  add_roles(object, task, event);
  if (is_channel_operation(event.operation)) {
    apply_to_channel(object, event);
    return;
  }
  const Phase phase = phase_of(event);
  const Outcome outcome = outcome_of(event);
  if (phase == Phase::kStart) return;
  switch (event.operation) {
    case Operation::kLock:
    case Operation::kLockShared:
      if (outcome == Outcome::kOk && object.holders.size() < kHoldersMax)
        object.holders.push_back(
            {task, trace.site(SiteId{event.site}), event.operation == Operation::kLockShared});
      break;
    case Operation::kUnlock:
    case Operation::kUnlockShared:
      if (outcome == Outcome::kOk || outcome == Outcome::kForeign)
        release(object, task, event.operation == Operation::kUnlockShared);
      break;
    case Operation::kConditionNotifyOne:
    case Operation::kConditionNotifyAll:
      if (event.value != 0) break;
      ++object.lost_signals;
      object.last_lost_by = task;
      object.last_lost_at = trace.site(SiteId{event.site});
      break;
    case Operation::kWaitGroupAdd:
      if (outcome == Outcome::kOk) object.count = static_cast<std::int64_t>(event.value);
      break;
    case Operation::kOnceCall:
      if (phase == Phase::kBoth && event.value == 1)
        object.holders.assign(1, {task, trace.site(SiteId{event.site}), false});
      break;
    case Operation::kOnceEnd:
      object.holders.clear();
      break;
    case Operation::kSemaphoreAcquire:
      if (outcome == Outcome::kOk) object.count = wrapping_sum(object.count, UINT64_MAX);
      break;
    case Operation::kSemaphoreRelease:
      if (outcome == Outcome::kOk) object.count = wrapping_sum(object.count, event.value);
      break;
    case Operation::kTimerStart:
      object.timer_is_pending = true;
      break;
    case Operation::kTimerStop:
      object.timer_is_pending = false;
      break;
    case Operation::kTimerFire:
      object.timer_is_pending = object.kind == ObjectKind::kTicker;
      break;
    case Operation::kContextMake:
      object.timer_is_pending = event.value != 0;
      break;
    case Operation::kContextCancel:
      object.timer_is_pending = false;
      object.is_closed = true;
      break;
    default:
      break;
  }
}

}  // namespace chantrace
