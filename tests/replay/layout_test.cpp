#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "columns.h"
#include "folding.h"
#include "model/quantity.h"
#include "pattern.h"
#include "text_table.h"

namespace chantrace::replay {

using view::counted;
using view::duration;
using view::grouped;
using view::percentage;
using view::TraceClock;
namespace {

using testing::ElementsAre;

Rounds line_at(std::size_t first) { return {.first = first, .period = 1, .count = 1}; }

TEST(FoldTest, LeavesLinesThatDifferAlone) {
  EXPECT_THAT(fold({1, 2, 3}), ElementsAre(line_at(0), line_at(1), line_at(2)));
  EXPECT_TRUE(fold({}).empty());
}

TEST(FoldTest, FoldsARoundOfSeveralLines) {
  EXPECT_THAT(fold({9, 1, 2, 1, 2, 1, 2, 8}),
              ElementsAre(line_at(0), Rounds{.first = 1, .period = 2, .count = 3}, line_at(7)));
}

TEST(FoldTest, LeavesABrokenLastRoundToWhatFollows) {
  EXPECT_THAT(fold({1, 2, 1, 2, 1, 2, 1}),
              ElementsAre(Rounds{.first = 0, .period = 2, .count = 3}, line_at(6)));
}

TEST(FoldTest, TwoRoundsAreNoLoop) { EXPECT_EQ(fold({1, 2, 3, 1, 2, 3}).size(), 6u); }

TEST(FoldTest, PrefersTheShorterRound) {
  EXPECT_THAT(fold(std::vector<std::uint64_t>(100, 5)),
              ElementsAre(Rounds{.first = 0, .period = 1, .count = 100}));
}

TEST(FoldTest, FindsTheLongestRoundItLooksForAndNoLonger) {
  const auto rounds_of = [](std::size_t period) {
    std::vector<std::uint64_t> shapes;
    for (std::size_t line = 0; line < 3 * period; ++line) shapes.push_back(line % period);
    return shapes;
  };

  EXPECT_EQ(fold(rounds_of(kFoldPeriodMax)).size(), 1u);
  EXPECT_EQ(fold(rounds_of(kFoldPeriodMax + 1)).size(), 3 * (kFoldPeriodMax + 1));
}

TEST(FoldTest, CoversEachLineOnce) {
  std::vector<std::uint64_t> shapes;
  std::uint64_t state = 1;
  for (int line = 0; line < 5'000; ++line) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    shapes.push_back((state >> 40) % 3);
  }

  std::size_t next = 0;
  for (const Rounds& run : fold(shapes)) {
    ASSERT_EQ(run.first, next);
    for (std::size_t line = 0; line < run.lines(); ++line) {
      ASSERT_EQ(shapes[next + line], shapes[next + line % run.period]);
    }
    next += run.lines();
  }
  EXPECT_EQ(next, shapes.size());
}

TEST(ShareWidthTest, GivesWhatIsWantedWhereThereIsRoom) {
  EXPECT_THAT(share_width({20, 30}, 100), ElementsAre(20, 30));
}

TEST(ShareWidthTest, NarrowsTheWidestFirst) {
  EXPECT_THAT(share_width({20, 90}, 72), ElementsAre(20, 50));
  EXPECT_THAT(share_width({90, 90}, 61), ElementsAre(30, 29));
}

TEST(ShareWidthTest, KeepsAReadableWidth) {
  EXPECT_THAT(share_width({5, 90}, 20), ElementsAre(kColumnWidthMin, kColumnWidthMin));
}

TEST(CellTest, HasItsPlaceAtTheRight) {
  const Cell cell{.text = "send(results, 7)", .mark = "parks", .place = ":97"};

  EXPECT_EQ(cell.width(), 27u);
  EXPECT_EQ(draw(cell, 30, {}), "send(results, 7) parks     :97");
}

TEST(CellTest, CutsItsTextAndKeepsItsMark) {
  const Cell cell{.text = "send(a-channel-with-a-name, 7)", .mark = "parks", .place = ":97"};

  EXPECT_EQ(draw(cell, 24, {}), "send(a-channe… parks :97");
}

TEST(CellTest, LeavesOutAValueBeforeItCutsAName) {
  const Cell cell{
      .text = "send(results, 7)", .brief = "send(results)", .mark = "parks", .place = ":97"};

  EXPECT_EQ(draw(cell, 25, {}), "send(results) parks   :97");
}

TEST(CellTest, CutsAPlaceAtItsFront) {
  const Cell cell{.text = "send(results)", .place = "deep/in/the/tree/pool.cpp:97"};

  EXPECT_EQ(draw(cell, 30, {}), "send(results)    …/pool.cpp:97");
}

TEST(CellTest, AlwaysHasTheWidthThatWasAskedFor) {
  const Cell cell{.text = "send(日本語のチャネル, 7)", .mark = "parks", .place = "プール.cpp:97"};

  for (std::size_t width = kColumnWidthMin; width < 60; ++width) {
    EXPECT_EQ(width_of(draw(cell, width, {})), width);
  }
}

TEST(TextTableTest, AlignsNumbersAtTheRight) {
  TextTable table{{{"channel", TextTable::Align::kLeft}, {"sends"}}};
  table.add({"jobs", "300"});
  table.add({"results", "1,204"});

  EXPECT_EQ(table.draw({}),
            "channel  sends\n"
            "jobs       300\n"
            "results  1,204\n");
}

TEST(TextTableTest, MakesTextNarrowerThanTheScreen) {
  TextTable table{{{"channel", TextTable::Align::kLeft}, {"sends"}}};
  table.add({"a-channel-whose-name-goes-on-and-on", "300"});

  EXPECT_EQ(table.draw({.width = 24}),
            "channel            sends\n"
            "a-channel-whose-…    300\n");
}

TEST(MatchesTest, KnowsStarsAndQuestionMarks) {
  EXPECT_TRUE(matches("worker-*", "worker-12"));
  EXPECT_TRUE(matches("*-1?", "worker-12"));
  EXPECT_TRUE(matches("*", ""));
  EXPECT_TRUE(matches("a*b*c", "a-b-b-c"));
  EXPECT_FALSE(matches("worker", "worker-1"));
  EXPECT_FALSE(matches("worker-?", "worker-"));
  EXPECT_FALSE(matches("", "a"));
}

TEST(MatchesTest, DoesNotExplodeOnManyStars) {
  EXPECT_FALSE(matches(std::string("*a*a*a*a*a*a*a*a*a*a*a*b"), std::string(10'000, 'a')));
}

TEST(NearestTest, FindsTheWordThatWasMeant) {
  const std::vector<std::string> words{"check", "show", "stats", "recover"};

  EXPECT_EQ(nearest("chekc", words), "check");
  EXPECT_EQ(nearest("sta", words), "stats");
  EXPECT_EQ(nearest("recvoer", words), "recover");
  EXPECT_EQ(nearest("zebra", words), "");
}

TEST(QuantityTest, ReadsAsAPersonWouldWrite) {
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1'204), "1,204");
  EXPECT_EQ(grouped(12'345'678), "12,345,678");
  EXPECT_EQ(counted(1, "task"), "1 task");
  EXPECT_EQ(counted(2, "task"), "2 tasks");
  EXPECT_EQ(duration(999), "999 ns");
  EXPECT_EQ(duration(1'500), "1.5 us");
  EXPECT_EQ(duration(1'200'000), "1.2 ms");
  EXPECT_EQ(percentage(1, 0), "0 %");
}

TEST(TraceClockTest, SurvivesAUnitOfZero) {
  Trace trace;
  trace.header.ticks_per_second = 0;

  EXPECT_EQ(TraceClock{trace}.nanoseconds(5), 5u);
}

TEST(TraceClockTest, DoesNotOverflow) {
  Trace trace;
  trace.header.ticks_per_second = 1;

  EXPECT_EQ(TraceClock{trace}.nanoseconds(UINT64_MAX), UINT64_MAX);
}

}  // namespace
}  // namespace chantrace::replay
