#include "links.h"

#include <algorithm>
#include <deque>
#include <unordered_map>

namespace chantrace::view {
namespace {

using enum Operation;

/// A step, and whose it is.
struct Mark {
  std::uint64_t step = 0;  ///< 0: none.
  TaskId task{};
};

/// What is remembered of one object.
struct Memory {
  Mark last_completer;  ///< The last record that was not the end of a wait.
  Mark last_unlock;
  std::deque<Mark> sent;       ///< Values that nobody has received yet.
  std::deque<Mark> received;   ///< Receives whose values' sends have not been seen yet.
  std::uint32_t sequence = 0;  ///< Of the last record about it.
};

bool is_receive(const EventRecord& event) {
  return event.operation == kReceive || event.operation == kRange ||
         (event.operation == kSelect && event.detail != kNoCase && !is_send_case(event));
}

bool is_send(const EventRecord& event) {
  return event.operation == kSend || (event.operation == kSelect && is_send_case(event));
}

class LinkFinder {
 public:
  explicit LinkFinder(const Trace& trace) : trace_(trace) {
    for (const ObjectInfo& object : trace.objects)
      memories_[to_number(object.id)].sent.resize(
          std::min<std::uint64_t>(object.initial_size, trace.events_count()));
  }

  void add(const Step& step) {
    const EventRecord& event = event_at(trace_, step.place);
    const Mark now{step.number, step.task};
    if (phase_of(event) == Phase::kStart) parked_[to_number(step.task)] = now;
    if (is_on_task(event.operation))
      add_of_task(event, now);
    else if (event.object != 0)
      add_of_object(event, now);
  }

  std::vector<Link> take() { return std::move(links_); }

 private:
  void link(const Mark& from, const Mark& to, Link::Kind kind) {
    if (from.step == 0 || from.task == to.task) return;
    links_.push_back({from.step, to.step, kind});
  }

  void add_of_task(const EventRecord& event, const Mark& now) {
    switch (event.operation) {
      case kTaskSpawn:
        spawned_[event.object] = now;
        break;
      case kTaskBegin:
        link(spawned_[event.object], now, Link::Kind::kSpawn);
        break;
      case kTaskEnd:
        ended_[to_number(now.task)] = now;
        break;
      case kTaskJoin:
        if (phase_of(event) != Phase::kStart && outcome_of(event) == Outcome::kOk)
          link(ended_[event.object], now, Link::Kind::kJoin);
        break;
      default:
        break;
    }
  }

  void add_of_object(const EventRecord& event, const Mark& now) {
    Memory& memory = memories_[event.object];
    if (event.sequence != 0) {
      if (event.sequence != memory.sequence + 1 && memory.sequence != 0) forget(memory);
      memory.sequence = event.sequence;
    }
    const bool is_start = phase_of(event) == Phase::kStart;
    const bool is_done = phase_of(event) == Phase::kDone;
    const bool is_ok = outcome_of(event) == Outcome::kOk;
    bool has_value_link = false;
    if (!is_start && is_ok && is_send(event)) has_value_link = send(memory, event, now);
    if (!is_start && is_ok && is_receive(event)) has_value_link = receive(memory, now);
    if (is_done) {
      if (!has_value_link && outcome_of(event) != Outcome::kTimedOut)
        link(memory.last_completer, now, Link::Kind::kWakeUp);
    } else if (!is_start) {
      memory.last_completer = now;
    }
    if (event.operation == kUnlock || event.operation == kUnlockShared) {
      memory.last_unlock = now;
    } else if ((event.operation == kLock || event.operation == kLockShared) && is_ok && !is_start) {
      if (!is_done) link(memory.last_unlock, now, Link::Kind::kLock);
    }
  }

  static void forget(Memory& memory) {
    memory.sent.clear();
    memory.received.clear();
    memory.last_completer = memory.last_unlock = {};
  }

  bool send(Memory& memory, const EventRecord& event, const Mark& now) {
    // A send that parked offered its value when it did so.
    const Mark from = phase_of(event) == Phase::kDone ? parked_[to_number(now.task)] : now;
    if (memory.received.empty()) {
      memory.sent.push_back(from);
      return false;
    }
    link(from, memory.received.front(), Link::Kind::kValue);
    memory.received.pop_front();
    return true;
  }

  bool receive(Memory& memory, const Mark& now) {
    if (memory.sent.empty()) {
      memory.received.push_back(now);
      return true;
    }
    link(memory.sent.front(), now, Link::Kind::kValue);
    memory.sent.pop_front();
    return true;
  }

  const Trace& trace_;
  std::unordered_map<std::uint32_t, Memory> memories_;  ///< By object.
  std::unordered_map<std::uint32_t, Mark> parked_;  ///< By task: its last operation that parked.
  std::unordered_map<std::uint32_t, Mark> spawned_;
  std::unordered_map<std::uint32_t, Mark> ended_;
  std::vector<Link> links_;
};

}  // namespace

std::vector<Link> find_links(const Trace& trace, const std::vector<Step>& steps) {
  LinkFinder finder(trace);
  for (const Step& step : steps) finder.add(step);
  std::vector<Link> links = finder.take();
  std::stable_sort(links.begin(), links.end(),
                   [](const Link& left, const Link& right) { return left.to < right.to; });
  return links;
}

}  // namespace chantrace::view
