#include "statistics.h"

#include <algorithm>
#include <unordered_map>

#include "model/interleaving.h"

namespace chantrace::replay {

using view::cases_of;
using view::event_at;
using view::state_before_unwinding;
using view::unwinding_begins_at;
namespace {

/// Adds up events in their order.
class Counter {
 public:
  explicit Counter(const Trace& trace) : trace_(trace) {
    for (const TaskStream& stream : trace.streams)
      for (const EventRecord& event : stream.events) last_time_ = std::max(last_time_, event.time);
    if (trace.end) last_time_ = std::max(last_time_, trace.end->ended_ticks);
  }

  Statistics count();

 private:
  struct Pending {
    EventRecord start;
    std::vector<EventRecord> cases;
  };
  struct Held {
    std::uint64_t since = 0;
    SiteId site{};
  };

  void count(TaskId task, const EventPlace& place);
  void count_wait(TaskId task, const Pending& pending, std::uint64_t until, bool is_finished);
  void count_channel(const EventRecord& event);
  void count_lock(TaskId task, const EventRecord& event);
  void count_meeting(const EventRecord& event);
  Waits* waits_at(Operation operation, ObjectId object);
  ObjectKind kind_of(ObjectId object) const;

  const Trace& trace_;
  Statistics result_;
  std::uint64_t last_time_ = 0;
  std::unordered_map<std::uint32_t, Pending> pending_;        // By task.
  std::unordered_map<std::uint32_t, std::uint64_t> started_;  // By task: its first event's time.
  std::map<std::pair<ObjectId, TaskId>, Held> held_;  // Task 0: held by one, whoever that is.
};

ObjectKind Counter::kind_of(ObjectId object) const {
  const ObjectInfo* const info = trace_.find_object(object);
  return info == nullptr ? ObjectKind::kNone : info->kind;
}

Waits* Counter::waits_at(Operation operation, ObjectId object) {
  switch (operation) {
    case Operation::kSend:
    case Operation::kReceive:
    case Operation::kRange:
    case Operation::kSelectCase:
      return &result_.channels[object].waits;
    case Operation::kLock:
    case Operation::kLockShared:
      return &result_.locks[object].waits;
    case Operation::kConditionWait:
      return &result_.conditions[object].waits;
    case Operation::kWaitGroupWait:
      return &result_.wait_groups[object].waits;
    case Operation::kSemaphoreAcquire:
      return &result_.semaphores[object].waits;
    default:
      return nullptr;
  }
}

void Counter::count_wait(TaskId task, const Pending& pending, std::uint64_t until,
                         bool is_finished) {
  const EventRecord& start = pending.start;
  const std::uint64_t ticks = until > start.time ? until - start.time : 0;
  TaskStatistics& statistics = result_.tasks[task];
  statistics.parked_ticks += ticks;
  statistics.parked_in[{start.operation, start.object}] += ticks;
  statistics.is_parked |= !is_finished;

  const auto add = [&](Operation operation, std::uint32_t object) {
    Waits* const waits = object == 0 ? nullptr : waits_at(operation, ObjectId{object});
    if (waits == nullptr) return;
    ++waits->count;
    waits->total_ticks += ticks;
    waits->longest_ticks = std::max(waits->longest_ticks, ticks);
    waits->unfinished += is_finished ? 0 : 1;
  };
  add(start.operation, start.object);
  for (const EventRecord& one : pending.cases) add(one.operation, one.object);
}

void Counter::count_channel(const EventRecord& event) {
  if (event.object == 0) return;
  ChannelStatistics& channel = result_.channels[ObjectId{event.object}];
  const bool is_ok = outcome_of(event) == Outcome::kOk;
  switch (event.operation) {
    case Operation::kSend:
      channel.sends += is_ok ? 1 : 0;
      break;
    case Operation::kReceive:
    case Operation::kRange:
      channel.receives += is_ok ? 1 : 0;
      break;
    case Operation::kSelect:
      if (is_ok) ++(is_send_case(event) ? channel.sends : channel.receives);
      return;  // Its detail is a case, not a depth.
    default:
      break;
  }
  channel.depth_max = std::max<std::uint64_t>(channel.depth_max, event.detail);
}

void Counter::count_lock(TaskId task, const EventRecord& event) {
  const ObjectId object{event.object};
  LockStatistics& lock = result_.locks[object];
  const bool is_shared =
      event.operation == Operation::kLockShared || event.operation == Operation::kUnlockShared;
  const auto key = std::pair{object, is_shared ? task : TaskId{}};
  if (event.operation == Operation::kLock || event.operation == Operation::kLockShared) {
    if (outcome_of(event) != Outcome::kOk) return;
    ++lock.taken;
    lock.contended += phase_of(event) == Phase::kDone ? 1 : 0;
    held_[key] = {event.time, SiteId{event.site}};
    return;
  }
  const auto held = held_.find(key);
  if (held == held_.end()) return;
  const std::uint64_t ticks = event.time > held->second.since ? event.time - held->second.since : 0;
  if (ticks >= lock.longest_held_ticks) {
    lock.longest_held_ticks = ticks;
    lock.longest_held_at = held->second.site;
  }
  held_.erase(held);
}

void Counter::count_meeting(const EventRecord& event) {
  const ObjectId object{event.object};
  switch (event.operation) {
    case Operation::kConditionWait:
      ++result_.conditions[object].taken;
      break;
    case Operation::kConditionNotifyOne:
    case Operation::kConditionNotifyAll: {
      MeetingStatistics& condition = result_.conditions[object];
      ++condition.given;
      condition.woken += event.value;
      condition.lost += event.value == 0 ? 1 : 0;
      break;
    }
    case Operation::kWaitGroupAdd:
      ++result_.wait_groups[object].added;
      break;
    case Operation::kWaitGroupWait:
      ++result_.wait_groups[object].taken;
      break;
    case Operation::kSemaphoreAcquire:
      ++result_.semaphores[object].taken;
      break;
    case Operation::kSemaphoreRelease:
      result_.semaphores[object].given += event.value;
      break;
    default:
      break;
  }
}

void Counter::count(TaskId task, const EventPlace& place) {
  const EventRecord& event = event_at(trace_, place);
  if (event.operation == Operation::kSelectCase || event.operation == Operation::kStack) return;
  const std::uint64_t started = started_.try_emplace(to_number(task), event.time).first->second;
  TaskStatistics& statistics = result_.tasks[task];
  statistics.lived_ticks = event.time > started ? event.time - started : 0;

  if (starts_operation(event)) ++statistics.operations;
  if (phase_of(event) == Phase::kStart) {
    Pending pending{.start = event, .cases = {}};
    for (const EventRecord* one : cases_of(trace_, place)) pending.cases.push_back(*one);
    pending_.insert_or_assign(to_number(task), std::move(pending));
    return;
  }
  if (phase_of(event) == Phase::kDone) {
    const auto pending = pending_.find(to_number(task));
    if (pending != pending_.end()) {
      count_wait(task, pending->second, event.time, true);
      pending_.erase(pending);
    }
  }
  switch (event.operation) {
    case Operation::kChannelMake:
    case Operation::kChannelRegister:
    case Operation::kSend:
    case Operation::kReceive:
    case Operation::kClose:
    case Operation::kRange:
    case Operation::kSelect:
      count_channel(event);
      break;
    case Operation::kLock:
    case Operation::kUnlock:
    case Operation::kLockShared:
    case Operation::kUnlockShared:
      count_lock(task, event);
      break;
    default:
      count_meeting(event);
      break;
  }
}

Statistics Counter::count() {
  const TraceOrder order = order_events(trace_);
  const std::size_t end = unwinding_begins_at(trace_, order);
  for (std::size_t index = 0; index < end; ++index) {
    count(trace_.streams[order.places[index].stream].task, order.places[index]);
  }
  if (end < order.places.size()) last_time_ = event_at(trace_, order.places[end]).time;

  for (const auto& [task, pending] : pending_) {
    TaskStatistics& statistics = result_.tasks[TaskId{task}];
    const std::uint64_t started = started_.at(task);
    statistics.lived_ticks = last_time_ > started ? last_time_ - started : 0;
    count_wait(TaskId{task}, pending, last_time_, false);
  }
  for (const auto& [key, held] : held_) result_.locks[key.first].is_held = true;
  for (const ObjectState& object : state_before_unwinding(trace_, order).objects) {
    const auto channel = result_.channels.find(object.id);
    if (channel == result_.channels.end()) continue;
    channel->second.left = object.size;
    channel->second.is_closed = object.is_closed;
  }
  // An event may name an object of another kind than its own only in a damaged trace.
  std::erase_if(result_.channels,
                [&](const auto& entry) { return kind_of(entry.first) != ObjectKind::kChannel; });
  return std::move(result_);
}

}  // namespace

Statistics statistics_of(const Trace& trace) { return Counter{trace}.count(); }

}  // namespace chantrace::replay
