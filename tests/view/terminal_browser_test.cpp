// A person goes through traces: what each key does, and what is then drawn.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "replay/traces.h"
#include "terminal/browser.h"
#include "terminal/details.h"
#include "terminal/draw.h"

namespace chantrace::view {
namespace {

using replay::TraceMaker;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using enum Operation;

std::shared_ptr<const Subject> subject_of(Trace trace, std::string notice = {}) {
  std::vector<Finding> findings = analyze(trace);
  return std::make_shared<const Subject>(std::make_shared<const Scene>(
      Scene{std::move(trace), std::move(findings), "Suite.Test", std::move(notice)}));
}

/// Steps: 1 go left, 2 begin, 3 go right, 4 begin, 5 left locks mu, 6 right locks nu, 7 left wants
/// nu, 8 right wants mu, 9 main joins left.
Trace deadlock() {
  TraceMaker maker;
  maker.trace().header.is_controlled = true;
  const std::uint32_t mu = maker.object(ObjectKind::kMutex, "mu");
  const std::uint32_t nu = maker.object(ObjectKind::kMutex, "nu");
  const TaskId left = maker.task("left");
  const TaskId right = maker.task("right");
  maker.event(left, kLock, mu, {.line = 61});
  maker.event(right, kLock, nu, {.line = 71});
  maker.event(left, kLock, nu, {.phase = Phase::kStart, .line = 62});
  maker.event(right, kLock, mu, {.phase = Phase::kStart, .line = 72});
  maker.event(maker.body(), kTaskJoin, to_number(left), {.phase = Phase::kStart, .line = 80});
  return maker.finish(false);
}

/// Steps: 1 make, 2 go, 3 begin, then a send of main and a receive of the worker, in turns.
TraceMaker exchange(int values) {
  TraceMaker maker;
  const std::uint32_t jobs = maker.channel("jobs", 1);
  const TaskId worker = maker.task("worker");
  for (int i = 0; i < values; ++i) {
    maker.send(maker.body(), jobs, i, Phase::kBoth, 40, 1);
    maker.receive(worker, jobs, i, Phase::kBoth, 50, 0);
  }
  return maker;
}

/// The same, and the worker ends: nothing is wrong.
Trace clean_exchange(int values) {
  TraceMaker maker = exchange(values);
  maker.end_task(maker.trace().tasks.back().id);
  return maker.finish();
}

struct Session {
  explicit Session(std::shared_ptr<const Subject> subject, bool is_live = false)
      : browser(std::move(subject), is_live) {
    browser.resize(24, 80);
  }
  explicit Session(Trace trace) : Session(subject_of(std::move(trace))) {}

  void type(std::string_view characters) {
    for (const char c : characters) browser.handle(key_of(static_cast<unsigned char>(c)));
  }
  void press(Key::Kind kind) { browser.handle({kind}); }
  std::string screen(Charset charset = Charset::kUtf8) const {
    return draw(browser, charset).text();
  }

