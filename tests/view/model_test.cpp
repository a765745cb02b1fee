// Timelines of small programs, each written out.
#include "model/timeline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "chantrace/chantrace.h"
#include "model/changes.h"
#include "model/naming.h"
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
  explicit Seen(const std::function<void()>& body)
      : trace(record_controlled(body, kInTurns)),
        names(trace),
        timeline(make_timeline(trace, order_events(trace))) {}

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
    std::string state = "[";
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

}  // namespace
}  // namespace chantrace::view
