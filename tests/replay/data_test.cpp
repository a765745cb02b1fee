#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "event_rows.h"
#include "replay/end_to_end.h"
#include "replay/traces.h"
#include "statistics.h"

namespace chantrace::replay {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream{text};
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

TEST(StatisticsTest, CountsAChannel) {
  const Statistics statistics = statistics_of(make_loop(40).finish());

  const ChannelStatistics& jobs = statistics.channels.at(ObjectId{1});
  EXPECT_EQ(jobs.sends, 40u);
  EXPECT_EQ(jobs.receives, 40u);
  EXPECT_EQ(jobs.depth_max, 1u);
  EXPECT_EQ(jobs.left, 0u);
  EXPECT_TRUE(jobs.is_closed);
  EXPECT_EQ(jobs.waits.count, 0u);
}

TEST(StatisticsTest, MeasuresWaitsAndKnowsThoseThatNeverEnd) {
  const Statistics statistics = statistics_of(make_leak().finish());

  const ChannelStatistics& results = statistics.channels.at(ObjectId{1});
  EXPECT_EQ(results.waits.count, 2u);
  EXPECT_EQ(results.waits.unfinished, 1u);
  EXPECT_EQ(results.waits.longest_ticks, 2'000u);  // The collector's: start, send, done.
  EXPECT_TRUE(statistics.tasks.at(TaskId{2}).is_parked);
  EXPECT_EQ(statistics.tasks.at(TaskId{3}).parked_ticks, 2'000u);
}

TEST(StatisticsTest, AWaitThatWasUnwoundNeverEnded) {
  TraceMaker maker = make_leak();
  unwind(maker, TaskId{2}, Operation::kSend, 1, 97);

  const Statistics statistics = statistics_of(maker.finish());

  EXPECT_EQ(statistics.channels.at(ObjectId{1}).waits.unfinished, 1u);
  EXPECT_TRUE(statistics.tasks.at(TaskId{2}).is_parked);
}

TEST(StatisticsTest, MeasuresHowLongALockIsHeld) {
  TraceMaker maker;
  const std::uint32_t mu = maker.object(ObjectKind::kMutex, "mu");
  maker.event(maker.body(), Operation::kLock, mu, {.line = 10});
  maker.event(maker.body(), Operation::kUnlock, mu, {.line = 11});
  maker.event(maker.body(), Operation::kLock, mu, {.line = 20});
  maker.event(maker.body(), Operation::kYield, 0, {.line = 21});
  maker.event(maker.body(), Operation::kUnlock, mu, {.line = 22});

  const LockStatistics lock = statistics_of(maker.finish()).locks.at(ObjectId{1});

  EXPECT_EQ(lock.taken, 2u);
  EXPECT_EQ(lock.contended, 0u);
  EXPECT_EQ(lock.longest_held_ticks, 2'000u);
  EXPECT_EQ(lock.longest_held_at, SiteId{20});
  EXPECT_FALSE(lock.is_held);
}

TEST(StatisticsTest, KnowsALockThatIsStillHeld) {
  const Statistics statistics = statistics_of(make_deadlock().finish());

  EXPECT_TRUE(statistics.locks.at(ObjectId{1}).is_held);
  EXPECT_EQ(statistics.locks.at(ObjectId{1}).waits.unfinished, 1u);
}

TEST(StatisticsTest, CountsWhatSelectsSendAndReceive) {
  TraceMaker maker;
  const std::uint32_t jobs = maker.channel("jobs", 1);
  const TaskId body = maker.body();
  maker.event(body, Operation::kSelectCase, jobs,
              {.phase = Phase::kStart, .detail = kSendCase, .line = 50});
  maker.event(body, Operation::kSelect, 0, {.phase = Phase::kStart, .detail = kNoCase, .line = 49});
  maker.event(body, Operation::kSelect, jobs,
              {.phase = Phase::kDone, .detail = kSendCase, .line = 49});
  maker.event(body, Operation::kSelect, jobs, {.detail = kSendCase, .line = 49});
  maker.event(body, Operation::kSelect, jobs, {.detail = 1, .line = 70});

  const ChannelStatistics statistics = statistics_of(maker.finish()).channels.at(ObjectId{1});

  EXPECT_EQ(statistics.sends, 2u);
  EXPECT_EQ(statistics.receives, 1u);
}

TEST(StatsTest, SaysWhereATestWaits) {
  const Folder folder;
  folder.add(make_leak().finish(), "a");

  const Ran ran = folder.run({"stats", "a.chantrace"});

  EXPECT_EQ(ran.status, 0);
  EXPECT_THAT(ran.out, AllOf(HasSubstr("results"), HasSubstr("for ever"), HasSubstr("send results"),
                             HasSubstr("still parked")));
}

TEST(StatsTest, OfManyTasksShowsThoseThatWait) {
  const Folder folder;
  folder.add(make_crowd(5'000).finish(), "a");

  const Ran ran = folder.run({"stats", "a.chantrace"});

  EXPECT_THAT(ran.out, AllOf(HasSubstr("worker #18"), HasSubstr("4,971 more tasks")));
}

TEST(ExportTest, WritesAnObjectALine) {
  const Folder folder;
  folder.add(make_leak().finish(), "a");

  const Ran ran = folder.run({"export", "a.chantrace"});

  EXPECT_EQ(ran.status, 0);
  const auto lines = lines_of(ran.out);
  ASSERT_EQ(lines.size(), 10u);
  const json send = json::parse(lines.back());
  EXPECT_EQ(send["step"], "10");
  EXPECT_EQ(send["time_ns"], "10000");
  EXPECT_EQ(send["task"], "worker-2");
  EXPECT_EQ(send["operation"], "send");
  EXPECT_EQ(send["phase"], "start");
  EXPECT_EQ(send["object"], "results");
  EXPECT_EQ(send["object_kind"], "channel");
  EXPECT_EQ(send["value"], "8");
  EXPECT_EQ(send["file"], "/home/me/pool/pool.cpp");
  EXPECT_EQ(send["line"], 97);
}

TEST(ExportTest, JsonStaysJsonWhateverTheNames) {
  const Folder folder;
  TraceMaker maker = make_leak();
  maker.trace().objects[0].name = "a\"b\\\n\x1b";
  folder.add(maker.finish(), "a");

  for (const std::string& line : lines_of(folder.run({"export", "a.chantrace"}).out)) {
    EXPECT_TRUE(json::accept(line)) << line;
  }
}

TEST(ExportTest, CsvQuotesAndDisarmsFormulas) {
  TraceMaker maker = make_leak();
  maker.trace().objects[0].name = "=cmd|' /C calc'!A0, \"x\"";
  maker.trace().tasks[1].label = "a\nb";
  std::string text;

  write_csv(maker.finish(), [&](std::string_view line) {
    text += line;
    return true;
  });

  EXPECT_THAT(text, StartsWith("step,time_ns,task,"));
  EXPECT_THAT(text, HasSubstr("\"'=cmd|' /C calc'!A0, \"\"x\"\"\""));
  EXPECT_THAT(text, HasSubstr("\"a\nb\""));
}

TEST(ExportTest, StopsWhenNoMoreIsWanted) {
  int lines = 0;

  write_jsonl(make_loop(100).finish(), [&](std::string_view) { return ++lines < 5; });

  EXPECT_EQ(lines, 5);
}

TEST(ExportTest, CapnpIsATraceAgain) {
  const Folder folder;
  const Trace trace = make_loop(3'000).finish();
  folder.add(trace, "a");

  const Ran ran = folder.run({"export", "a.chantrace", "--format", "capnp", "-o", "b.chantrace"});

  EXPECT_EQ(ran.status, 0) << ran.err;
  const auto again = read_trace(folder.path() / "b.chantrace");
  ASSERT_TRUE(again.has_value()) << again.error().to_string();
  EXPECT_EQ(again.value().streams, trace.streams);
  EXPECT_EQ(again.value().objects, trace.objects);
}

TEST(ExportTest, SaysWhereItCannotWrite) {
  const Folder folder;
  folder.add(make_leak().finish(), "a");

  const Ran ran = folder.run({"export", "a.chantrace", "-o", "no/such/folder"});

  EXPECT_EQ(ran.status, 3);
  EXPECT_THAT(ran.err, HasSubstr("No such file or directory"));
}

TEST(RecoverTest, LeavesACompleteTraceAlone) {
  const Folder folder;
  folder.add(make_loop(3).finish(), "a");
  const std::string before = folder.read("a.chantrace");

  const Ran ran = folder.run({"recover", "a.chantrace"});

  EXPECT_EQ(ran.status, 0);
  EXPECT_THAT(ran.out, HasSubstr("complete with 15 events, nothing to recover"));
  EXPECT_EQ(folder.read("a.chantrace"), before);
}

TEST(RecoverTest, KeepsTheMarkOfAnIncompleteOne) {
  const Folder folder;
  folder.add(make_leak().cut_off(), "a");

  const Ran ran = folder.run({"recover", "a.chantrace", "-o", "b.chantrace"});

  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("b.chantrace: recovered 10 events of 3 tasks"));
  const auto recovered = read_trace(folder.path() / "b.chantrace");
  ASSERT_TRUE(recovered.has_value());
  EXPECT_TRUE(recovered.value().is_incomplete());
  EXPECT_EQ(recovered.value().events_count(), 10u);
}

TEST(RecoverTest, TakesOneTraceToOneFile) {
  const Folder folder;
  folder.add(make_leak().cut_off(), "a");
  folder.add(make_leak().cut_off(), "b");

  EXPECT_EQ(folder.run({"recover", ".", "-o", "c"}).status, 2);
}

TEST(RecoverTest, DoesNotTouchWhatIsStillBeingWritten) {
  const Folder folder;
  TraceMaker maker = make_leak();
  maker.trace().header.process_id = static_cast<std::uint64_t>(getpid());
  maker.trace().header.program = std::filesystem::read_symlink("/proc/self/exe");
  folder.add(maker.cut_off(), "a");

  const Ran ran = folder.run({"recover", "a.chantrace"});

  EXPECT_EQ(ran.status, 3);
  EXPECT_THAT(ran.err, HasSubstr("still writing"));
}

}  // namespace
}  // namespace chantrace::replay
