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
  std::uint32_t sequence = 0;  ///< Of the last record about it.
  Mark completer;              ///< The last operation that did not wait, and did something.
  Mark unlock;                 ///< The last one that gave the lock back.
  std::uint64_t unknown = 0;   ///< Values from before the trace that nobody has received yet,
  std::deque<Mark> sent;       ///< and those that were sent since.
  std::deque<Mark> received;   ///< Receives whose values' sends have not been seen yet.
  bool is_torn = false;        ///< Events are missing.
};

bool is_unlock(const EventRecord& event) {
  return event.operation == kUnlock || event.operation == kUnlockShared;
}

bool is_lock(const EventRecord& event) {
  return event.operation == kLock || event.operation == kLockShared;
}

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
      memories_[to_number(object.id)].unknown = object.initial_size;
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

  /// It is no step, and has a number among the records of its object all the same.
  void add_note(const EventRecord& event) {
    if (event.object != 0) count(memories_[event.object], event);
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
    count(memory, event);
    const bool is_done = phase_of(event) == Phase::kDone;
    const bool is_ok = outcome_of(event) == Outcome::kOk;
    if (phase_of(event) == Phase::kStart) return;
    if (is_lock(event)) {
      if (is_ok) link(memory.unlock, now, is_done ? Link::Kind::kWakeUp : Link::Kind::kLock);
    } else if (is_done) {
      const bool has_value = is_ok && !memory.is_torn && follow_value(memory, event, now);
      if (!has_value && outcome_of(event) != Outcome::kTimedOut)
        link(memory.completer, now, Link::Kind::kWakeUp);
    } else {
      if (is_ok && !memory.is_torn) follow_value(memory, event, now);
      // Who only tried has woken nobody.
      if (outcome_of(event) != Outcome::kNotReady && outcome_of(event) != Outcome::kTimedOut)
        memory.completer = now;
      if (is_unlock(event) && (is_ok || outcome_of(event) == Outcome::kForeign))
        memory.unlock = now;
    }
  }

  /// The record's number; where some are missing before it, what was is not known any more.
  static void count(Memory& memory, const EventRecord& event) {
    if (event.sequence == 0) return;
    if (event.sequence != memory.sequence + 1) {
      memory.sent.clear();
      memory.received.clear();
      memory.completer = memory.unlock = {};
      memory.is_torn = true;
    }
    memory.sequence = event.sequence;
  }

  /// Returns: whether it is known where the value came from, or went.
  bool follow_value(Memory& memory, const EventRecord& event, const Mark& now) {
    if (is_send(event)) return send(memory, event, now);
    if (is_receive(event)) return receive(memory, now);
    return false;
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
    if (memory.unknown > 0) {
      --memory.unknown;
    } else if (memory.sent.empty()) {
      memory.received.push_back(now);
    } else {
      link(memory.sent.front(), now, Link::Kind::kValue);
      memory.sent.pop_front();
    }
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

std::vector<Link> find_links(const Trace& trace, const TraceOrder& order,
                             const std::vector<Step>& steps) {
  LinkFinder finder(trace);
  auto step = steps.begin();
  for (const EventPlace& place : order.places) {
    const EventRecord& event = event_at(trace, place);
    if (is_note(event.operation))
      finder.add_note(event);
    else
      finder.add(*step++);
  }
  std::vector<Link> links = finder.take();
  std::stable_sort(links.begin(), links.end(),
                   [](const Link& left, const Link& right) { return left.to < right.to; });
  return links;
}

}  // namespace chantrace::view
