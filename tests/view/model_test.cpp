// Timelines of small programs, each written out.
#include "model/timeline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "chantrace/chantrace.h"
#include "model/changes.h"
#include "model/naming.h"
#include "replay/traces.h"
#include "support/record_controlled.h"

namespace chantrace::view {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

/// Time passes, and a sleep ends, only when nothing else can go on.
const Schedule kInTurns{{.time_mode = TimeMode::kQuiescence}, {}, {}, 0};

/// A program that ran without preemptions, and what is seen of it.
struct Seen {
  explicit Seen(const std::function<void()>& body) : Seen(record_controlled(body, kInTurns)) {}
  explicit Seen(Trace made)
      : trace(std::move(made)), names(trace), timeline(make_timeline(trace, order_events(trace))) {}

  /// "worker send(values)"
  std::string text(std::uint64_t step) const {
    const Step& one = timeline.steps.at(step - 1);
    return names.task(one.task) + " " +
           describe(trace, names, event_at(trace, one.place), false, cases_of(trace, one.place));
  }
  std::vector<std::string> links(Link::Kind kind) const {
    std::vector<std::string> found;
    for (const Link& link : timeline.links)
      if (link.kind == kind) found.push_back(text(link.from) + " -> " + text(link.to));
    return found;
  }
  /// "parked send(values)", of one task.
  std::vector<std::string> spans(const std::string& task) const {
    constexpr const char* kKinds[] = {"runs", "parked", "blocked"};
    std::vector<std::string> found;
    for (const Span& span : timeline.spans) {
      if (names.task(timeline.lanes[span.lane].task) != task) continue;
      std::string one = kKinds[static_cast<int>(span.kind)];
      if (span.kind != Span::Kind::kRunning) one += " " + text(span.begin);
      found.push_back(one);
    }
    return found;
  }

