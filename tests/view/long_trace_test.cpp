// A long trace in parts, held against the same trace as a whole.
#include "model/long_trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "analysis/stored_order.h"
#include "model/long_search.h"
#include "model/search.h"
#include "model/standings.h"
#include "model/step_index.h"
#include "support/random_trace.h"
#include "support/temporary_folder.h"
#include "support/trace_builder.h"
#include "web/long_pages.h"

namespace chantrace::view {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::SizeIs;

/// A trace in a file, and as it is read from there.
struct StoredFile {
  explicit StoredFile(const Trace& trace) : path(folder.path() / "one.chantrace") {
    if (const auto error = write_trace(trace, path)) throw std::runtime_error(error->to_string());
    whole = read_trace(path).value();
    order = order_events(whole);
    timeline = make_timeline(whole, order);
  }

  TemporaryFolder folder;
  std::filesystem::path path;
  Trace whole;
  TraceOrder order;
  Timeline timeline;
};

/// Loses some events of one task, as a buffer that was full does.
void lose_some(Trace& trace) {
  if (trace.streams.empty()) return;
  TaskStream& stream = trace.streams[*rc::gen::inRange<std::size_t>(0, trace.streams.size())];
  const auto size = stream.events.size();
  const auto begin = *rc::gen::inRange<std::size_t>(0, size + 1);
  const auto end = *rc::gen::inRange<std::size_t>(begin, size + 1);
  if (begin == end || !stream.gaps.empty()) return;
  const auto at = [&](std::size_t i) {
    return stream.events.begin() + static_cast<std::ptrdiff_t>(i);
  };
  stream.events.erase(at(begin), at(end));
  stream.gaps.push_back({begin, end - begin});
  std::erase_if(trace.streams, [](const TaskStream& one) { return one.events.empty(); });
}

RC_GTEST_PROP(StoredOrderProperty, IsThatOfTheWhole, ()) {
  Trace trace = random_trace();
  if (*rc::gen::arbitrary<bool>()) lose_some(trace);
  const StoredFile file(trace);
  auto stored = detail::StoredTrace::open(file.path);
  RC_ASSERT(stored.has_value());
  std::vector<std::uint32_t> next(file.whole.streams.size(), 0);
  std::size_t events = 0;

  const auto problem =
      visit_in_order(stored.value(), [&](std::uint32_t stream, const EventRecord& item) {
        if (item.operation == Operation::kNone) return;
        RC_ASSERT(file.order.places[events].stream == stream);
        RC_ASSERT(file.order.places[events].index == next[stream]);
        RC_ASSERT(event_at(file.whole, file.order.places[events]) == item);
        ++events;
        ++next[stream];
      });

  RC_CLASSIFY(file.whole.lost_count() > 0, "with losses");
  RC_ASSERT(!problem.has_value());
  RC_ASSERT(events == file.order.places.size());
}

/// What is wrong with the part, in words; empty: it shows what the whole shows there.
std::string difference(const StoredFile& file, const TracePart& part) {
  const Timeline timeline = make_timeline(part.trace, part.order);
  const StepIndex index(part.trace, timeline);
  const StepIndex whole(file.whole, file.timeline);
  const std::uint64_t before = part.begins.size();
  if (timeline.steps.size() != before + part.last + 1 - part.first) return "number of steps";
  for (std::uint64_t step = 1; step <= timeline.steps.size(); ++step) {
    const Step& one = timeline.steps[step - 1];
    const Step& same = file.timeline.steps[part.number_of(step) - 1];
    if (one.task != same.task ||
        event_at(part.trace, one.place) != event_at(file.whole, same.place))
      return "step " + std::to_string(step);
  }
  for (std::uint64_t step = before + 1; step <= timeline.steps.size(); ++step)
    for (std::uint32_t lane = 0; lane < timeline.lanes.size(); ++lane) {
      const Span* const one = index.span_at(lane, step);
      const Span* const same = whole.span_at(lane, part.number_of(step));
      const bool is_parked = one != nullptr && one->kind != Span::Kind::kRunning;
      const bool was_parked = same != nullptr && same->kind != Span::Kind::kRunning;
      if (is_parked != was_parked) return "lane " + std::to_string(lane);
      if (!is_parked) continue;
      if (one->object != same->object || part.number_of(one->begin) != same->begin)
        return "wait of lane " + std::to_string(lane);
      if (part.trace.end && one->kind != same->kind) return "end of lane " + std::to_string(lane);
    }
  return {};
}

/// The same for how objects stand, but for those that somebody was waiting at: whether they had
/// been let go on already is not known.
std::string standing_difference(const StoredFile& file, const TracePart& part) {
  const Timeline timeline = make_timeline(part.trace, part.order);
  const Standings standings(part.trace, timeline.steps);
  const Standings whole(file.whole, file.timeline.steps);
  std::set<std::uint32_t> open;
  for (std::uint64_t step = 0; step < part.begins.size(); ++step) {
    open.insert(event_at(part.trace, timeline.steps[step].place).object);
    for (const EventRecord* one : cases_of(part.trace, timeline.steps[step].place))
      open.insert(one->object);
  }
  for (const std::uint32_t object : whole.objects()) {
    if (open.contains(object)) continue;
    for (std::uint64_t step = part.begins.size() + 1; step <= timeline.steps.size(); ++step) {
      const Standing one = standings.at(object, step);
      const Standing same = whole.at(object, part.number_of(step));
      if (one.size != same.size || one.holders != same.holders || one.waiters != same.waiters ||
          one.count != same.count || one.is_closed != same.is_closed)
        return "object " + std::to_string(object) + " at step " + std::to_string(step);
    }
  }
  return {};
}

RC_GTEST_PROP(LongTraceProperty, PartsShowWhatTheWholeShows, ()) {
  const StoredFile file(random_trace());
  auto opened = LongTrace::open(file.path);
  RC_ASSERT(opened.has_value());
  LongTrace& trace = opened.value();
  const std::uint64_t count = file.timeline.steps.size();
  RC_ASSERT(trace.steps_count() == count);
  RC_PRE(count > 0);
  const auto from = *rc::gen::resize(100, rc::gen::inRange<std::uint64_t>(1, count + 1));
  const auto to = *rc::gen::resize(100, rc::gen::inRange<std::uint64_t>(from, count + 1));

  const auto part = trace.part(from, to);

  RC_ASSERT(part.has_value());
  RC_ASSERT(part->first == from);
  RC_ASSERT(part->last == to);
  RC_ASSERT(part->trace.end.has_value() == (to == count));
  RC_ASSERT(difference(file, *part) == "");
  RC_ASSERT(standing_difference(file, *part) == "");
  RC_CLASSIFY(!part->begins.empty(), "somebody waits at its beginning");
  for (std::uint32_t lane = 0; lane < trace.lanes().size(); ++lane)
    RC_ASSERT(trace.lanes()[lane] == file.timeline.lanes[lane]);
}

/// Values that do not compress.
std::uint64_t value_of(std::uint32_t job) {
  const std::uint64_t mixed = (job + 1) * 0x9e3779b97f4a7c15u;
  return (mixed ^ mixed >> 29) * 0xbf58476d1ce4e5b9u;
}

/// A producer, two workers in turn and a collector, of which one channel is never used again; some
/// sends park.
Trace make_pool(std::uint32_t jobs) {
  TraceBuilder builder;
  builder.trace().header.is_controlled = true;
  const TaskId body = builder.body();
  const TaskId producer = builder.go(body, "producer", 3);
  const TaskId workers[] = {builder.go(body, "worker-1", 4), builder.go(body, "worker-2", 4)};
  const ObjectId todo = builder.channel("todo", 4, 1);
  const ObjectId once = builder.channel("once", 1, 2);
  builder.both(body, Operation::kSend, once, 6, {.value = 1, .detail = 1});
  for (std::uint32_t job = 0; job < jobs; ++job) {
    const TaskId worker = workers[(job / 1000) % 2];
    if (job % 16 == 3) {
      builder.start(worker, Operation::kReceive, todo, 10);
      builder.both(producer, Operation::kSend, todo, 9, {.value = value_of(job), .detail = 0});
      builder.done(worker, Operation::kReceive, todo, 10, {.value = value_of(job), .detail = 0});
    } else {
      builder.both(producer, Operation::kSend, todo, 9, {.value = value_of(job), .detail = 1});
      builder.both(worker, Operation::kReceive, todo, 10, {.value = value_of(job), .detail = 0});
    }
  }
  builder.start(workers[0], Operation::kReceive, todo, 10);
  return builder.build();
}

/// Of so many steps that there are several blocks and checkpoints.
class LongPoolTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { file_ = new StoredFile(make_pool(100'000)); }
  static void TearDownTestSuite() { delete file_; }

  LongTrace open() { return LongTrace::open(file_->path).value(); }
  std::uint64_t count() const { return file_->timeline.steps.size(); }

  static inline StoredFile* file_ = nullptr;
};

TEST_F(LongPoolTest, PartsShowWhatTheWholeShows) {
  LongTrace trace = open();

  EXPECT_EQ(trace.steps_count(), count());
  for (const std::uint64_t from : {std::uint64_t{1}, std::uint64_t{65'537}, std::uint64_t{131'070},
                                   std::uint64_t{150'001}, count() - 10}) {
    const auto part = trace.part(from, from + 2'000);
    ASSERT_TRUE(part.has_value());
    EXPECT_EQ(difference(*file_, *part), "") << from;
  }
}

TEST_F(LongPoolTest, LevelsAddUpWhatTheLanesDo) {
  const LongTrace trace = open();

  const LevelView view = trace.levels().view(1, count(), 50, 1, 2);

  ASSERT_THAT(view.lanes, SizeIs(2));
  EXPECT_LE(view.lanes[0].size(), 50u);
  EXPECT_EQ(view.times.size(), view.lanes[0].size() + 1);
  EXPECT_EQ(view.times[1], view.from + view.every + view.times[0] - 1);  // Time is the step.
  std::vector<std::vector<LevelCell>> expected(2, std::vector<LevelCell>(view.lanes[0].size()));
  for (std::uint64_t step = 1; step <= count(); ++step) {
    const std::uint32_t lane = file_->timeline.lanes_of_steps[step - 1];
    if (lane == 1 || lane == 2) ++expected[lane - 1][(step - 1) / view.every].steps;
  }
  for (const Span& span : file_->timeline.spans)
    for (std::uint64_t step = span.begin; step < std::min(span.end, count() + 1); ++step) {
      if ((span.lane != 1 && span.lane != 2) || span.kind == Span::Kind::kRunning) continue;
      LevelCell& cell = expected[span.lane - 1][(step - 1) / view.every];
      ++cell.parked;
      cell.object = span.object;
    }
  EXPECT_EQ(view.lanes, expected);
}

TEST_F(LongPoolTest, FinerLevelsAreThoseOfAPart) {
  const LongTrace trace = open();

  const LevelView all = trace.levels().view(1, count(), 1'000'000, 0, 4);
  const LevelView some = trace.levels().view(100'000, 120'000, 1'000'000, 0, 4);
  const LevelView none = trace.levels().view(1, count(), 10, 4, 4);

  EXPECT_EQ(some.every, all.every);
  const std::size_t offset = (some.from - 1) / all.every;
  for (std::size_t cell = 0; cell < some.lanes[1].size(); ++cell)
    EXPECT_EQ(some.lanes[1][cell], all.lanes[1][offset + cell]);
  EXPECT_THAT(none.lanes, SizeIs(0));
}

TEST_F(LongPoolTest, FindsTheStepsThatTheWholeHas) {
  LongTrace trace = open();
  const StepIndex index(file_->whole, file_->timeline);
  const Names names(file_->whole);
  const SearchTexts texts(file_->whole, names, file_->timeline);
  const std::vector<std::uint64_t> everywhere = {0, 65'536, 140'000, count()};
  const auto expect_all = [&](const StepQuery& query, std::span<const std::uint64_t> steps,
                              const std::vector<std::uint64_t>& places) {
    for (const std::uint64_t from : places) {
      EXPECT_EQ(find_step(trace, query, from, true), next_of(steps, from)) << from;
      EXPECT_EQ(find_step(trace, query, from, false), previous_of(steps, from)) << from;
    }
  };

  expect_all({.lane = 0}, index.steps_of_lane(0), everywhere);
  expect_all({.lane = 3}, index.steps_of_lane(3), everywhere);
  expect_all({.object = ObjectId{1}}, index.steps_on(1), everywhere);
  expect_all({.object = ObjectId{2}}, index.steps_on(2), everywhere);
  expect_all({.is_preemption = true}, index.preemptions(), everywhere);
  // Texts are looked at step by step, which takes its time.
  const std::string value = std::to_string(static_cast<std::int64_t>(value_of(77'777)));
  expect_all({.text = "send " + value}, texts.find("send " + value), {100'000});
  expect_all({.text = "op:send on:once"}, texts.find("op:send on:once"), {100'000});
  expect_all({.text = "nowhere"}, {}, {140'000});
  EXPECT_THAT(index.steps_on(2), SizeIs(1));
  EXPECT_EQ(find_step(trace, {.lane = 99}, 1, true), 0u);
}

TEST_F(LongPoolTest, AnswersWhatAPageAsks) {
  LongPages pages(open(), "pool", "1/");
  const auto ask = [&](std::string_view what, const std::string& query) {
    Request request;
    request.query = query;
    return pages.respond(what, request);
  };
  const auto ask_json = [&](std::string_view what, const std::string& query) {
    return json::parse(*ask(what, query).body);
  };

  const json document = ask_json("document", "step=150000");
  const json levels = ask_json("levels", "from=1&to=200000&cells=10&lane=1&lanes=1");
  const json last = ask_json("document", "step=99999999999");
  const std::string page = *pages.page().body;

  EXPECT_EQ(document["part"]["total"], count());
  EXPECT_EQ(document["part"]["base"], "1/");
  EXPECT_LT(document["part"]["first"], 150'000);
  EXPECT_GT(document["part"]["first"].get<std::uint64_t>() + document["steps"]["task"].size(),
            150'000u);
  EXPECT_EQ(document["verdict"], "passed");
  EXPECT_EQ(document["tasks"][0]["first"], 1);
  EXPECT_EQ(last["part"]["first"].get<std::uint64_t>() + last["steps"]["task"].size(), count() + 1);
  EXPECT_THAT(last["spans"]["kind"], testing::Contains(2));  // Blocked for ever.
  EXPECT_EQ(last["findings"], document["findings"]);
  const auto leak =
      std::find_if(document["findings"].begin(), document["findings"].end(), [](const json& one) {
        return one["summary"] == "worker-1 leaked, waiting in recv from \"todo\"";
      });
  ASSERT_NE(leak, document["findings"].end());
  EXPECT_EQ((*leak)["steps"], json::array({count()}));
  EXPECT_THAT(document["findings"].back()["summary"].get<std::string>(),
              HasSubstr("chantrace check"));
  EXPECT_THAT(levels["steps"], SizeIs(1));
  EXPECT_EQ(ask_json("next", "from=0&q=send(once,+1)"), (json{{"step", 7}}));
  EXPECT_EQ(ask_json("next", "from=200&object=1&direction=-1"), (json{{"step", 7}}));
  EXPECT_THAT(page, HasSubstr("\"part\":{"));
}

TEST_F(LongPoolTest, RefusesWhatCannotBeAsked) {
  LongPages pages(open(), "pool", "1/");
  for (const auto& [what, query] :
       std::vector<std::pair<std::string, std::string>>{{"document", "step=x"},
                                                        {"document", "step=-1"},
                                                        {"levels", "from=1&to=2&cells=1e9"},
                                                        {"levels", "lane=99999999999999999999"},
                                                        {"next", "from=1"},
                                                        {"next", "from=1&direction=2&task=1"},
                                                        {"next", "from=1&task=4000000000"},
                                                        {"next", "from=1&q="}}) {
    Request request;
    request.query = query;
    EXPECT_EQ(pages.respond(what, request).status, 400u) << what << '?' << query;
  }
  EXPECT_EQ(pages.respond("nothing", {}).status, 404u);
}

TEST_F(LongPoolTest, AFileThatHasChangedIsSaidToHave) {
  const TemporaryFolder folder;
  const std::filesystem::path path = folder.path() / "changing.chantrace";
  std::filesystem::copy_file(file_->path, path);
  LongTrace trace = LongTrace::open(path).value();
  std::filesystem::resize_file(path, 100);

  // What was read last may still be at hand, but not all of it.
  const bool has_both =
      trace.part(1, 10).has_value() && trace.part(count() - 10, count()).has_value();
  EXPECT_FALSE(has_both);
}

TEST(LongTraceTest, AnEmptyTraceHasNoSteps) {
  TraceBuilder builder;
  builder.body();
  const StoredFile file(builder.build());

  LongTrace trace = LongTrace::open(file.path).value();

  EXPECT_EQ(trace.steps_count(), 0u);
  EXPECT_EQ(trace.part(1, 10)->order.places.size(), 0u);
  for (const bool is_forward : {true, false})
    for (const StepQuery& query : {StepQuery{.lane = 0}, StepQuery{.object = ObjectId{1}},
                                   StepQuery{.is_preemption = true}, StepQuery{.text = "send"}})
      EXPECT_EQ(find_step(trace, query, 9, is_forward), 0u);
  EXPECT_EQ(LongPages(std::move(trace), "none", "1/").page().status, 200u);
}

TEST(LongTraceTest, IdsThatAreSparseTakeNoMemory) {
  TraceBuilder builder;
  const TaskId body = builder.body();
  const ObjectId mutex = builder.mutex("mu");
  builder.lock(body, mutex, 1);
  Trace trace = builder.build();
  trace.objects[0].id = ObjectId{(1u << 28) - 10};
  trace.streams[0].events[0].object = (1u << 28) - 10;
  const StoredFile file(trace);

  EXPECT_THAT(LongTrace::open(file.path).error().reason, HasSubstr("ids are too large"));
}

TEST(LongTraceTest, AStartThatFollowsAStartIsTheOnlyOneThatIsOpen) {
  TraceBuilder builder;
  const TaskId body = builder.body();
  const ObjectId mutex = builder.mutex("mu");
  for (int i = 0; i < 1'000; ++i) builder.start(body, Operation::kLock, mutex, 1);
  const StoredFile file(builder.build());

  const auto part = LongTrace::open(file.path).value().part(500, 600);

  ASSERT_TRUE(part.has_value());
  EXPECT_THAT(part->begins, testing::ElementsAre(499));
}

TEST(LongTraceTest, ManyTasksWithLargeChunksAreReadSliceBySlice) {
  // More than cursors hold at once.
  TraceBuilder builder;
  const TaskId body = builder.body();
  std::vector<TaskId> tasks;
  for (int i = 0; i < 200; ++i) tasks.push_back(builder.go(body, "worker", 2));
  for (int i = 0; i < 10'000; ++i)
    for (const TaskId task : tasks) builder.both(task, Operation::kYield, ObjectId{0}, 1);
  const StoredFile file(builder.build());

  LongTrace trace = LongTrace::open(file.path).value();

  EXPECT_EQ(trace.steps_count(), file.timeline.steps.size());
  const auto part = trace.part(1'900'000, 1'900'100);
  ASSERT_TRUE(part.has_value());
  EXPECT_EQ(difference(file, *part), "");
}

TEST(LongTraceTest, SaysWhatCannotBeShownInParts) {
  const TemporaryFolder folder;
  const StoredFile file(make_pool(100));
  const std::filesystem::path cut = folder.path() / "cut.chantrace";
  std::filesystem::copy_file(file.path, cut);
  std::filesystem::resize_file(cut, std::filesystem::file_size(cut) - 16);

  EXPECT_THAT(LongTrace::open(cut).error().reason, HasSubstr("chantrace recover"));
  EXPECT_THAT(LongTrace::open(folder.path() / "none").error().reason, HasSubstr("open"));
}

}  // namespace
}  // namespace chantrace::view
