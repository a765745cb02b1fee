/// \file
/// Runs random programs of tasks, channels and locks, one operation at a time, and records them as
/// the runtime does. Written for clarity alone: it is the model that the analysis is held against.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <ostream>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "support/trace_builder.h"

namespace chantrace {

/// What a random program is made of.
struct ProgramShape {
  std::uint64_t seed = 0;
  std::uint32_t tasks = 3;
  std::uint32_t channels = 2;
  std::uint32_t capacity_max = 3;
  std::uint32_t locks = 2;
  std::uint32_t operations = 30;  ///< Of each task.
};

inline std::ostream& operator<<(std::ostream& out, const ProgramShape& shape) {
  return out << "seed " << shape.seed << ", " << shape.tasks << " tasks, " << shape.channels
             << " channels, capacity up to " << shape.capacity_max << ", " << shape.locks
             << " locks, " << shape.operations << " operations";
}

class ReferenceInterpreter {
 public:
  explicit ReferenceInterpreter(const ProgramShape& shape) : shape_(shape), random_(shape.seed) {
    for (std::uint32_t i = 0; i < shape.channels; ++i) {
      const std::uint32_t capacity = below(shape.capacity_max + 1);
      channels_.push_back({builder_.channel("c" + std::to_string(i), capacity), capacity});
    }
    for (std::uint32_t i = 0; i < shape.locks; ++i) {
      mutexes_.push_back({builder_.mutex("m" + std::to_string(i))});
      semaphores_.push_back({builder_.object(ObjectKind::kSemaphore, "s" + std::to_string(i))});
      groups_.push_back({builder_.object(ObjectKind::kWaitGroup, "w" + std::to_string(i))});
      conditions_.push_back(
          {builder_.object(ObjectKind::kConditionVariable, "v" + std::to_string(i)), {}});
    }
    tasks_.push_back({builder_.body(), shape.operations});
    for (std::uint32_t i = 1; i < shape.tasks; ++i)
      tasks_.push_back({builder_.go(tasks_[0].id, "t" + std::to_string(i), i), shape.operations});
  }

  Trace run() {
    for (;;) {
      std::vector<std::size_t> able;
      for (std::size_t i = 0; i < tasks_.size(); ++i) {
        const Task& task = tasks_[i];
        if (task.state == State::kReady || (task.state == State::kParked && task.is_timed))
          able.push_back(i);
      }
      if (able.empty()) break;
      step(able[below(able.size())]);
    }
    Trace trace = builder_.build();
    trace.end->body_ended = tasks_[0].state == State::kEnded;
    // The order of times says nothing, as on a real machine.
    for (TaskStream& stream : trace.streams)
      for (EventRecord& event : stream.events) event.time = event.time * 10 + below(60);
    return trace;
  }

 private:
  enum class State { kReady, kParked, kEnded };
  static constexpr std::size_t kNobody = SIZE_MAX;

  struct Task {
    TaskId id;
    std::uint32_t left;
    State state = State::kReady;
    bool is_timed = false;                   // The wait that it is in can time out.
    Operation operation = Operation::kNone;  // Of that wait.
    ObjectId object{};
    std::vector<std::pair<std::size_t, bool>> cases = {};  // Of the select that it is in.
    std::size_t wants_mutex = kNobody;                     // It was woken and looks again.
    bool has_recorded_start = false;
    std::vector<std::size_t> held = {};
  };
  struct Waiter {
    std::size_t task;
    std::uint16_t index;  // The case of a select, or kNoCase.
    std::uint64_t value;
  };
  struct ChannelModel {
    ObjectId id;
    std::size_t capacity;
    bool is_closed = false;
    std::deque<std::uint64_t> buffer = {};
    std::deque<Waiter> receivers = {};
    std::deque<Waiter> senders = {};
  };
  struct MutexModel {
    ObjectId id;
    std::size_t holder = kNobody;
    std::deque<std::size_t> waiting = {};
  };
  struct CountModel {
    ObjectId id;
    std::int64_t count = 0;
    std::deque<std::size_t> waiting = {};
  };
  struct ConditionModel {
    ObjectId id;
    std::deque<std::size_t> waiting = {};
  };