  Browser browser;
};

TEST(BrowserTest, BeginsAtTheFirstFinding) {
  const Session session(deadlock());
  const Session clean(clean_exchange(3));

  EXPECT_EQ(session.browser.step(), 7u);
  EXPECT_EQ(session.browser.finding(), 0u);
  EXPECT_EQ(clean.browser.step(), 1u);
}

TEST(BrowserTest, StepsBackAndForwardAndNoFurther) {
  Session session(clean_exchange(1));

  session.press(Key::Kind::kLeft);
  EXPECT_EQ(session.browser.step(), 1u);
  EXPECT_EQ(session.browser.message(), "this is the first step");
  session.press(Key::Kind::kRight);
  session.type("l");
  EXPECT_EQ(session.browser.step(), 3u);
  EXPECT_EQ(session.browser.lane(), 1u) << "the lane of the step";
  session.press(Key::Kind::kEnd);
  EXPECT_EQ(session.browser.step(), 6u);
  session.press(Key::Kind::kRight);
  EXPECT_EQ(session.browser.step(), 6u);
  session.type("h");
  EXPECT_EQ(session.browser.step(), 5u);
  session.press(Key::Kind::kHome);
  EXPECT_EQ(session.browser.step(), 1u);
}

TEST(BrowserTest, AnotherLaneSaysWhatItsTaskDoesAtTheStep) {
  Session session(deadlock());

  session.press(Key::Kind::kUp);
  EXPECT_EQ(session.browser.step(), 7u);
  EXPECT_EQ(session.browser.lane(), 0u);
  EXPECT_THAT(session.screen(), AllOf(HasSubstr("Task at step 7"), HasSubstr("runs")));
  session.type("jj");
  EXPECT_THAT(session.screen(), HasSubstr("lock(nu) (step 6)"));
  session.press(Key::Kind::kEnter);
  EXPECT_EQ(session.browser.step(), 6u) << "what the task did last";
  session.type("b");
  EXPECT_EQ(session.browser.step(), 7u);
}

TEST(BrowserTest, GoesAlongATaskAnObjectAndPreemptions) {
  Session session(deadlock());

  session.type("[");
  EXPECT_EQ(session.browser.step(), 5u) << "left";
  session.type("]]");
  EXPECT_EQ(session.browser.step(), 7u);
  EXPECT_EQ(session.browser.message(), "this task makes no step behind this one");
  session.type("{");
  EXPECT_EQ(session.browser.step(), 6u) << "nu";
  session.type("}}");
  EXPECT_EQ(session.browser.step(), 7u);
  EXPECT_THAT(session.browser.message(), HasSubstr("no step behind this one is on nu"));
  session.type("<");
  EXPECT_EQ(session.browser.step(), 6u);
  session.type(">");
  EXPECT_EQ(session.browser.step(), 7u);
  session.press(Key::Kind::kHome);
  session.type("}");
  EXPECT_EQ(session.browser.message(), "this step is on no channel or lock");
}

TEST(BrowserTest, EnterGoesToTheOtherEnd) {
  Session session(clean_exchange(2));
  session.type("g5");
  session.press(Key::Kind::kEnter);
  EXPECT_EQ(session.browser.step(), 5u) << "a receive";

  session.press(Key::Kind::kEnter);
  EXPECT_EQ(session.browser.step(), 4u) << "the send of its value";
  session.press(Key::Kind::kEnter);
  EXPECT_EQ(session.browser.step(), 5u);
  session.press(Key::Kind::kBackspace);
  session.press(Key::Kind::kBackspace);
  EXPECT_EQ(session.browser.step(), 5u);
}

TEST(BrowserTest, SearchesAroundTheEnd) {
  Session session(clean_exchange(3));

  session.type("/op:recv");
  EXPECT_THAT(session.screen(), HasSubstr("/op:recv"));
  session.press(Key::Kind::kEnter);
  EXPECT_THAT(session.browser.matches(), ElementsAre(5, 7, 9));
  EXPECT_EQ(session.browser.step(), 5u);
  EXPECT_THAT(session.screen(), HasSubstr("3 steps"));
  session.type("nn");
  EXPECT_EQ(session.browser.step(), 9u);
  session.type("n");
  EXPECT_EQ(session.browser.step(), 5u);
  EXPECT_EQ(session.browser.message(), "from the start again");
  session.type("N");
  EXPECT_EQ(session.browser.step(), 9u);
  session.press(Key::Kind::kEscape);
  EXPECT_THAT(session.browser.matches(), IsEmpty());
  session.type("/nowhere");
  session.press(Key::Kind::kEnter);
  EXPECT_EQ(session.browser.step(), 9u);
  EXPECT_EQ(session.browser.message(), "no step has all of that");
}

TEST(BrowserTest, WhatIsTypedCanBeTakenBack) {
  Session session(clean_exchange(3));

  session.type("/a");
  session.browser.handle(key_of(U'中'));
  EXPECT_EQ(session.browser.prompt()->text, "a中");
  session.press(Key::Kind::kBackspace);
  EXPECT_EQ(session.browser.prompt()->text, "a");
  session.press(Key::Kind::kEscape);
  EXPECT_FALSE(session.browser.prompt());
  EXPECT_EQ(session.browser.query(), "");
  session.type("g1x2");
  EXPECT_EQ(session.browser.prompt()->text, "12") << "a step is a number";
  session.press(Key::Kind::kEnter);
  EXPECT_EQ(session.browser.message(), "there are steps 1 to 10");
}

TEST(BrowserTest, AFindingLeadsToItsPlaceAndSaysWhoWaitsForWhom) {
  Session session(deadlock());
  session.press(Key::Kind::kHome);

  session.type("e");
  EXPECT_EQ(session.browser.show(), Show::kFindings);
  EXPECT_THAT(session.screen(),
              AllOf(HasSubstr("left waits for right: lock(nu), held by right since pool.cpp:71"),
                    HasSubstr("right waits for left: lock(mu), held by left since pool.cpp:61")));
  session.press(Key::Kind::kEnter);
  EXPECT_EQ(session.browser.show(), Show::kLanes);
  EXPECT_EQ(session.browser.step(), 7u);
  EXPECT_THAT(session.screen(), AllOf(HasSubstr("→ right ✗"), HasSubstr("→ left ✗")));
  session.press(Key::Kind::kEscape);
  EXPECT_THAT(session.screen(), Not(HasSubstr("→ right ✗")));
  session.press(Key::Kind::kHome);
  session.type("1");
  EXPECT_EQ(session.browser.step(), 7u);
  session.type("9");
  EXPECT_EQ(session.browser.message(), "there are no more than 1 finding");
}

TEST(BrowserTest, QuitLeavesAPanelFirst) {
  Session session(deadlock());

  session.type("?");
  EXPECT_THAT(session.screen(), HasSubstr("one step back, one forward"));
  EXPECT_TRUE(session.browser.handle(key_of('q')));
  EXPECT_EQ(session.browser.show(), Show::kLanes);
  EXPECT_FALSE(session.browser.handle(key_of('q')));
}

TEST(BrowserTest, TheListHasAllStepsInTheirOrder) {
  Session session(deadlock());

  session.press(Key::Kind::kTab);

  EXPECT_THAT(session.screen(), AllOf(HasSubstr("▸   7  left    lock(nu)  parks for ever"),
                                      HasSubstr("    1  main    go left")));
  session.press(Key::Kind::kDown);
  EXPECT_EQ(session.browser.step(), 8u);
  session.press(Key::Kind::kTab);
  EXPECT_EQ(session.browser.show(), Show::kLanes);
}

TEST(BrowserTest, StateIsThatAfterTheStep) {
  Session session(clean_exchange(3));

  session.type("g4");
  session.press(Key::Kind::kEnter);
  EXPECT_THAT(session.screen(),
              AllOf(HasSubstr("State after step 4"), HasSubstr("▸channel jobs  1 of 1: [0]")));
  session.press(Key::Kind::kRight);
  EXPECT_THAT(session.screen(), HasSubstr("▸channel jobs  0 of 1: []"));
}

TEST(BrowserTest, ZoomKeepsTheStepInSight) {
  Session session(clean_exchange(500));
  session.type("g700");
  session.press(Key::Kind::kEnter);

  for (const std::string_view keys :
       {"-", "-", "-", "-", "-", "0", "+", "+", "+", "+", "+", "+", "+", "+", "+", "+", "(", ")"}) {
    session.type(keys);
    EXPECT_THAT(session.screen(), HasSubstr("▼")) << keys;
  }
  EXPECT_EQ(session.browser.scale().columns_per_step, 16u);
}

TEST(BrowserTest, ALiveTraceIsFollowedFromItsEnd) {
  Session session(subject_of(exchange(2).cut_off()), true);
  EXPECT_EQ(session.browser.step(), 7u);

  session.browser.renew(subject_of(exchange(4).cut_off(), "live, 9 events so far"));
  EXPECT_EQ(session.browser.step(), 11u);
  EXPECT_THAT(session.screen(), HasSubstr("live, 9 events so far"));

  session.press(Key::Kind::kLeft);
  EXPECT_FALSE(session.browser.is_following());
  session.browser.renew(subject_of(exchange(6).cut_off()));
  EXPECT_EQ(session.browser.step(), 10u);
  EXPECT_EQ(session.browser.news_count(), 4u);
  EXPECT_THAT(session.screen(), HasSubstr("paused   4 steps since"));
  session.type("f");
  EXPECT_EQ(session.browser.step(), 15u);
  EXPECT_TRUE(session.browser.is_following());
  session.browser.end_live();
  session.press(Key::Kind::kLeft);
  EXPECT_THAT(session.screen(), Not(HasSubstr("paused")));
}

TEST(BrowserTest, ANewerTraceLeavesTheCursorAtItsStep) {
  // What main has made meanwhile comes before what the worker had made.
  TraceMaker second;
  const std::uint32_t jobs = second.channel("jobs", 1);
  const TaskId worker = second.task("worker");
  for (int i = 0; i < 5; ++i) second.event(second.body(), kYield, 0, {.line = 33});
  second.send(second.body(), jobs, 0, Phase::kBoth, 40, 1);
  second.receive(worker, jobs, 0, Phase::kBoth, 50, 0);
  second.event(worker, kYield, 0, {.line = 51});
  Session session(subject_of(exchange(2).cut_off()), true);
  session.type("g5");
  session.press(Key::Kind::kEnter);
  ASSERT_EQ(session.browser.subject().words(5, false), "recv(jobs)");

  session.browser.renew(subject_of(second.cut_off()));

  EXPECT_GT(session.browser.step(), 5u);
  EXPECT_EQ(session.browser.subject().words(session.browser.step(), false), "recv(jobs)");
  EXPECT_EQ(session.browser.subject().lane_name(session.browser.lane()), "worker");
}

TEST(BrowserTest, WhatIsLookedAtStaysWhenALiveTraceHasItNoMore) {
  Trace later = exchange(6).cut_off();
  for (TaskStream& stream : later.streams) {
    const auto half = static_cast<std::ptrdiff_t>(stream.events.size() / 2);
    stream.events.erase(stream.events.begin(), stream.events.begin() + half);
  }
  Session session(subject_of(exchange(4).cut_off()), true);
  session.type("g2");
  session.press(Key::Kind::kEnter);
  const std::string words = session.browser.subject().words(2, true);

  session.browser.renew(subject_of(later));

  EXPECT_EQ(session.browser.step(), 2u);
  EXPECT_EQ(session.browser.subject().words(2, true), words);
  EXPECT_EQ(session.browser.subject().steps_count(), 11u);
  EXPECT_THAT(session.screen(), HasSubstr("paused"));
  session.type("f");
  EXPECT_TRUE(session.browser.is_following());
  EXPECT_LT(session.browser.subject().steps_count(), 11u);
  EXPECT_EQ(session.browser.step(), session.browser.subject().steps_count());
}

TEST(BrowserTest, AnEmptyTraceTakesEveryKey) {
  for (const bool is_live : {false, true}) {
    Session session(subject_of(Trace{}), is_live);
    for (const char c : std::string("hjkl?eq/x\rg1\rnN[]{}<>()+-0bf19vq"))
      if (c == '\r')
        session.press(Key::Kind::kEnter);
      else
        session.browser.handle(key_of(static_cast<unsigned char>(c)));
    for (int kind = 0; kind <= static_cast<int>(Key::Kind::kOther); ++kind) {
      session.press(static_cast<Key::Kind>(kind));
      EXPECT_THAT(session.screen(), Not(IsEmpty()));
    }
    session.browser.renew(subject_of(clean_exchange(1)));
    EXPECT_NE(session.browser.step(), 0u);
  }
}

/// Names with all that is wide, drawn over something, or nothing at all.
Trace odd_names() {
  TraceMaker maker("中文😀");
  const std::uint32_t channel = maker.channel("канал 中文😀e\u0301", 1);
  for (int i = 0; i < 40; ++i) {
    const TaskId one = maker.task("工人 " + std::to_string(i) + " 😀😀😀😀😀😀😀😀😀");
    maker.send(one, channel, i, Phase::kBoth, 40, 1);
    maker.receive(one, channel, i, Phase::kStart, 41, 1);
  }
  return maker.finish(false);
}

TEST(DrawTest, EveryRowHasItsColumnsAtEverySizeAndEverywhere) {
  Trace odd = odd_names();
  make_printable(odd, Charset::kUtf8);
  const std::vector<std::shared_ptr<const Subject>> subjects = {
      subject_of(deadlock()), subject_of(odd), subject_of(clean_exchange(300)),
      subject_of(Trace{})};
  for (const auto& subject : subjects)
    for (const auto& [rows, columns] : std::vector<std::pair<std::size_t, std::size_t>>{
             {24, 80}, {50, 200}, {10, 40}, {12, 50}, {1, 1}, {13, 119}, {17, 120}}) {
      Session session(subject);
      session.browser.resize(rows, columns);
      for (const std::string_view keys :
           {"", "l", "v", "e", "q", "?", "q", "v", "-", "/k", "/\x1b"})
        for (const char c : keys) {
          session.browser.handle(c == '\x1b' ? Key{Key::Kind::kEscape}
                                             : key_of(static_cast<unsigned char>(c)));
          const Frame frame = draw(session.browser, Charset::kUtf8);
          for (std::size_t row = 0; row < rows; ++row) {
            std::size_t width = 0;
            for (std::size_t column = 0; column < columns; ++column)
              width += width_of(frame.cell({row, column}).text);
            ASSERT_EQ(width, columns) << frame.text();
          }
        }
    }
}

TEST(DrawTest, AsciiIsNothingElse) {
  Trace odd = odd_names();
  make_printable(odd, Charset::kAscii);
  Session session(subject_of(std::move(odd)));
  for (const char key : std::string("lve?q+-")) {
    session.browser.handle(key_of(static_cast<unsigned char>(key)));
    for (const char c : session.screen(Charset::kAscii))
      ASSERT_TRUE(c == '\n' || (c >= ' ' && c <= '~')) << session.screen(Charset::kAscii);
  }
}

TEST(DrawTest, ASmallTerminalSaysSoAndRecovers) {
  Session session(deadlock());
  const std::string before = session.screen();

  session.browser.resize(10, 40);
  EXPECT_THAT(session.screen(), HasSubstr("This takes a terminal of 50 columns"));
  session.browser.resize(24, 80);
  EXPECT_EQ(session.screen(), before);
}

TEST(DrawTest, AStepsPartnerIsMarked) {
  Session session(clean_exchange(2));

  session.type("g5");
  session.press(Key::Kind::kEnter);

  EXPECT_THAT(session.screen(),
              AllOf(HasSubstr("◆"), HasSubstr("value from  main: send(jobs, 0)")));
}

TEST(DetailsTest, ASelectSaysItsCasesAndWhichWasTaken) {
  TraceMaker maker;
  const std::uint32_t jobs = maker.channel("jobs");
  const std::uint32_t quit = maker.channel("quit");
  maker.event(maker.body(), kSelectCase, jobs, {.phase = Phase::kStart, .detail = 0});
  maker.event(maker.body(), kSelectCase, quit, {.phase = Phase::kStart, .detail = 1 | kSendCase});
  maker.event(maker.body(), kSelect, 0, {.phase = Phase::kStart, .detail = kNoCase});
  maker.event(maker.body(), kSelect, quit, {.phase = Phase::kDone, .detail = 1 | kSendCase});
  const auto subject = subject_of(maker.finish());

  const std::vector<DetailRow> parks = rows_of_step(*subject, 3);
  EXPECT_THAT(parks, Contains(DetailRow{"cases", "recv jobs"}));
  EXPECT_THAT(parks, Contains(DetailRow{"", "send quit"}));
  EXPECT_THAT(rows_of_step(*subject, 4), Contains(DetailRow{"", "send quit, taken"}));
}

TEST(DetailsTest, StateHasRoomFirstForWhatTheStepIsAbout) {
  TraceMaker maker;
  std::vector<std::uint32_t> channels;
  for (int i = 0; i < 20; ++i) channels.push_back(maker.channel("c" + std::to_string(i), 1));
  maker.send(maker.body(), channels[17], 1, Phase::kBoth, 40, 1);
  const auto subject = subject_of(maker.finish());

  const StateTable table = state_table(*subject, 21, 3);

  ASSERT_EQ(table.rows.size(), 3u);
  EXPECT_EQ(table.rows[0], (StateRow{"channel c17", "c17", "1 of 1: [1]", "", true}));
  EXPECT_EQ(table.rows[1].object, "channel c0");
  EXPECT_EQ(table.more_count, 17u);
}

}  // namespace
}  // namespace chantrace::view
