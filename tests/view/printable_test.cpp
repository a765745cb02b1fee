#include "model/printable.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace chantrace::view {
namespace {

using testing::ElementsAre;

TEST(PrintableTest, LeavesOrdinaryTextAlone) {
  EXPECT_EQ(printable("worker-1 größer 日本 🚀"), "worker-1 größer 日本 🚀");
}

TEST(PrintableTest, WritesControlCharactersAsEscapes) {
  EXPECT_EQ(printable("a\x1b[31mb\n\t\r\x07\x7f"), "a\\x1b[31mb\\n\\t\\r\\x07\\x7f");
}

TEST(PrintableTest, WritesTheSecondSetOfControlsAsEscapes) {
  // U+009B is a control sequence introducer, as ESC [ is.
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            "\\u{9b}31m");
}

TEST(PrintableTest, WritesReorderingAndInvisibleCharactersAsEscapes) {
  EXPECT_EQ(printable("a\u202e\u2066\u200b\ufeff"), "a\\u{202e}\\u{2066}\\u{200b}\\u{feff}");
}

TEST(PrintableTest, WritesInvalidUtf8AsBytes) {
  EXPECT_EQ(printable("\xff"), "\\xff");
  EXPECT_EQ(printable("\xc3"), "\\xc3");
  EXPECT_EQ(printable("\xc0\x80"), "\\xc0\\x80");                    // Overlong.
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");           // A surrogate.
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");  // Beyond U+10FFFF.
}

TEST(PrintableTest, ChangesNothingTheSecondTime) {
  const std::string once = printable("a\x1b\u202e\xff\\");

  EXPECT_EQ(printable(once), once);
}

TEST(PrintableTest, CanBeAsciiOnly) { EXPECT_EQ(printable("ü", Charset::kAscii), "\\u{fc}"); }

TEST(PrintableTest, ABriefTraceHasNoLongTexts) {
  const std::string name(100'000, 'n');
  Trace trace;
  trace.header.test = name;
  trace.tasks.emplace_back().label = "\x1b" + name;
  trace.sites[1] = {.file = name + "/end.cpp", .function = name};
  trace.texts[1] = name;
  for (int i = 0; i < 100'000; ++i) trace.header.program += "\u0301";
  trace.end.emplace().findings.emplace_back().summary = name;

  make_brief(trace, Charset::kUtf8);

  EXPECT_EQ(trace.tasks[0].label, "\\x1b" + std::string(195, 'n') + "…");
  EXPECT_EQ(trace.texts[1], std::string(999, 'n') + "…");
  EXPECT_EQ(trace.header.test, trace.texts[1]);
  EXPECT_LT(trace.header.program.size(), 5'000u);
  EXPECT_EQ(trace.end->findings[0].summary, trace.texts[1]);
  EXPECT_EQ(trace.sites[1].file, "…/end.cpp");
}

TEST(WidthTest, CountsColumnsAndNotBytes) {
  EXPECT_EQ(width_of(""), 0u);
  EXPECT_EQ(width_of("abc"), 3u);
  EXPECT_EQ(width_of("ü"), 1u);
  EXPECT_EQ(width_of("日本"), 4u);
  EXPECT_EQ(width_of("🚀"), 2u);
  EXPECT_EQ(width_of("e\u0301"), 1u);
}

TEST(FitTest, CutsAtTheEndAndSaysSo) {
  EXPECT_EQ(fit("channel", 7), "channel");
  EXPECT_EQ(fit("channel", 6), "chann…");
  EXPECT_EQ(fit("channel", 6, Charset::kAscii), "chann~");
  EXPECT_EQ(fit("channel", 1), "…");
  EXPECT_EQ(fit("channel", 0), "");
}

TEST(FitTest, NeverCutsAWideCharacterInHalf) {
  EXPECT_EQ(fit("日本語", 4), "日…");
  EXPECT_EQ(fit("日本語", 5), "日本…");
}

TEST(FitTest, KeepsACombiningCharacterWithItsLetter) {
  EXPECT_EQ(fit("e\u0301tude", 2), "e\u0301…");
}

TEST(PadTest, FillsUpToColumns) {
  EXPECT_EQ(pad_right("日", 4), "日  ");
  EXPECT_EQ(pad_left("日", 4), "  日");
  EXPECT_EQ(pad_left("long", 2), "long");
}

TEST(WrapTest, BreaksAtSpaces) {
  EXPECT_THAT(wrap("held by worker-1 since pool.cpp:95", 16),
              ElementsAre("held by worker-1", "since", "pool.cpp:95"));
}

TEST(WrapTest, CutsAWordThatFitsNoLine) {
  EXPECT_THAT(wrap("a abcdefgh b", 4), ElementsAre("a", "abc…", "b"));
}

TEST(ReflowTest, IndentsWhatFollowsAsFarAsTheLabel) {
  EXPECT_EQ(reflow("  worker-2   task 2, parked in send on \"results\"\n  short\n", 36),
            "  worker-2   task 2, parked in send\n"
            "             on \"results\"\n"
            "  short\n");
}

TEST(ReflowTest, IndentsALineWithoutALabelALittle) {
  EXPECT_EQ(reflow("  worker-2 leaked, blocked for ever\n", 24),
            "  worker-2 leaked,\n"
            "    blocked for ever\n");
}

TEST(MakePrintableTest, ReachesEveryTextOfATrace) {
  Trace trace;
  trace.header.test = "\x1b";
  TaskInfo task;
  task.label = "\x1b";
  trace.tasks.push_back(task);
  ObjectInfo object;
  object.name = "\x1b";
  object.type = "\x1b";
  trace.objects.push_back(object);
  trace.sites[1] = {"\x1b", "\x1b", 1};
  trace.texts[1] = "\x1b";
  trace.warnings = {"\x1b"};
  trace.end = TraceEnd{};
  Finding finding;
  finding.summary = "\x1b";
  finding.reason = {"\x1b"};
  finding.sites = {{"\x1b", {"\x1b", "\x1b", 1}}};
  Participant participant;
  participant.label = "\x1b";
  participant.text = "\x1b";
  participant.started_by = "\x1b";
  finding.participants = {participant};
  trace.end->findings = {finding};

  make_printable(trace, Charset::kUtf8);

  EXPECT_EQ(trace.header.test, "\\x1b");
  EXPECT_EQ(trace.tasks[0].label, "\\x1b");
  EXPECT_EQ(trace.objects[0].name, "\\x1b");
  EXPECT_EQ(trace.objects[0].type, "\\x1b");
  EXPECT_EQ(trace.sites[1].file, "\\x1b");
  EXPECT_EQ(trace.texts[1], "\\x1b");
  EXPECT_EQ(trace.warnings[0], "\\x1b");
  const Finding& made = trace.end->findings[0];
  EXPECT_EQ(made.summary, "\\x1b");
  EXPECT_EQ(made.reason[0], "\\x1b");
  EXPECT_EQ(made.sites[0].site.function, "\\x1b");
  EXPECT_EQ(made.participants[0].text, "\\x1b");
  EXPECT_EQ(made.participants[0].started_by, "\\x1b");
}

}  // namespace
}  // namespace chantrace::view
