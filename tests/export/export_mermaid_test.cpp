// What a diagram says. That Mermaid draws it is tested in consumers.test.mjs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>

#include "export/exported.h"
#include "replay/end_to_end.h"

namespace chantrace::replay {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

std::string diagram(const Trace& trace, const DiagramOptions& options = {}) {
  return exported([&](const Trace& brief, std::string_view title,
                      const LineSink& sink) { write_mermaid(brief, title, options, sink); },
                  trace);
}

std::size_t messages_in(const std::string& text) {
  std::size_t count = 0;
  for (std::size_t at = 0; (at = text.find(">>", at)) != std::string::npos; at += 2) ++count;
  return count;
}

TEST(ExportMermaidTest, ShowsWhoWaitsForWhom) {
  EXPECT_EQ(diagram(make_deadlock().finish()),
            "sequenceDiagram\n"
            "  title Bank.Transfers (pool.cpp)\n"
            "  participant p1 as main\n"
            "  participant p2 as left\n"
            "  participant p3 as right\n"
            "  p1->>p2: 1-2 go left #58;40\n"
            "  p1->>p3: 3-4 go right #58;41\n"
            "  p2--xp3: waits for to\n"
            "  Note over p2: blocked for ever#58; lock(to)<br/>pool.cpp#58;51<br/>"
            "held by right since pool.cpp#58;60\n"
            "  p3--xp2: waits for from\n"
            "  Note over p3: blocked for ever#58; lock(from)<br/>pool.cpp#58;61<br/>"
            "held by left since pool.cpp#58;50\n"
            "  Note over p1,p3: deadlock#58; left waits for to held by right, right for from<br/>"
            "held by left (certain)\n");
}

TEST(ExportMermaidTest, ShowsValuesAndWhoWasWoken) {
  TraceMaker maker("Pool.Drains");
  const std::uint32_t jobs = maker.channel("jobs", 0);
  const std::uint32_t mu = maker.object(ObjectKind::kMutex, "mu");
  const TaskId worker = maker.task("worker");
  const TaskId main = maker.body();
  maker.receive(worker, jobs, 0, Phase::kStart, 50);
  maker.send(main, jobs, 7, Phase::kBoth, 40);
  maker.receive(worker, jobs, 7, Phase::kDone, 50);
  maker.event(main, Operation::kLock, mu, {.line = 41});
  maker.event(worker, Operation::kLock, mu, {.phase = Phase::kStart, .line = 51});
  maker.event(main, Operation::kUnlock, mu, {.line = 42});
  maker.event(worker, Operation::kLock, mu, {.phase = Phase::kDone, .line = 51});
  maker.event(worker, Operation::kUnlock, mu, {.line = 52});
  maker.end_task(worker);
  maker.event(main, Operation::kTaskJoin, to_number(worker), {.line = 43});

  const std::string text = diagram(maker.finish());

  EXPECT_THAT(text, AllOf(HasSubstr("p1->>p2: 5-6 send(jobs, 7) #58;40\n"),
                          HasSubstr("p1-->>p2: 9-10 unlock(mu) wakes #58;42\n"),
                          HasSubstr("p2-->>p1: 12-13 join(worker) #58;43\n")));
  EXPECT_EQ(messages_in(text), 4u);
}

TEST(ExportMermaidTest, OfManyMessagesShowsTheLastAndSaysSo) {
  const Trace trace = make_loop(500).finish();

  const std::string text = diagram(trace);

  EXPECT_EQ(messages_in(text), 50u);
  EXPECT_THAT(text, AllOf(HasSubstr("452 messages before these left out"),
                          HasSubstr("send(jobs, 500)"), Not(HasSubstr("send(jobs, 450)"))));
  EXPECT_EQ(messages_in(diagram(trace, {.rows_max = 5})), 5u);
  EXPECT_EQ(messages_in(diagram(trace, {.rows_max = 0})), 502u);
}

TEST(ExportMermaidTest, ShowsTheStepsThatWereAskedFor) {
  const std::string text = diagram(make_loop(500).finish(), {.from = 100, .to = 110});

  EXPECT_EQ(messages_in(text), 5u);
  EXPECT_THAT(text, Not(HasSubstr("left out")));
}

TEST(ExportMermaidTest, OfManyTasksShowsThoseOfFindingsAndSaysSo) {
  const std::string text = diagram(make_crowd(1'000).finish());

  EXPECT_THAT(text, AllOf(HasSubstr("worker #35;18\n"), HasSubstr("tasks not shown (--task NAME)"),
                          HasSubstr("blocked for ever"), Not(HasSubstr("worker #35;700"))));
}

TEST(ExportMermaidTest, LeavesOutTasksThatHaveNoPartInIt) {
  TraceMaker maker = make_loop(60);
  for (int i = 0; i < 3; ++i) maker.end_task(maker.task("idle", 70));

  const std::string text = diagram(maker.finish(), {.from = 50, .to = 60});

  EXPECT_THAT(text,
              AllOf(HasSubstr("as producer"), HasSubstr("as consumer"), Not(HasSubstr("as idle")),
                    Not(HasSubstr("as main")), HasSubstr("Note over p2,p3: 4 tasks not shown")));
}

TEST(ExportMermaidTest, ShowsTheTasksThatWereAskedFor) {
  const std::string text = diagram(make_loop(3).finish(), {.tasks = {"main", "cons*"}});

  EXPECT_THAT(text, AllOf(HasSubstr("participant p2 as consumer"), Not(HasSubstr("as producer")),
                          HasSubstr("1 task not shown")));
  EXPECT_EQ(messages_in(text), 1u);
  EXPECT_THAT(diagram(make_loop(3).finish(), {.tasks = {"nobody"}}), HasSubstr("as no task"));
}

TEST(ExportMermaidTest, TellsWhatWasLost) {
  EXPECT_THAT(diagram(make_lossy()), AllOf(HasSubstr("Note over p2: 3 events lost\n"),
                                           HasSubstr("Note over p3: 2 events lost\n")));
  EXPECT_THAT(diagram(make_lossy(), {.tasks = {"main"}}), HasSubstr("5 events of those lost"));
  EXPECT_THAT(diagram(make_leak().cut_off()),
              AllOf(HasSubstr("the trace is incomplete"), Not(HasSubstr("for ever"))));
}

TEST(ExportMermaidTest, IsNeverMoreThanMermaidDraws) {
  TraceMaker maker("Long");
  // Each character of these takes as many bytes as one can.
  std::string name;
  for (int i = 0; i < 100; ++i) name += "ﬂ#";
  const std::uint32_t jobs = maker.channel(name, 1);
  for (int i = 0; i < 60; ++i) {
    const TaskId task = maker.task(name);
    for (int j = 0; j < 20; ++j) {
      maker.send(maker.body(), jobs, j, Phase::kBoth, 40, 1);
      maker.receive(task, jobs, j, Phase::kBoth, 41, 0);
    }
    maker.receive(task, jobs, 0, Phase::kStart, 42);
  }

  for (const std::size_t rows_max : {0u, 100u, 10'000u}) {
    const std::string text = diagram(maker.finish(), {.tasks = {"*"}, .rows_max = rows_max});
    EXPECT_LE(text.size(), kDiagramBytesMax);
    EXPECT_GT(messages_in(text), 10u);
  }
}

TEST(ExportMermaidTest, NamesHaveNothingThatMermaidReads) {
  std::string text = diagram(make_hostile());
  // What the diagram itself is made of, and entities.
  for (const std::string own : {"->>", "-->>", "--x", "<br/>"})
    for (std::size_t at = 0; (at = text.find(own, at)) != std::string::npos;)
      text.erase(at, own.size());
  text = std::regex_replace(text, std::regex("#[0-9]+;"), "");

  EXPECT_THAT(text, Not(testing::ContainsRegex("[#;\"%<>&{}|\\]")));
  EXPECT_THAT(text, Not(testing::ContainsRegex("\\bend\\b")));
}

TEST(ExportMermaidTest, StepsAreInTheirOrder) {
  const Folder folder;
  folder.add(make_loop(3).finish(), "a");

  const Ran ran =
      folder.run({"export", "a.chantrace", "--format", "mermaid", "--from", "9", "--to", "8"});

  EXPECT_EQ(ran.status, 2);
  EXPECT_THAT(ran.err, HasSubstr("--to 8 comes before --from 9"));
}

}  // namespace
}  // namespace chantrace::replay