  std::uint32_t below(std::size_t limit) {
    return limit == 0 ? 0 : static_cast<std::uint32_t>(random_() % limit);
  }
  std::uint32_t line() { return 100 + below(50); }
  static std::uint16_t size_of(const ChannelModel& channel) {
    return static_cast<std::uint16_t>(channel.buffer.size());
  }

  void step(std::size_t index) {
    Task& task = tasks_[index];
    if (task.state == State::kParked) return time_out(index);
    if (task.wants_mutex != kNobody) return lock(index, task.wants_mutex);
    if (task.left == 0) return end(index);
    --task.left;
    switch (below(20)) {
      case 0:
      case 1:
      case 2:
      case 3:
        return send(index, below(channels_.size()));
      case 4:
      case 5:
      case 6:
      case 7:
        return receive(index, below(channels_.size()));
      case 8:
      case 9:
      case 10:
        return select(index);
      case 11:
        if (below(12) == 0) return close(index, below(channels_.size()));
        return;
      case 12:
      case 13:
      case 14:
        if (!task.held.empty() && below(2) == 0) return unlock(index);
        return lock(index, below(mutexes_.size()));
      case 15:
        return acquire(index, below(semaphores_.size()));
      case 16:
        return release(index, below(semaphores_.size()));
      case 17:
        return add(index, below(groups_.size()));
      case 18:
        return wait_group(index, below(groups_.size()));
      default:
        return condition(index, below(conditions_.size()));
    }
  }

  void park(std::size_t index, Operation operation, ObjectId object, bool may_time_out) {
    Task& task = tasks_[index];
    task.state = State::kParked;
    task.is_timed = may_time_out && below(2) == 0;
    task.operation = operation;
    task.object = object;
  }

  void wake(std::size_t index) {
    Task& task = tasks_[index];
    task.state = State::kReady;
    task.is_timed = false;
    for (const auto& [channel, is_send] : task.cases) forget(channels_[channel], index);
    task.cases.clear();
  }

  static void forget(ChannelModel& channel, std::size_t task) {
    const auto is_it = [&](const Waiter& waiter) { return waiter.task == task; };
    std::erase_if(channel.receivers, is_it);
    std::erase_if(channel.senders, is_it);
  }

  void time_out(std::size_t index) {
    Task& task = tasks_[index];
    for (ChannelModel& channel : channels_) forget(channel, index);
    for (CountModel& semaphore : semaphores_) std::erase(semaphore.waiting, index);
    for (ConditionModel& one : conditions_) std::erase(one.waiting, index);
    RecordDetails details{.outcome = Outcome::kTimedOut};
    if (task.operation == Operation::kSelect) details.detail = kNoCase;
    builder_.done(task.id, task.operation,
                  task.operation == Operation::kSelect ? ObjectId{0} : task.object, line(),
                  details);
    wake(index);
  }

  /// Takes a waiter out of a queue and writes its done.
  void complete(ChannelModel& channel, const Waiter& waiter, Outcome outcome, bool is_send,
                std::uint64_t value) {
    Task& task = tasks_[waiter.task];
    RecordDetails details{.outcome = outcome, .detail = size_of(channel)};
    if (outcome == Outcome::kOk) details.value = value;
    if (waiter.index != kNoCase) {
      details.detail =
          is_send ? static_cast<std::uint16_t>(waiter.index | kSendCase) : waiter.index;
      if (is_send) details.value = value;
      builder_.done(task.id, Operation::kSelect, channel.id, line(), details);
    } else {
      if (is_send) details.value = value;
      builder_.done(task.id, task.operation, channel.id, line(), details);
    }
    wake(waiter.task);
    if (outcome == Outcome::kMisuse) fail(waiter.task);
  }

