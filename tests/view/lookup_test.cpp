// What a viewer looks up in a trace, held against going through all of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "model/changes.h"
#include "model/naming.h"
#include "model/search.h"
#include "model/standings.h"
#include "model/step_index.h"
#include "model/timeline.h"
#include "replay/traces.h"

namespace chantrace::view {
namespace {

using replay::TraceMaker;
using testing::ElementsAre;
using testing::IsEmpty;
using enum Operation;

struct Seen {
  explicit Seen(Trace made)
      : trace(std::move(made)),
        names(trace),
        timeline(make_timeline(trace, order_events(trace))),
        index(trace, timeline),
        standings(trace, timeline.steps) {}

  std::string words(std::uint32_t object, std::uint64_t step) const {
    const StandingWords words =
        in_words(trace, timeline.steps, names, object, standings.at(object, step));
    return words.waiting.empty() ? words.state : words.state + " | " + words.waiting;
  }

  Trace trace;
  Names names;
  Timeline timeline;
  StepIndex index;
  Standings standings;
};

/// Steps: 1 make, 2 go, 3 begin, 4 send, 5 send parks, 6 recv, 7 send goes on, 8 recv.
struct Channel {
  Channel() {
    jobs = maker.channel("jobs", 1);
    worker = maker.task("worker");
    const TaskId main = maker.body();
    maker.send(main, jobs, 11, Phase::kBoth, 40, 1);
    maker.send(main, jobs, 22, Phase::kStart, 40, 1);
    maker.receive(worker, jobs, 11, Phase::kBoth, 50, 0);
    maker.send(main, jobs, 22, Phase::kDone, 40, 1);
    maker.receive(worker, jobs, 22, Phase::kBoth, 50, 0);
  }
  TraceMaker maker;
  std::uint32_t jobs = 0;
  TaskId worker{};
};

std::vector<std::uint64_t> numbers(std::span<const std::uint64_t> steps) {
  return {steps.begin(), steps.end()};
}

TEST(StepIndexTest, FindsTheStepsOfALaneAndOfAnObject) {
  Channel channel;
  const Seen seen(channel.maker.finish());

  EXPECT_THAT(numbers(seen.index.steps_of_lane(0)), ElementsAre(1, 2, 4, 5, 7));
  EXPECT_THAT(numbers(seen.index.steps_of_lane(1)), ElementsAre(3, 6, 8));
  EXPECT_THAT(numbers(seen.index.steps_on(channel.jobs)), ElementsAre(1, 4, 5, 6, 7, 8));
  EXPECT_THAT(seen.index.steps_of_lane(kNoLane), IsEmpty());
  EXPECT_THAT(seen.index.steps_on(99), IsEmpty());
  EXPECT_EQ(seen.index.object_of(2), 0u) << "a task is no object";
  EXPECT_EQ(next_of(seen.index.steps_of_lane(1), 3), 6u);
  EXPECT_EQ(next_of(seen.index.steps_of_lane(1), 8), 0u);
  EXPECT_EQ(previous_of(seen.index.steps_of_lane(1), 8), 6u);
  EXPECT_EQ(previous_of(seen.index.steps_of_lane(1), 3), 0u);
}

TEST(StepIndexTest, ASelectThatParksIsOnAllItsObjects) {
  TraceMaker maker;
  const std::uint32_t jobs = maker.channel("jobs");
  const std::uint32_t quit = maker.channel("quit");
  maker.event(maker.body(), kSelectCase, jobs, {.phase = Phase::kStart, .detail = 0});
  maker.event(maker.body(), kSelectCase, quit, {.phase = Phase::kStart, .detail = 1});
  maker.event(maker.body(), kSelect, 0, {.phase = Phase::kStart, .detail = kNoCase});

  const Seen seen(maker.finish());

  EXPECT_THAT(numbers(seen.index.steps_on(jobs)), ElementsAre(1, 3));
  EXPECT_THAT(numbers(seen.index.steps_on(quit)), ElementsAre(2, 3));
  EXPECT_EQ(seen.index.object_of(3), jobs);
}

TEST(StepIndexTest, KnowsWhatALaneDoesAtAStep) {
  Channel channel;
  const Seen seen(channel.maker.finish());

  EXPECT_EQ(seen.index.span_at(0, 4)->kind, Span::Kind::kRunning);
  EXPECT_EQ(seen.index.span_at(0, 5)->kind, Span::Kind::kParked);
  EXPECT_EQ(seen.index.span_at(0, 6)->begin, 5u);
  EXPECT_EQ(seen.index.span_at(0, 7)->kind, Span::Kind::kRunning);
  EXPECT_EQ(seen.index.span_at(1, 2), nullptr) << "it has not begun";
  for (std::uint64_t begin = 1; begin <= 9; ++begin)
    for (std::uint64_t end = begin; end <= 9; ++end) {
      std::uint64_t parked = 0;
      for (std::uint64_t step = begin; step < end; ++step) parked += step == 5 || step == 6;
      EXPECT_EQ(seen.index.parked_between(0, begin, end), parked) << begin << " to " << end;
      EXPECT_EQ(seen.index.parked_between(1, begin, end), 0u);
    }
}

TEST(StepIndexTest, FindsLinksFromBothEnds) {
  Channel channel;
  const Seen seen(channel.maker.finish());

  ASSERT_FALSE(seen.index.links_to(6).empty());
  EXPECT_EQ(seen.index.links_to(6).front().from, 4u) << "its value";
  const std::vector<Link> from = seen.index.links_from(5);
  ASSERT_EQ(from.size(), 1u);
  EXPECT_EQ(from.front().to, 8u) << "where the second value goes";
  std::size_t count = 0;
  for (std::uint64_t step = 1; step <= 8; ++step) {
    for (const Link& link : seen.index.links_from(step)) EXPECT_EQ(link.from, step);
    count += seen.index.links_from(step).size();
  }
  EXPECT_EQ(count, seen.timeline.links.size());
}

TEST(StepIndexTest, APreemptionIsOfATaskThatCouldHaveGoneOn) {
  Channel channel;
  channel.maker.trace().header.is_controlled = true;
  const Seen seen(channel.maker.finish());
  Channel on_threads;
  const Seen threads(on_threads.maker.finish());

  // 3 and 4 cut in; 6 follows a send that parked.
  EXPECT_THAT(seen.index.preemptions(), ElementsAre(3, 4, 7, 8));
  EXPECT_TRUE(seen.index.is_preemption(4));
  EXPECT_FALSE(seen.index.is_preemption(6));
  EXPECT_THAT(threads.index.preemptions(), IsEmpty());
}

TEST(StandingsTest, SayHowAnObjectStandsAtEachStep) {
  Channel channel;
  channel.maker.event(channel.maker.body(), kClose, channel.jobs, {.line = 60});
  const Seen seen(channel.maker.finish());

  EXPECT_EQ(seen.words(channel.jobs, 3), "0 of 1: []");
  EXPECT_EQ(seen.words(channel.jobs, 4), "1 of 1: [11]");
  EXPECT_EQ(seen.words(channel.jobs, 5), "1 of 1: [11] | main");
  EXPECT_EQ(seen.words(channel.jobs, 6), "0 of 1: [] | main");
  EXPECT_EQ(seen.words(channel.jobs, 7), "1 of 1: [22]");
  EXPECT_EQ(seen.words(channel.jobs, 9), "0 of 1: [], closed");
  EXPECT_THAT(seen.standings.touched_by(5), ElementsAre(channel.jobs));
  EXPECT_THAT(seen.standings.touched_by(2), IsEmpty());
  EXPECT_THAT(seen.standings.touched_by(0), IsEmpty());
  EXPECT_THAT(seen.standings.touched_by(100), IsEmpty());
}

TEST(StandingsTest, SayWhoHoldsALockAndWhoWaits) {
  TraceMaker maker;
  const std::uint32_t mu = maker.object(ObjectKind::kMutex, "mu");
  const TaskId left = maker.task("left");
  const TaskId right = maker.task("right");
  maker.event(left, kLock, mu, {.line = 61});
  maker.event(right, kLock, mu, {.phase = Phase::kStart, .line = 71});
  const Seen seen(maker.finish(false));

  EXPECT_EQ(seen.words(mu, 4), "free");
  EXPECT_EQ(seen.words(mu, 5), "held by left");
  EXPECT_EQ(seen.words(mu, 6), "held by left | right");
}

TEST(StandingsTest, CheckpointsChangeNothing) {
  // Long enough for many, with a buffer that is larger than the changes from one to the next.
  TraceMaker maker;
  const std::uint32_t jobs = maker.channel("jobs", 1'000);
  const std::uint32_t mu = maker.object(ObjectKind::kMutex, "mu");
  std::uint16_t depth = 0;
  for (int i = 0; i < 3'000; ++i) {
    const bool sends = depth == 0 || (depth < 900 && i % 3 != 0);
    if (sends)
      maker.send(maker.body(), jobs, i, Phase::kBoth, 40, ++depth);
    else
      maker.receive(maker.body(), jobs, i, Phase::kBoth, 50, --depth);
    if (i % 7 == 0) maker.event(maker.body(), i % 2 == 0 ? kLock : kUnlock, mu);
  }
  const Seen seen(maker.finish());

  std::map<std::uint32_t, Standing> expected;
  const std::vector<Change> changes = find_changes(seen.trace, seen.timeline.steps);
  auto next = changes.begin();
  for (std::uint64_t step = 0; step <= seen.timeline.steps.size(); ++step) {
    for (; next != changes.end() && next->step <= step; ++next) expected[next->object].apply(*next);
    ASSERT_EQ(seen.standings.at(jobs, step), expected[jobs]) << step;
    ASSERT_EQ(seen.standings.at(mu, step), expected[mu]) << step;
  }
}

TEST(SearchTest, AllWordsMustBeThere) {
  Channel channel;
  const Seen seen(channel.maker.finish());
  const SearchTexts texts(seen.trace, seen.names, seen.timeline);

  EXPECT_THAT(texts.find("recv"), ElementsAre(6, 8));
  EXPECT_THAT(texts.find("RECV 22"), ElementsAre(8));
  EXPECT_THAT(texts.find("worker"), ElementsAre(2, 3, 6, 8)) << "who starts it says its name";
  EXPECT_THAT(texts.find("task:worker"), ElementsAre(3, 6, 8));
  EXPECT_THAT(texts.find("on:jobs op:send"), ElementsAre(4, 5, 7));
  EXPECT_THAT(texts.find("at:pool.cpp:50"), ElementsAre(6, 8));
  EXPECT_THAT(texts.find("task:main recv"), IsEmpty());
  EXPECT_THAT(texts.find("\"recv(jobs) = 22\""), ElementsAre(8));
  EXPECT_THAT(texts.find("\"22 recv\""), IsEmpty()) << "in that order";
  EXPECT_THAT(texts.find("task:\"worker\" \"= 22"), ElementsAre(8)) << "to the end";
  EXPECT_THAT(texts.find("  "), IsEmpty());
  EXPECT_THAT(texts.find("on:"), testing::SizeIs(8)) << "whatever the object";
}

TEST(SearchTest, AnEmptyTraceHasNothingToFind) {
  const Seen seen{Trace{}};

  EXPECT_THAT(SearchTexts(seen.trace, seen.names, seen.timeline).find("x"), IsEmpty());
  EXPECT_THAT(seen.standings.objects(), IsEmpty());
  EXPECT_EQ(seen.index.span_at(0, 1), nullptr);
  EXPECT_THAT(seen.index.links_to(1), IsEmpty());
}

}  // namespace
}  // namespace chantrace::view
