// Valid executions have an order, and no detector finds a contradiction in them; a fault that is
// put into their records is found.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <utility>
#include <vector>

#include "chantrace/trace.h"
#include "support/reference_interpreter.h"

namespace chantrace {
namespace {

rc::Gen<ProgramShape> program_shapes() {
  return rc::gen::build<ProgramShape>(
      rc::gen::set(&ProgramShape::seed),
      rc::gen::set(&ProgramShape::tasks, rc::gen::inRange<std::uint32_t>(1, 8)),
      rc::gen::set(&ProgramShape::channels, rc::gen::inRange<std::uint32_t>(1, 4)),
      rc::gen::set(&ProgramShape::capacity_max, rc::gen::inRange<std::uint32_t>(0, 4)),
      rc::gen::set(&ProgramShape::locks, rc::gen::inRange<std::uint32_t>(1, 3)),
      rc::gen::set(&ProgramShape::operations, rc::gen::inRange<std::uint32_t>(1, 60)));
}

Trace random_trace() { return ReferenceInterpreter(*program_shapes()).run(); }

/// Long enough to have what a fault needs.
Trace random_long_trace() {
  return ReferenceInterpreter(*rc::gen::map(program_shapes(),
                                            [](ProgramShape shape) {
                                              shape.operations += 60;
                                              shape.capacity_max += 2;
                                              return shape;
                                            }))
      .run();
}

std::optional<Finding> contradiction(const Trace& trace) {
  for (const Finding& finding : analyze(trace))
    if (finding.kind == FindingKind::kInconsistent) return finding;
  return std::nullopt;
}

using Key = std::pair<bool, std::uint32_t>;
Key key_of(const EventRecord& event) { return {is_on_task(event.operation), event.object}; }

/// Records with a sequence number after which the same object has another.
std::vector<EventPlace> followed_events(const Trace& trace) {
  std::map<Key, std::uint32_t> last;
  for (const TaskStream& stream : trace.streams)
    for (const EventRecord& event : stream.events)
      last[key_of(event)] = std::max(last[key_of(event)], event.sequence);
  std::vector<EventPlace> places;
  for (std::uint32_t s = 0; s < trace.streams.size(); ++s)
    for (std::uint32_t i = 0; i < trace.streams[s].events.size(); ++i) {
      const EventRecord& event = trace.streams[s].events[i];
      if (event.sequence != 0 && event.sequence < last[key_of(event)]) places.push_back({s, i});
    }
  return places;
}

RC_GTEST_PROP(ValidTraceProperty, HasAnOrderThatKeepsTasksAndObjects, ()) {
  const Trace trace = random_trace();

  const TraceOrder order = order_events(trace);

  RC_ASSERT(order.contradictions.empty());
  RC_ASSERT(order.places.size() == trace.events_count());
  std::vector<std::uint32_t> next(trace.streams.size(), 0);
  std::map<Key, std::uint32_t> sequences;
  for (const EventPlace& place : order.places) {
    RC_ASSERT(place.index == next[place.stream]++);
    const EventRecord& event = trace.streams[place.stream].events[place.index];
    if (event.sequence != 0) RC_ASSERT(event.sequence == ++sequences[key_of(event)]);
  }
}

RC_GTEST_PROP(ValidTraceProperty, ContradictsNothing, ()) {
  const Trace trace = random_trace();

  const std::optional<Finding> found = contradiction(trace);

  if (found) RC_FAIL(to_text(*found));
}

RC_GTEST_PROP(ValidTraceProperty, GivesTheSameFindingsTwice, ()) {
  const Trace trace = random_trace();
  Trace other = trace;
  other.streams.reserve(100);

  RC_ASSERT(analyze(trace) == analyze(other));
}

RC_GTEST_PROP(ValidTraceProperty, ContradictsNothingWhenTheProcessWasKilled, ()) {
  Trace trace = random_trace();
  trace.end.reset();
  for (TaskStream& stream : trace.streams)
    stream.events.resize(*rc::gen::inRange<std::size_t>(0, stream.events.size() + 1));

  const std::optional<Finding> found = contradiction(trace);

  if (found) RC_FAIL(to_text(*found));
}

RC_GTEST_PROP(FaultProperty, ADroppedRecordIsFound, ()) {
  Trace trace = random_long_trace();
  const std::vector<EventPlace> places = followed_events(trace);
  RC_PRE(!places.empty());
  const EventPlace place = *rc::gen::elementOf(places);
  std::vector<EventRecord>& events = trace.streams[place.stream].events;
  // Without a record after it in its task, one that had parked looks like one that was woken and
  // has not run since; and a condition wait's own unlock after it looks like a task that still
  // runs.
  const bool is_wait = events[place.index].operation == Operation::kConditionWait;
  RC_PRE(place.index + (is_wait ? 2u : 1u) < events.size());
  RC_LOG() << to_string(events[place.index].operation) << " " << int(events[place.index].flags)
           << " of object " << events[place.index].object;
  events.erase(events.begin() + place.index);

  RC_ASSERT(contradiction(trace).has_value());
}

RC_GTEST_PROP(FaultProperty, AFlippedReceivedValueIsFound, ()) {
  Trace trace = random_long_trace();
  std::vector<EventPlace> receives;
  for (std::uint32_t s = 0; s < trace.streams.size(); ++s)
    for (std::uint32_t i = 0; i < trace.streams[s].events.size(); ++i) {
      const EventRecord& event = trace.streams[s].events[i];
      const bool is_receive =
          event.operation == Operation::kReceive || event.operation == Operation::kRange;
      if (is_receive && (event.flags & kHasValue) != 0) receives.push_back({s, i});
    }
  RC_PRE(!receives.empty());
  const EventPlace place = *rc::gen::elementOf(receives);
  trace.streams[place.stream].events[place.index].value ^= std::uint64_t{1}
                                                           << *rc::gen::inRange(0, 64);

  RC_ASSERT(contradiction(trace).has_value());
}

RC_GTEST_PROP(FaultProperty, AFlippedSentValueIsFoundOnceReceived, ()) {
  Trace trace = random_long_trace();
  std::set<std::uint64_t> received;
  for (const TaskStream& stream : trace.streams)
    for (const EventRecord& event : stream.events)
      if ((event.operation == Operation::kReceive || event.operation == Operation::kRange) &&
          (event.flags & kHasValue) != 0)
        received.insert(event.value);
  std::vector<EventPlace> sends;
  for (std::uint32_t s = 0; s < trace.streams.size(); ++s)
    for (std::uint32_t i = 0; i < trace.streams[s].events.size(); ++i) {
      const EventRecord& event = trace.streams[s].events[i];
      if (event.operation == Operation::kSend && received.contains(event.value))
        sends.push_back({s, i});
    }
  RC_PRE(!sends.empty());
  const EventPlace place = *rc::gen::elementOf(sends);
  trace.streams[place.stream].events[place.index].value ^= std::uint64_t{1}
                                                           << *rc::gen::inRange(0, 64);

  RC_ASSERT(contradiction(trace).has_value());
}

RC_GTEST_PROP(FaultProperty, TwoSwappedSendsOfOneTaskAreFound, ()) {
  Trace trace = random_long_trace();
  std::vector<std::pair<EventPlace, EventPlace>> pairs;
  for (std::uint32_t s = 0; s < trace.streams.size(); ++s) {
    std::map<std::uint32_t, std::uint32_t> last_send;  // By channel.
    for (std::uint32_t i = 0; i < trace.streams[s].events.size(); ++i) {
      const EventRecord& event = trace.streams[s].events[i];
      const bool is_sent = event.operation == Operation::kSend && phase_of(event) == Phase::kBoth;
      if (!is_sent || outcome_of(event) != Outcome::kOk) continue;
      if (const auto last = last_send.find(event.object); last != last_send.end())
        pairs.push_back({{s, last->second}, {s, i}});
      last_send[event.object] = i;
    }
  }
  RC_PRE(!pairs.empty());
  const auto [left, right] = *rc::gen::elementOf(pairs);
  std::vector<EventRecord>& events = trace.streams[left.stream].events;
  std::swap(events[left.index], events[right.index]);

  RC_ASSERT(contradiction(trace).has_value());
}

// What a file says may be anything: nothing of it may crash, hang or read out of bounds.
RC_GTEST_PROP(HostileTraceProperty, IsAnalyzedWithoutHarm, ()) {
  Trace trace = random_trace();
  std::mt19937_64 random(*rc::gen::arbitrary<std::uint64_t>());
  const auto below = [&](std::size_t limit) { return random() % limit; };
  const std::size_t changes = 1 + below(20);
  for (std::size_t i = 0; i < changes && !trace.streams.empty(); ++i) {
    TaskStream& stream = trace.streams[below(trace.streams.size())];
    if (below(8) == 0) stream.task = TaskId{static_cast<std::uint32_t>(random())};
    if (below(8) == 0) stream.gaps.push_back({below(50), random()});
    ObjectInfo& object = trace.objects[below(trace.objects.size())];
    switch (below(16)) {
      case 0:
        object.id = ObjectId{static_cast<std::uint32_t>(random())};
        break;
      case 1:
        object.kind = static_cast<ObjectKind>(below(20));
        break;
      case 2:
        object.capacity = random();
        break;
      case 3:
        object.initial_size = random();
        break;
      case 4:
        object.initial_count = static_cast<std::int64_t>(random());
        break;
      case 5:
        object.initial_holders.assign(below(4), TaskId{static_cast<std::uint32_t>(below(9))});
        break;
      case 6:
        trace.tasks[below(trace.tasks.size())].id = TaskId{static_cast<std::uint32_t>(below(9))};
        break;
      case 7:
        std::reverse(trace.objects.begin(), trace.objects.end());
        break;
      default:
        break;
    }
    if (stream.events.empty()) continue;
    EventRecord& event = stream.events[below(stream.events.size())];
    switch (below(8)) {
      case 0:
        event.value = random();
        break;
      case 1:
        event.object = static_cast<std::uint32_t>(below(2) == 0 ? random() : below(12));
        break;
      case 2:
        event.sequence = static_cast<std::uint32_t>(below(2) == 0 ? random() : below(40));
        break;
      case 3:
        event.operation = static_cast<Operation>(below(64));
        break;
      case 4:
        event.flags = static_cast<std::uint8_t>(random());
        break;
      case 5:
        event.detail = static_cast<std::uint16_t>(random());
        break;
      case 6:
        event = stream.events[below(stream.events.size())];
        break;
      default:
        event.site = static_cast<std::uint32_t>(random());
        break;
    }
  }
  if (below(4) == 0) trace.end.reset();

  const std::vector<Finding> findings = analyze(trace);

  RC_ASSERT(order_events(trace).places.size() == trace.events_count());
  for (const Finding& finding : findings) RC_ASSERT(!to_text(finding).empty());
  RC_ASSERT(findings == analyze(trace));
}

}  // namespace
}  // namespace chantrace