  static Waiter take_first(std::deque<Waiter>& queue) {
    const Waiter first = queue.front();
    queue.pop_front();
    return first;
  }

  static bool can_send(const ChannelModel& channel) {
    return channel.is_closed || !channel.receivers.empty() ||
           channel.buffer.size() < channel.capacity;
  }
  static bool can_receive(const ChannelModel& channel) {
    return channel.is_closed || !channel.senders.empty() || !channel.buffer.empty();
  }

  /// A send that goes through at once; `case_index` of a select, or `kNoCase`.
  void send_now(std::size_t index, ChannelModel& channel, std::uint16_t case_index) {
    const std::uint64_t value = ++values_;
    std::optional<Waiter> receiver;
    RecordDetails details{.value = value};
    if (channel.is_closed) {
      details.outcome = Outcome::kMisuse;
    } else if (!channel.receivers.empty()) {
      receiver = take_first(channel.receivers);
    } else {
      channel.buffer.push_back(value);
    }
    details.detail = case_index != kNoCase ? static_cast<std::uint16_t>(case_index | kSendCase)
                     : channel.is_closed   ? 0
                                           : size_of(channel);
    builder_.both(tasks_[index].id, case_index != kNoCase ? Operation::kSelect : Operation::kSend,
                  channel.id, line(), details);
    if (receiver) complete(channel, *receiver, Outcome::kOk, false, value);
    if (details.outcome == Outcome::kMisuse) fail(index);
  }

  void receive_now(std::size_t index, ChannelModel& channel, std::uint16_t case_index,
                   Operation operation) {
    RecordDetails details;
    std::optional<Waiter> sender;
    if (!channel.buffer.empty()) {
      details.value = channel.buffer.front();
      channel.buffer.pop_front();
      details.detail = size_of(channel);
      if (!channel.senders.empty()) {
        sender = take_first(channel.senders);
        channel.buffer.push_back(sender->value);
      }
    } else if (!channel.senders.empty()) {
      sender = take_first(channel.senders);
      details.value = sender->value;
    } else {
      details.outcome = Outcome::kClosed;
    }
    if (case_index != kNoCase) details.detail = case_index;
    builder_.both(tasks_[index].id, case_index != kNoCase ? Operation::kSelect : operation,
                  channel.id, line(), details);
    if (sender) complete(channel, *sender, Outcome::kOk, true, sender->value);
  }

  void send(std::size_t index, std::size_t which) {
    ChannelModel& channel = channels_[which];
    if (can_send(channel)) return send_now(index, channel, kNoCase);
    const std::uint64_t value = ++values_;
    RecordDetails details{.value = value, .detail = size_of(channel)};
    if (below(4) == 0) {
      details.outcome = below(2) == 0 ? Outcome::kNotReady : Outcome::kTimedOut;
      builder_.both(tasks_[index].id, Operation::kSend, channel.id, line(), details);
      return;
    }
    builder_.start(tasks_[index].id, Operation::kSend, channel.id, line(), details);
    channel.senders.push_back({index, kNoCase, value});
    park(index, Operation::kSend, channel.id, true);
  }

  void receive(std::size_t index, std::size_t which) {
    ChannelModel& channel = channels_[which];
    const Operation operation = below(3) == 0 ? Operation::kRange : Operation::kReceive;
    if (can_receive(channel)) return receive_now(index, channel, kNoCase, operation);
    if (below(4) == 0) {
      builder_.both(tasks_[index].id, operation, channel.id, line(),
                    {.outcome = Outcome::kNotReady});
      return;
    }
    builder_.start(tasks_[index].id, operation, channel.id, line());
    channel.receivers.push_back({index, kNoCase, 0});
    park(index, operation, channel.id, true);
  }

