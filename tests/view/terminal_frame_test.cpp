// Frames, layouts and lanes: what is where on a screen.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "replay/traces.h"
#include "terminal/frame.h"
#include "terminal/lane_cells.h"
#include "terminal/layout.h"
#include "terminal/subject.h"

namespace chantrace::view {
namespace {

using replay::TraceMaker;
using enum Operation;

TEST(FrameTest, WideCharactersTakeTwoColumnsAndCombiningOnesNone) {
  Frame frame(1, 10, Charset::kUtf8);

  EXPECT_EQ(frame.put({0, 0}, "a中e\u0301😀z", 10), 7u);

  EXPECT_EQ(frame.text(0), "a中e\u0301😀z");
  EXPECT_EQ(frame.cell({0, 2}).text, "") << "the second half";
  EXPECT_EQ(frame.cell({0, 3}).text, "e\u0301");
  EXPECT_EQ(frame.cell({0, 6}).text, "z");
}

TEST(FrameTest, WhatDoesNotFitIsCutWithAMark) {
  Frame frame(1, 8, Charset::kUtf8);
  frame.put({0, 0}, "abcdef", 4);
  EXPECT_EQ(frame.text(0), "abc…");
  frame.put({0, 5}, "中中", 3);
  EXPECT_EQ(frame.text(0), "abc… 中…");

  Frame ascii(1, 8, Charset::kAscii);
  ascii.put({0, 6}, "abcdef", 20);
  EXPECT_EQ(ascii.text(0), "      a~");
}

TEST(FrameTest, HalfOfAWideCharacterIsNotLeft) {
  Frame frame(1, 4, Charset::kUtf8);
  frame.put({0, 0}, "中中", 4);

  frame.put_character({0, 1}, "x", {});
  EXPECT_EQ(frame.text(0), " x中");
  frame.put_character({0, 2}, "y", {});
  EXPECT_EQ(frame.text(0), " xy");
}

TEST(FrameTest, WhatIsOutsideIsLeftOut) {
  Frame frame(2, 3, Charset::kUtf8);

  EXPECT_EQ(frame.put({2, 0}, "x", 1), 0u);
  EXPECT_EQ(frame.put({0, 3}, "x", 1), 0u);
  EXPECT_EQ(frame.put({0, 1}, "abc", 0), 0u);
  frame.put_character({5, 5}, "x", {});
  frame.fill({{1, 2}, 100, 100}, {Ink::kBar});

  EXPECT_EQ(frame.text(), "\n\n");
  EXPECT_EQ(frame.cell({1, 2}).paint.ink, Ink::kBar);
  EXPECT_TRUE(frame.has_same_row(Frame(2, 3, Charset::kUtf8), 0));
  EXPECT_FALSE(frame.has_same_row(Frame(2, 3, Charset::kUtf8), 1));
}

TEST(LayoutTest, PartsAreBesideEachOtherAtEverySize) {
  for (std::size_t rows = kRowsMin; rows < 70; ++rows)
    for (std::size_t columns = kColumnsMin; columns < 220; columns += 7)
      for (const std::size_t wanted : std::vector<std::size_t>{1, 5, 30, 20'000}) {
        const Layout layout =
            lay_out({.rows = rows, .columns = columns, .main_rows = wanted, .state_rows = wanted});
        const std::vector<Area> areas = {layout.bar, layout.main, layout.state, layout.detail,
                                         layout.status};
        std::vector<int> used(rows * columns, 0);
        for (const Area& area : areas) {
          ASSERT_GE(area.rows, 1u);
          for (std::size_t row = area.at.row; row < area.end_row(); ++row)
            for (std::size_t column = area.at.column; column < area.end_column(); ++column) {
              ASSERT_TRUE(row < rows && column < columns) << rows << "x" << columns;
              ASSERT_EQ(used[row * columns + column]++, 0) << rows << "x" << columns;
            }
        }
        EXPECT_GE(layout.main.rows, 4u);
        EXPECT_GE(layout.detail.rows, 4u);
      }
}

TEST(LaneScaleTest, ColumnsAndStepsFitEachOther) {
  for (const LaneScale scale : {LaneScale{5, 4, 1}, LaneScale{9, 1, 8}, LaneScale{1, 1, 1}})
    for (std::size_t column = 0; column < 50; ++column) {
      const std::uint64_t begin = scale.step_at(column);
      const std::uint64_t end = scale.step_at(column + 1);
      for (std::uint64_t step = begin; step < end; ++step)
        EXPECT_EQ(scale.column_of(step), static_cast<std::int64_t>(column));
      EXPECT_EQ(scale.column_of(scale.first - 1), -1);
    }
}

TEST(LaneScaleTest, AllStepsAreSeenWhereTheyFit) {
  EXPECT_EQ(scale_for(9, 60).columns_per_step, 6u);
  EXPECT_EQ(scale_for(1'000, 60), (LaneScale{1, 1, 1}));
  EXPECT_GE(scale_for_all(1'000, 60).steps_in(60), 1'001u);
  EXPECT_EQ(scale_for_all(1'000, 60).steps_per_column, 32u);
  EXPECT_EQ(zoomed_in(scale_for_all(1'000, 60)).steps_per_column, 16u);
  EXPECT_EQ(zoomed_out(scale_for_all(1'000, 60), 1'000, 60), scale_for_all(1'000, 60));
}

TEST(LaneScaleTest, AStepIsBroughtIntoSight) {
  for (const LaneScale scale : {LaneScale{1, 4, 1}, LaneScale{1, 1, 1}, LaneScale{1, 1, 4}})
    for (std::uint64_t first = 1; first < 1'000; first += 83)
      for (std::uint64_t step = 1; step <= 1'000; ++step) {
        LaneScale from = scale;
        from.first = first;
        const LaneScale seen = scrolled_to(from, step, 1'000, 60);
        ASSERT_GE(seen.column_of(step), 0) << first << " to " << step;
        ASSERT_LT(seen.column_of(step), 60) << first << " to " << step;
      }
}

/// A lane in characters.
std::string drawn(const Subject& subject, std::uint32_t lane, const LaneScale& scale,
                  std::size_t columns) {
  std::string text;
  for (const LaneCell& cell : lane_row(subject, lane, scale, columns).cells) {
    constexpr std::string_view kKinds = " -=~#";
    text += cell.has_step    ? 'o'
            : cell.has_steps ? 'O'
                             : kKinds[static_cast<std::size_t>(cell.kind)];
  }
  return text;
}

std::shared_ptr<const Subject> subject_of(Trace trace) {
  return std::make_shared<const Subject>(
      std::make_shared<const Scene>(Scene{std::move(trace), {}, "title", ""}));
}

/// Steps: 1 make, 2 go, 3 begin, 4 recv parks, 5 to 7 yields, 8 send, 9 recv goes on, 10 end,
/// 11 recv parks for ever.
std::shared_ptr<const Subject> waits() {
  TraceMaker maker;
  const std::uint32_t jobs = maker.channel("jobs");
  const TaskId worker = maker.task("worker");
  maker.receive(worker, jobs, 0, Phase::kStart, 50);
  for (int i = 0; i < 3; ++i) maker.event(maker.body(), kYield, 0, {.line = 60});
  maker.send(maker.body(), jobs, 1, Phase::kBoth, 40);
  maker.receive(worker, jobs, 1, Phase::kDone, 50);
  maker.end_task(worker);
  maker.receive(maker.body(), jobs, 0, Phase::kStart, 70);
  return subject_of(maker.finish(false));
}

TEST(LaneCellsTest, WaitingLooksOtherThanRunning) {
  const auto subject = waits();
  ASSERT_EQ(subject->steps_count(), 11u);

  //                                                 1 2 3 4 5 6 7 8 9 1011
  EXPECT_EQ(drawn(*subject, 0, {1, 2, 1}, 26), "o-o-----o-o-o-o-----o#####");
  EXPECT_EQ(drawn(*subject, 1, {1, 2, 1}, 26), "    o-o=========o-o       ");
  EXPECT_EQ(drawn(*subject, 1, {5, 2, 1}, 8), "========") << "from the middle of a wait";
}

TEST(LaneCellsTest, ColumnsOfManyStepsSayHowMuchOfThemIsWaiting) {
  const auto subject = waits();

  //                                           1-4 5-8 9-12
  EXPECT_EQ(drawn(*subject, 0, {1, 1, 4}, 4), "OOo#");
  const LaneRow worker = lane_row(*subject, 1, {1, 1, 4}, 4);
  EXPECT_EQ(worker.cells[0].kind, LaneCell::Kind::kPartlyParked);
  EXPECT_TRUE(worker.cells[0].has_steps) << "it begins in the middle of the column";
  EXPECT_EQ(worker.cells[1].kind, LaneCell::Kind::kParked);
  EXPECT_EQ(worker.cells[3].kind, LaneCell::Kind::kNothing);
}

TEST(LaneCellsTest, WordsStandWhereThereIsRoom) {
  const auto subject = waits();

  const LaneRow row = lane_row(*subject, 1, {1, 4, 1}, 48);

  // Three columns behind a step are not enough; the wait has those of five, the end all that is
  // left.
  ASSERT_EQ(row.labels.size(), 2u);
  EXPECT_EQ(row.labels[0], (LaneLabel{13, 19, 4, true}));
  EXPECT_EQ(row.labels[1], (LaneLabel{37, 11, 10, false}));
  const LaneRow middle = lane_row(*subject, 1, {5, 4, 1}, 48);
  ASSERT_GE(middle.labels.size(), 1u);
  EXPECT_EQ(middle.labels[0], (LaneLabel{0, 16, 4, true})) << "what began left of the window";
}

}  // namespace
}  // namespace chantrace::view