  Trace trace;
  Names names;
  Timeline timeline;
};

TEST(TimelineTest, AnEmptyTraceHasNothing) {
  const Trace trace;

  const Timeline timeline = make_timeline(trace, order_events(trace));

  EXPECT_THAT(timeline.steps, IsEmpty());
  EXPECT_THAT(timeline.lanes, IsEmpty());
  EXPECT_THAT(timeline.spans, IsEmpty());
  EXPECT_THAT(timeline.links, IsEmpty());
}

TEST(TimelineTest, LanesAreInTheOrderOfTheTreeOfStarts) {
  const Seen seen([] {
    Task first = go("first", [] { go("inner", [] {}).join(); });
    Task second = go("second", [] {});
    first.join();
    second.join();
  });

  std::vector<std::string> lanes;
  for (const Lane& lane : seen.timeline.lanes)
    lanes.push_back(std::string(lane.depth, ' ') + seen.names.task(lane.task));
  EXPECT_THAT(lanes, ElementsAre("main", " first", "  inner", " second"));
  EXPECT_THAT(
      seen.links(Link::Kind::kSpawn),
      testing::UnorderedElementsAre("main go first -> first begin", "first go inner -> inner begin",
                                    "main go second -> second begin"));
}

TEST(TimelineTest, ValuesLeadFromTheirSendToTheirReceive) {
  const Seen seen([] {
    Channel<int> values("values", 2);
    values.send(1);
    values.send(2);
    Task reader = go("reader", [=] {
      values.recv();
      values.recv();
    });
    reader.join();
  });

  std::vector<std::pair<std::uint64_t, std::uint64_t>> steps;
  for (const Link& link : seen.timeline.links)
    if (link.kind == Link::Kind::kValue) steps.emplace_back(link.from, link.to);
  ASSERT_EQ(steps.size(), 2u);
  EXPECT_LT(steps[0].first, steps[1].first);
  EXPECT_LT(steps[0].second, steps[1].second);
  EXPECT_THAT(seen.links(Link::Kind::kValue),
              ElementsAre("main send(values) -> reader recv(values)",
                          "main send(values) -> reader recv(values)"));
}

TEST(TimelineTest, AParkedReceiveHasTheValueOfTheSendThatWokeIt) {
  const Seen seen([] {
    Channel<int> values("values");
    Task reader = go("reader", [=] { values.recv(); });
    sleep_for(std::chrono::seconds(1));
    values.send(7);
    reader.join();
  });

  EXPECT_THAT(seen.links(Link::Kind::kValue),
              ElementsAre("main send(values) -> reader recv(values)"));
  EXPECT_THAT(seen.links(Link::Kind::kWakeUp), Not(Contains(StartsWith("main send"))));
}

TEST(TimelineTest, AClosedChannelLeadsToWhomItWakes) {
  const Seen seen([] {
    Channel<int> values("values");
    Task reader = go("reader", [=] { values.recv(); });
    sleep_for(std::chrono::seconds(1));
    values.close();
    reader.join();
  });

  EXPECT_THAT(seen.links(Link::Kind::kWakeUp),
              Contains("main close(values) -> reader recv(values): closed"));
  EXPECT_THAT(seen.links(Link::Kind::kValue), IsEmpty());
}

TEST(TimelineTest, AnUnlockLeadsToTheNextTaskThatTakesTheLock) {
  const Seen seen([] {
    Mutex mu("mu");
    mu.lock();
    mu.unlock();
    go("other", [&] {
      mu.lock();
      mu.unlock();
      mu.lock();  // Its own unlock leads nowhere.
      mu.unlock();
    }).join();
  });

  EXPECT_THAT(seen.links(Link::Kind::kLock), ElementsAre("main unlock(mu) -> other lock(mu)"));
}

TEST(TimelineTest, WhatNobodyWakesIsBlockedToTheEnd) {
  const Seen seen([] {
    Channel<int> nothing("nothing");
    go("stuck", [=] { nothing.recv(); });
    go("well", [] {}).join();
  });

  EXPECT_THAT(seen.spans("stuck"), Contains("blocked stuck recv(nothing)"));
  EXPECT_THAT(seen.spans("well"), ElementsAre("runs"));
  const auto stuck =
      std::find_if(seen.timeline.lanes.begin(), seen.timeline.lanes.end(),
                   [&](const Lane& lane) { return seen.names.task(lane.task) == "stuck"; });
  EXPECT_EQ(stuck->last, seen.timeline.steps.size() + 1);
}

TEST(TimelineTest, WhatEndsByItselfIsNotBlocked) {
  const Seen seen([] {
    Channel<int> nothing("nothing");
    nothing.recv_for(std::chrono::seconds(1));
  });

  EXPECT_THAT(seen.spans("main"), Contains(StartsWith("parked")));
  EXPECT_THAT(seen.spans("main"), Not(Contains(StartsWith("blocked"))));
}

/// How the object named so stands behind each of its changes.
std::vector<std::string> states_of(const Seen& seen, const std::string& name) {
  Standing standing;
  std::vector<std::string> states;
  for (const Change& change : find_changes(seen.trace, seen.timeline.steps)) {
    if (seen.names.object(ObjectId{change.object}) != name) continue;
    standing.apply(change);
    std::string state = standing.size > standing.buffer.size() ? "[?" : "[";
    for (const std::uint64_t step : standing.buffer)
      state += step == 0 ? "?"
                         : format_value(seen.trace,
                                        event_at(seen.trace, seen.timeline.steps[step - 1].place));
    state += "]";
    for (const TaskId task : standing.waiters) state += " " + seen.names.task(task) + " waits";
    for (const TaskId task : standing.holders) state += " " + seen.names.task(task) + " holds";
    if (standing.is_closed) state += " closed";
    states.push_back(state);
  }
  return states;
}

TEST(ChangesTest, ABufferFillsAndEmptiesInOrder) {
  const Seen seen([] {
    Channel<int> values("values", 2);
    values.send(1);
    values.send(2);
    values.recv();
    values.close();
    values.recv();
  });

  EXPECT_THAT(states_of(seen, "values"),
              ElementsAre("[1]", "[12]", "[2]", "[2] closed", "[] closed"));
}

TEST(ChangesTest, AParkedSenderWaitsUntilItsValueIsInTheBuffer) {
  const Seen seen([] {
    Channel<int> values("values", 1);
    Task writer = go("writer", [=] {
      values.send(1);
      values.send(2);
    });
    sleep_for(std::chrono::seconds(1));
    values.recv();
    writer.join();
  });

  EXPECT_THAT(states_of(seen, "values"),
              ElementsAre("[1]", "[1] writer waits", "[] writer waits", "[]", "[2]"));
}

TEST(ChangesTest, ALockHasItsHolderAndThoseBehindIt) {
  const Seen seen([] {
    Mutex mu("mu");
    mu.lock();
    Task other = go("other", [&] {
      mu.lock();
      mu.unlock();
    });
    sleep_for(std::chrono::seconds(1));
    mu.unlock();
    other.join();
  });

  EXPECT_THAT(states_of(seen, "mu"), Contains("[] main holds"));
  EXPECT_THAT(states_of(seen, "mu"), Contains("[] other holds"));
  EXPECT_EQ(states_of(seen, "mu").back(), "[]");
}

// What a trace can be though no program means it: events were lost, or bytes damaged.

TEST(TimelineTest, ASelectThatParksIsNoLossOfItsChannels) {
  const Seen seen([] {
    Channel<int> values("values", 1);
    values.send(11);
    Task writer = go("writer", [=] { select(on_send(values, 22)); });
    sleep_for(std::chrono::seconds(1));
    values.recv();
    values.recv();
    writer.join();
  });

  EXPECT_THAT(seen.links(Link::Kind::kValue),
              ElementsAre("writer select(send values) -> main recv(values)"));
  EXPECT_THAT(states_of(seen, "values"), Contains("[22]"));
}

TEST(TimelineTest, ATaskWhoseEndOfAWaitIsLostIsNotBlocked) {
  replay::TraceMaker maker;
  const std::uint32_t values = maker.channel("values");
  const std::uint32_t mu = maker.object(ObjectKind::kMutex, "mu");
  const TaskId worker = maker.task("worker");
  maker.event(worker, Operation::kReceive, values, {.phase = Phase::kStart});
  maker.event(worker, Operation::kLock, mu, {});
  maker.event(worker, Operation::kUnlock, mu, {});
  maker.end_task(worker);

  const Seen seen(maker.finish());

  EXPECT_THAT(seen.spans("worker"), ElementsAre("runs", "parked worker recv(values)", "runs"));
  EXPECT_EQ(states_of(seen, "values").back(), "[]");
}

TEST(TimelineTest, NobodyIsBlockedForEverInAProgramThatWasKilled) {
  replay::TraceMaker maker;
  const std::uint32_t values = maker.channel("values");
  maker.event(maker.body(), Operation::kReceive, values, {.phase = Phase::kStart});

  EXPECT_THAT(Seen(maker.cut_off()).spans("main"), Contains("parked main recv(values)"));
  EXPECT_THAT(Seen(maker.finish()).spans("main"), Contains("blocked main recv(values)"));
}

TEST(TimelineTest, BehindALossNoValueIsFollowed) {
  replay::TraceMaker maker;
  const std::uint32_t values = maker.channel("values", 2);
  const TaskId worker = maker.task("worker");
  maker.send(maker.body(), values, 1, Phase::kBoth, 40, 1);
  maker.send(maker.body(), values, 2, Phase::kBoth, 40, 2);
  maker.receive(worker, values, 1, Phase::kBoth, 50, 1);
  maker.receive(worker, values, 2, Phase::kBoth, 50, 0);
  Trace trace = maker.finish();
  ASSERT_EQ(Seen(trace).links(Link::Kind::kValue).size(), 2u);
  // The first send is lost.
  std::vector<EventRecord>& events = trace.streams.front().events;
  events.erase(std::find_if(events.begin(), events.end(), [](const EventRecord& event) {
    return event.operation == Operation::kSend;
  }));
  trace.streams.front().gaps.push_back({2, 1});

  EXPECT_THAT(Seen(trace).links(Link::Kind::kValue), IsEmpty());
}

TEST(TimelineTest, ALockIsHadFromWhoGaveItBackAndNotFromWhoTriedIt) {
  replay::TraceMaker maker;
  const std::uint32_t mu = maker.object(ObjectKind::kMutex, "mu");
  const TaskId waiting = maker.task("waiting");
  const TaskId trying = maker.task("trying");
  maker.event(maker.body(), Operation::kLock, mu, {});
  maker.event(waiting, Operation::kLock, mu, {.phase = Phase::kStart});
  maker.event(maker.body(), Operation::kUnlock, mu, {});
  maker.event(trying, Operation::kLock, mu, {.outcome = Outcome::kNotReady});
  maker.event(waiting, Operation::kLock, mu, {.phase = Phase::kDone});

  EXPECT_THAT(Seen(maker.finish()).links(Link::Kind::kWakeUp),
              ElementsAre("main unlock(mu) -> waiting lock(mu)"));
}

TEST(ChangesTest, NumbersThatCannotBeAreLookedAtOnce) {
  replay::TraceMaker maker;
  const std::uint32_t values = maker.channel("values", 4);
  maker.trace().objects.front().initial_size = ~std::uint64_t{0};
  for (int i = 0; i < 1'000; ++i)
    maker.send(maker.body(), values, 1, Phase::kBoth, 40, i % 2 == 0 ? 65'000 : 0);
  for (int i = 0; i < 1'000; ++i)
    maker.event(maker.body(), Operation::kReceive, values, {.phase = Phase::kStart});
  const Trace trace = maker.finish();

  const std::vector<Change> changes =
      find_changes(trace, make_timeline(trace, order_events(trace)).steps);

  EXPECT_LT(changes.size(), 5'000u);
}

}  // namespace
}  // namespace chantrace::view
