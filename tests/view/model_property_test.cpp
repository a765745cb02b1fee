// What holds of the timeline of any program: the traces are those of random programs that ran under
// control. The state at the end is held against the one that verdicts are made from.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "chantrace/chantrace.h"
#include "chantrace/detail/trace_window.h"
#include "model/changes.h"
#include "model/timeline.h"
#include "support/random_trace.h"
#include "support/trace_builder.h"

namespace chantrace::view {
namespace {

RC_GTEST_PROP(ModelProperty, SpansFillEachLaneWithoutGaps, ()) {
  const Trace trace = random_trace();

  const Timeline timeline = make_timeline(trace, order_events(trace));

  std::map<std::uint32_t, std::uint64_t> reached;
  for (const Span& span : timeline.spans) {
    RC_ASSERT(span.begin < span.end);
    const auto [at, is_first] = reached.emplace(span.lane, span.begin);
    RC_ASSERT(span.begin == (is_first ? timeline.lanes[span.lane].first : at->second));
    at->second = span.end;
  }
  for (std::uint32_t lane = 0; lane < timeline.lanes.size(); ++lane)
    if (reached.contains(lane)) RC_ASSERT(reached[lane] == timeline.lanes[lane].last);
}

RC_GTEST_PROP(ModelProperty, LanesStandBehindThoseThatStartedThem, ()) {
  const Trace trace = random_trace();

  const Timeline timeline = make_timeline(trace, order_events(trace));

  RC_ASSERT(timeline.lanes.size() == trace.tasks.size());
  for (std::uint32_t lane = 0; lane < timeline.lanes.size(); ++lane) {
    const Lane& one = timeline.lanes[lane];
    RC_ASSERT(timeline.lane_of(one.task) == lane);
    if (one.parent == kNoLane) {
      RC_ASSERT(one.depth == 0u);
    } else {
      RC_ASSERT(one.parent < lane);
      RC_ASSERT(one.depth == timeline.lanes[one.parent].depth + 1);
    }
  }
}

RC_GTEST_PROP(ModelProperty, LinksLeadForwardFromOneTaskToAnother, ()) {
  const Trace trace = random_trace();

  const Timeline timeline = make_timeline(trace, order_events(trace));

  std::uint64_t last = 0;
  for (const Link& link : timeline.links) {
    RC_ASSERT(link.from > 0u && link.to > 0u && link.to <= timeline.steps.size());
    RC_ASSERT(timeline.steps[link.from - 1].task != timeline.steps[link.to - 1].task);
    // A value may be offered by an operation that is done, and noted, only after it was taken.
    if (link.kind != Link::Kind::kValue) RC_ASSERT(link.from < link.to);
    RC_ASSERT(last <= link.to);
    last = link.to;
  }
}

RC_GTEST_PROP(ModelProperty, WhatIsWokenHasALinkToWhatWokeIt, ()) {
  const Trace trace = random_trace();

  const Timeline timeline = make_timeline(trace, order_events(trace));

  std::map<std::uint64_t, int> links;
  for (const Link& link : timeline.links) {
    ++links[link.to];
    if (link.kind == Link::Kind::kValue) ++links[link.from];
  }
  for (const Step& step : timeline.steps) {
    const EventRecord& event = event_at(trace, step.place);
    const bool is_of_channel =
        event.operation == Operation::kReceive || event.operation == Operation::kRange;
    if (is_of_channel && phase_of(event) == Phase::kDone && outcome_of(event) == Outcome::kOk)
      RC_ASSERT(links[step.number] > 0);
  }
}

RC_GTEST_PROP(ModelProperty, ChangesLeadToTheStateThatVerdictsAreMadeFrom, ()) {
  const Trace trace = random_trace();
  const TraceOrder order = order_events(trace);
  const Timeline timeline = make_timeline(trace, order);

  std::map<std::uint32_t, Standing> standing;
  std::uint64_t last = 0;
  for (const Change& change : find_changes(trace, timeline.steps)) {
    RC_ASSERT(last <= change.step);
    last = change.step;
    standing[change.object].apply(change);
  }

  const EndState end = state_before_unwinding(trace, order);
  std::map<std::uint32_t, std::vector<TaskId>> waiters;
  for (const TaskState& task : end.tasks)
    for (const Wait& wait : task.waits)
      if (to_number(wait.object) != 0) waiters[to_number(wait.object)].push_back(task.id);
  for (const ObjectState& object : end.objects) {
    const Standing& one = standing[to_number(object.id)];
    RC_ASSERT(one.size == object.size);
    RC_ASSERT(one.buffer.size() <= one.size);
    RC_ASSERT(one.is_closed == object.is_closed);
    RC_ASSERT(one.holders.size() == object.holders.size());
    const bool is_counted =
        object.kind == ObjectKind::kWaitGroup || object.kind == ObjectKind::kSemaphore;
    if (is_counted) RC_ASSERT(one.count == object.count);
    std::vector<TaskId> waiting = one.waiters;
    std::sort(waiting.begin(), waiting.end());
    std::vector<TaskId>& expected = waiters[to_number(object.id)];
    std::sort(expected.begin(), expected.end());
    RC_ASSERT(waiting == expected);
  }
}

RC_GTEST_PROP(ModelProperty, BlockedAreThoseThatWaitAtTheEnd, ()) {
  const Trace trace = random_trace();
  const TraceOrder order = order_events(trace);

  const Timeline timeline = make_timeline(trace, order);

  std::map<std::uint32_t, bool> is_blocked;
  for (const Span& span : timeline.spans)
    if (span.kind == Span::Kind::kBlocked)
      is_blocked[to_number(timeline.lanes[span.lane].task)] = true;
  for (const TaskState& task : state_before_unwinding(trace, order).tasks) {
    bool is_for_ever = task.status == TaskStatus::kParked;
    for (const Wait& wait : task.waits) is_for_ever &= !wait.has_deadline;
    if (is_for_ever) RC_ASSERT(is_blocked[to_number(task.id)]);
  }
}

/// The events of `trace` from `before` to `end` in their order.
Trace window_of(const Trace& trace, const TraceOrder& order, std::size_t before, std::size_t end) {
  detail::TraceWindow window;
  for (const ObjectInfo& object : trace.objects) window.define_object(object);
  for (std::size_t i = 0; i < end; ++i) {
    const TaskId task = trace.streams[order.places[i].stream].task;
    const EventRecord& event = event_at(trace, order.places[i]);
    if (i < before)
      window.pass(task, event);
    else
      window.add(task, event);
  }
  Trace names = trace;
  names.streams.clear();
  names.end.reset();
  return std::move(window).finish(std::move(names));
}

TEST(TraceWindowTest, WhoReadBeforeTheWindowStopsReadingInIt) {
  TraceBuilder builder;
  const TaskId body = builder.body();
  const TaskId reader = builder.go(body, "reader", 1);
  const ObjectId mutex = builder.object(ObjectKind::kSharedMutex, "mu");
  builder.both(reader, Operation::kLockShared, mutex, 2);
  builder.both(body, Operation::kLockShared, mutex, 3);
  builder.both(reader, Operation::kUnlockShared, mutex, 4);
  const Trace trace = builder.build();
  const TraceOrder order = order_events(trace);

  const Trace window = window_of(trace, order, 3, order.places.size());

  const EndState state = end_state(window, order_events(window));
  ASSERT_EQ(state.objects.size(), 1u);
  ASSERT_EQ(state.objects[0].holders.size(), 1u);
  EXPECT_EQ(state.objects[0].holders[0].task, body);
}

RC_GTEST_PROP(TraceWindowProperty, EndsAsTheWholeDoes, ()) {
  const Trace trace = random_trace();
  const TraceOrder order = order_events(trace);
  const auto end = *rc::gen::resize(
      100, rc::gen::inRange<std::size_t>(0, unwinding_begins_at(trace, order) + 1));
  const auto before = *rc::gen::resize(100, rc::gen::inRange<std::size_t>(0, end + 1));
  const Trace whole = window_of(trace, order, 0, end);

  const Trace window = window_of(trace, order, before, end);

  RC_ASSERT(window.events_count() + window.lost_count() <= whole.events_count());
  RC_ASSERT(window.events_count() >= end - before);
  const EndState whole_end = end_state(whole, order_events(whole));
  const EndState window_end = end_state(window, order_events(window));
  std::map<TaskId, TaskState> tasks;
  for (const TaskState& task : window_end.tasks) tasks[task.id] = task;
  std::uint64_t waiting = 0;
  for (const TaskState& task : whole_end.tasks) {
    RC_ASSERT((tasks[task.id].status == TaskStatus::kParked) ==
              (task.status == TaskStatus::kParked));
    RC_ASSERT(tasks[task.id].waits == task.waits);
    waiting += task.status == TaskStatus::kParked ? 1 : 0;
  }
  RC_CLASSIFY(waiting > 0, "some task waits");
  // Whoever has been let go on, and has not said so yet, still looks as if it waited: its object
  // stands as it did when the wait began.
  std::map<TaskId, std::size_t> within;
  for (std::size_t i = before; i < end; ++i) ++within[trace.streams[order.places[i].stream].task];
  std::set<ObjectId> waited_for;
  for (const TaskStream& stream : window.streams)
    for (std::size_t i = within[stream.task]; i < stream.events.size(); ++i)
      waited_for.insert(ObjectId{stream.events[i - within[stream.task]].object});
  std::map<ObjectId, ObjectState> objects;
  for (const ObjectState& object : window_end.objects) objects[object.id] = object;
  for (const ObjectState& object : whole_end.objects) {
    const ObjectState& same = objects[object.id];
    RC_ASSERT(same.size == object.size || waited_for.contains(object.id));
    RC_ASSERT(same.is_closed == object.is_closed);
    RC_ASSERT(same.count == object.count);
    RC_ASSERT(same.holders.size() == object.holders.size());
    for (std::size_t i = 0; i < object.holders.size(); ++i)
      RC_ASSERT(same.holders[i].task == object.holders[i].task);
  }
}

}  // namespace
}  // namespace chantrace::view