  void select(std::size_t index) {
    Task& task = tasks_[index];
    std::vector<std::pair<std::size_t, bool>> cases;
    const std::size_t count = 1 + below(3);
    for (std::size_t i = 0; i < count; ++i)
      cases.emplace_back(below(channels_.size()), below(2) == 0);
    std::vector<std::uint16_t> ready;
    for (std::uint16_t i = 0; i < count; ++i) {
      const ChannelModel& channel = channels_[cases[i].first];
      if (cases[i].second ? can_send(channel) : can_receive(channel)) ready.push_back(i);
    }
    if (!ready.empty()) {
      const std::uint16_t taken = ready[below(ready.size())];
      ChannelModel& channel = channels_[cases[taken].first];
      if (cases[taken].second) return send_now(index, channel, taken);
      return receive_now(index, channel, taken, Operation::kSelect);
    }
    if (below(4) == 0) {
      builder_.both(task.id, Operation::kSelect, ObjectId{0}, line(),
                    {.outcome = Outcome::kDefault, .detail = kNoCase});
      return;
    }
    std::vector<std::pair<ObjectId, bool>> named;
    for (std::uint16_t i = 0; i < count; ++i) {
      ChannelModel& channel = channels_[cases[i].first];
      named.emplace_back(channel.id, cases[i].second);
      (cases[i].second ? channel.senders : channel.receivers).push_back({index, i, ++values_});
    }
    builder_.start_select(task.id, named, line());
    park(index, Operation::kSelect, ObjectId{0}, true);
    task.cases = cases;
  }

  void close(std::size_t index, std::size_t which) {
    ChannelModel& channel = channels_[which];
    RecordDetails details{.detail = size_of(channel)};
    if (channel.is_closed) details.outcome = Outcome::kMisuse;
    builder_.both(tasks_[index].id, Operation::kClose, channel.id, line(), details);
    if (channel.is_closed) return fail(index);
    channel.is_closed = true;
    while (!channel.receivers.empty())
      complete(channel, take_first(channel.receivers), Outcome::kClosed, false, 0);
    while (!channel.senders.empty()) {
      const Waiter sender = take_first(channel.senders);
      complete(channel, sender, Outcome::kMisuse, true, sender.value);
    }
  }

  void lock(std::size_t index, std::size_t which) {
    Task& task = tasks_[index];
    MutexModel& mutex = mutexes_[which];
    if (mutex.holder == kNobody) {
      mutex.holder = index;
      if (task.has_recorded_start)
        builder_.done(task.id, Operation::kLock, mutex.id, line());
      else
        builder_.both(task.id, Operation::kLock, mutex.id, line());
      task.held.push_back(which);
      task.has_recorded_start = false;
      task.wants_mutex = kNobody;
      return;
    }
    if (!task.has_recorded_start && below(4) == 0) {
      builder_.both(task.id, Operation::kLock, mutex.id, line(), {.outcome = Outcome::kNotReady});
      return;
    }
    if (!task.has_recorded_start) builder_.start(task.id, Operation::kLock, mutex.id, line());
    if (task.has_recorded_start)
      mutex.waiting.push_front(index);
    else
      mutex.waiting.push_back(index);
    task.has_recorded_start = true;
    task.wants_mutex = which;
    park(index, Operation::kLock, mutex.id, false);
  }

  void unlock(std::size_t index) {
    Task& task = tasks_[index];
    MutexModel& mutex = mutexes_[task.held.back()];
    task.held.pop_back();
    builder_.both(task.id, Operation::kUnlock, mutex.id, line());
    mutex.holder = kNobody;
    if (mutex.waiting.empty()) return;
    wake(mutex.waiting.front());
    mutex.waiting.pop_front();
  }

