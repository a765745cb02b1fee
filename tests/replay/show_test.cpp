#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>

#include "replay/end_to_end.h"
#include "replay/traces.h"
#include "screen.h"

namespace chantrace::replay {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

ScreenOptions wide(std::size_t width = 100) {
  ScreenOptions options;
  options.drawing.width = width;
  return options;
}

/// Compares `text` with tests/golden/NAME.txt, or writes that file when asked to.
void expect_golden(const std::string& name, const std::string& text) {
  const std::string path = std::string(CHANTRACE_GOLDEN) + "/" + name + ".txt";
  if (std::getenv("CHANTRACE_UPDATE_GOLDEN") != nullptr) {
    std::ofstream{path, std::ios::binary} << text;
    return;
  }
  std::ifstream file{path, std::ios::binary};
  const std::string expected{std::istreambuf_iterator<char>{file}, {}};
  EXPECT_EQ(text, expected) << path << "; CHANTRACE_UPDATE_GOLDEN=1 rewrites it";
}

std::size_t widest_line(const std::string& text) {
  std::istringstream lines{text};
  std::size_t widest = 0;
  for (std::string line; std::getline(lines, line);) widest = std::max(widest, width_of(line));
  return widest;
}

/// The picture's part above the findings, whose form is not ours.
std::string without_findings(std::string text, const std::string& first_finding) {
  return text.substr(0, text.find("\n  " + first_finding));
}

std::string draw(const Trace& trace, const ScreenOptions& options) {
  return draw_trace(trace, "a", options);
}

TEST(ShowTest, DrawsALeak) {
  TraceMaker maker = make_leak();
  expect_golden("show_leak", without_findings(draw(maker.finish(), wide()), "worker-2 "));
}

TEST(ShowTest, DrawsADeadlock) {
  expect_golden("show_deadlock",
                without_findings(draw(make_deadlock().finish(), wide()), "deadlock: "));
}

TEST(ShowTest, EndsWhereTheTestWasOver) {
  TraceMaker maker = make_deadlock();
  const std::string at_the_end = draw(make_deadlock().finish(), wide());
  unwind(maker, TaskId{3}, Operation::kLock, 1, 61);
  maker.event(TaskId{3}, Operation::kUnlock, 2, {.line = 60});
  maker.event(TaskId{2}, Operation::kLock, 2, {.phase = Phase::kDone, .line = 51});

  const std::string text = draw(maker.finish(), wide());

  EXPECT_THAT(text, HasSubstr("held by right since"));
  EXPECT_THAT(text, Not(HasSubstr("unlock(to)")));
  EXPECT_THAT(text, HasSubstr("4 steps not shown in which the test was over"));
  const auto picture = [](const std::string& drawn) {
    return drawn.substr(drawn.find("  step"), drawn.find("pool.cpp:50") - drawn.find("  step"));
  };
  EXPECT_EQ(picture(text), picture(at_the_end));
  ScreenOptions options = wide();
  options.with_unwinding = true;
  EXPECT_THAT(draw(maker.finish(), options), HasSubstr("unlock(to)"));
}

TEST(ShowTest, DrawsALoopOnceAndCountsIt) {
  expect_golden("show_loop", draw(make_loop(40).finish(), wide()));
}

TEST(ShowTest, DrawsLinesWhereColumnsDoNotFit) {
  expect_golden("show_lines", without_findings(draw(make_leak().finish(), wide(50)), "worker-2 "));
}

TEST(ShowTest, DrawsInAscii) {
  ScreenOptions options = wide();
  options.drawing.charset = Charset::kAscii;
  const std::string text = draw(make_leak().finish(), options);

  EXPECT_TRUE(std::all_of(text.begin(), text.end(),
                          [](char c) { return c == '\n' || (c >= ' ' && c < 0x7f); }));
}

TEST(ShowTest, DrawsASelect) {
  TraceMaker maker{"Pool.Selects"};
  const std::uint32_t jobs = maker.channel("jobs");
  const std::uint32_t quit = maker.channel("quit");
  const TaskId worker = maker.task("worker");
  maker.event(worker, Operation::kSelectCase, jobs,
              {.phase = Phase::kStart, .detail = 0, .line = 50});
  maker.event(worker, Operation::kSelectCase, quit,
              {.phase = Phase::kStart, .detail = kSendCase | 1, .line = 51});
  maker.event(worker, Operation::kSelect, 0,
              {.phase = Phase::kStart, .detail = kNoCase, .line = 49});
  maker.send(maker.body(), jobs, 7, Phase::kBoth, 60);
  maker.event(worker, Operation::kSelect, jobs,
              {.phase = Phase::kDone, .value = 7, .has_value = true, .detail = 0, .line = 49});
  maker.end_task(worker);
  expect_golden("show_select", draw(maker.finish(), wide()));
}

TEST(ShowTest, NoLineIsWiderThanTheScreen) {
  TraceMaker maker =
      make_leak("Pool.ShutsDown/with_a_name_that_is_longer_than_any_sensible_screen");
  maker.trace().tasks[1].label = "a-worker-with-a-name-that-goes-on-and-on-日本語";
  maker.trace().objects[0].name = "results-of-all-the-workers-in-the-pool-日本語";
  const Trace trace = maker.finish();

  for (std::size_t width = 24; width < 130; ++width) {
    const std::string text = without_findings(draw(trace, wide(width)), "a-worker");
    std::istringstream lines{text};
    std::string line;
    std::getline(lines, line);  // The title is never cut.
    for (; std::getline(lines, line);) ASSERT_LE(width_of(line), width) << line;
  }
}

TEST(ShowTest, LeavesOutTheMiddleOfALongOne) {
  TraceMaker maker{"Pool.Long"};
  for (std::uint32_t line = 1; line <= 1'000; ++line) {
    maker.event(maker.body(), Operation::kYield, 0, {.line = line});
  }
  ScreenOptions options = wide();
  options.rows_max = 40;

  const std::string text = draw(maker.finish(), options);

  EXPECT_THAT(text, HasSubstr("960 steps left out (--rows 0 shows all, --from 11 --to 970 these)"));
  EXPECT_LT(std::count(text.begin(), text.end(), '\n'), 50);
}

TEST(ShowTest, ShowsOnlyWhatWasAskedFor) {
  ScreenOptions options = wide();
  options.tasks = {"prod*"};
  options.objects = {"jobs"};
  options.from = 6;
  options.to = 9;

  const std::string text = draw(make_loop(40).finish(), options);

  EXPECT_THAT(text, AllOf(HasSubstr("producer"), Not(HasSubstr("  consumer"))));
  EXPECT_THAT(text, AllOf(HasSubstr("\n     6  "), Not(HasSubstr("\n    10  "))));
}

TEST(ShowTest, OfACrowdShowsThoseThatMatter) {
  const std::string text = draw(make_crowd(5'000).finish(), wide());

  EXPECT_THAT(text, HasSubstr("worker #18"));
  EXPECT_THAT(text, HasSubstr("tasks not shown"));
  EXPECT_LT(std::count(text.begin(), text.end(), '\n'), 500);
  EXPECT_LE(widest_line(without_findings(text, "worker")), 100u);
}

TEST(ShowTest, NamesAreHarmless) {
  const Folder folder;
  TraceMaker maker = make_leak("Pool.\x1b]0;owned\x07");
  maker.file = "/home/\x1b[2J/pool.cpp";
  maker.trace().tasks[1].label = "w\x1b[31m\u202e\n\r\t";
  maker.trace().objects[0].name =
      "\x1b[1;1H\xc2\x9b"
      "2J\xff";
  maker.trace().objects[0].type = "\x1b[0m";
  maker.event(maker.body(), Operation::kYield, 0, {.line = 500});
  Finding finding = leak_finding();
  finding.reason.push_back("\x1b[8m hidden");
  maker.finding(finding);
  folder.add(maker.finish(), "a");

  for (const char* command : {"show", "check", "stats"}) {
    const Ran ran = folder.run({command, "--color", "never", "a.chantrace"});

    EXPECT_THAT(ran.out, Not(IsEmpty()));
    EXPECT_TRUE(std::none_of(ran.out.begin(), ran.out.end(), [](char c) {
      return (static_cast<unsigned char>(c) < 0x20 && c != '\n') || c == 0x7f;
    })) << ran.out;
    EXPECT_THAT(ran.out, AllOf(Not(HasSubstr("\u202e")), Not(HasSubstr("\xc2\x9b"))));
  }
}

TEST(ShowTest, ColoursOnlyWhereAskedOrOnATerminal) {
  const Folder folder;
  folder.add(make_leak().finish(), "a");

  EXPECT_THAT(folder.run({"show", "a.chantrace"}).out, Not(HasSubstr("\x1b")));
  EXPECT_THAT(folder.run({"show", "a.chantrace", "--color", "always"}).out, HasSubstr("\x1b[1m"));
}

TEST(ShowTest, TakesTheWidthFromTheEnvironmentWithoutATerminal) {
  const Folder folder;
  folder.add(make_loop(2).finish(), "a");

  const Ran ran = folder.run_shell("COLUMNS=40 chantrace show a.chantrace");

  EXPECT_LE(widest_line(ran.out), 40u);
}

TEST(ShowTest, AnUnreadableFileIsSaidAndSkipped) {
  const Folder folder;
  folder.add_bytes("", "b.chantrace");
  folder.add(make_loop(2).finish(), "a");

  const Ran ran = folder.run({"show", "."});

  EXPECT_EQ(ran.status, 3);
  EXPECT_THAT(ran.out, HasSubstr("Pool.Drains"));
  EXPECT_THAT(ran.err, HasSubstr("b.chantrace"));
}

}  // namespace
}  // namespace chantrace::replay