  void acquire(std::size_t index, std::size_t which) {
    CountModel& semaphore = semaphores_[which];
    if (semaphore.count > 0 && semaphore.waiting.empty()) {
      --semaphore.count;
      builder_.both(tasks_[index].id, Operation::kSemaphoreAcquire, semaphore.id, line());
      return;
    }
    builder_.start(tasks_[index].id, Operation::kSemaphoreAcquire, semaphore.id, line());
    semaphore.waiting.push_back(index);
    park(index, Operation::kSemaphoreAcquire, semaphore.id, true);
  }

  void release(std::size_t index, std::size_t which) {
    CountModel& semaphore = semaphores_[which];
    const std::uint32_t released = 1 + below(2);
    builder_.both(tasks_[index].id, Operation::kSemaphoreRelease, semaphore.id, line(),
                  {.raw_value = released});
    semaphore.count += released;
    for (; semaphore.count > 0 && !semaphore.waiting.empty(); --semaphore.count)
      wake_first(semaphore.waiting, Operation::kSemaphoreAcquire, semaphore.id);
  }

  void wake_first(std::deque<std::size_t>& waiting, Operation operation, ObjectId object) {
    builder_.done(tasks_[waiting.front()].id, operation, object, line());
    wake(waiting.front());
    waiting.pop_front();
  }

  void add(std::size_t index, std::size_t which) {
    CountModel& group = groups_[which];
    group.count += group.count == 0 || below(2) == 0 ? 1 : -1;
    builder_.both(tasks_[index].id, Operation::kWaitGroupAdd, group.id, line(),
                  {.raw_value = static_cast<std::uint64_t>(group.count)});
    while (group.count == 0 && !group.waiting.empty())
      wake_first(group.waiting, Operation::kWaitGroupWait, group.id);
  }

  void wait_group(std::size_t index, std::size_t which) {
    CountModel& group = groups_[which];
    if (group.count == 0) {
      builder_.both(tasks_[index].id, Operation::kWaitGroupWait, group.id, line());
      return;
    }
    builder_.start(tasks_[index].id, Operation::kWaitGroupWait, group.id, line());
    group.waiting.push_back(index);
    park(index, Operation::kWaitGroupWait, group.id, false);
  }

  void condition(std::size_t index, std::size_t which) {
    ConditionModel& condition = conditions_[which];
    Task& task = tasks_[index];
    if (!task.held.empty()) {
      const std::size_t mutex = task.held.back();
      builder_.start(task.id, Operation::kConditionWait, condition.id, line());
      condition.waiting.push_back(index);
      unlock(index);
      park(index, Operation::kConditionWait, condition.id, true);
      task.wants_mutex = mutex;
      return;
    }
    const bool is_all = below(2) == 0;
    const std::size_t woken =
        is_all ? condition.waiting.size() : std::min<std::size_t>(condition.waiting.size(), 1);
    builder_.both(task.id, is_all ? Operation::kConditionNotifyAll : Operation::kConditionNotifyOne,
                  condition.id, line(), {.raw_value = woken});
    for (std::size_t i = 0; i < woken; ++i)
      wake_first(condition.waiting, Operation::kConditionWait, condition.id);
  }

  void fail(std::size_t index) {
    if (below(2) == 0) return;  // It catches what is thrown.
    release_locks(index);
    tasks_[index].state = State::kEnded;
    builder_.end(tasks_[index].id, Outcome::kException);
  }

  void end(std::size_t index) {
    release_locks(index);
    tasks_[index].state = State::kEnded;
    builder_.end(tasks_[index].id);
  }

  void release_locks(std::size_t index) {
    while (!tasks_[index].held.empty()) unlock(index);
  }

  ProgramShape shape_;
  std::mt19937_64 random_;
  TraceBuilder builder_;
  std::uint64_t values_ = 0;
  std::vector<Task> tasks_;
  std::vector<ChannelModel> channels_;
  std::vector<MutexModel> mutexes_;
  std::vector<CountModel> semaphores_;
  std::vector<CountModel> groups_;
  std::vector<ConditionModel> conditions_;
};

}  // namespace chantrace
