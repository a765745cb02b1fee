#include "chantrace/trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <limits>
#include <string>

#include "text.h"

namespace chantrace {
namespace {

struct Value {
  const char* name;
  ValueFormat format;
  std::uint64_t bits;
  const char* text;
};

class ValueTest : public testing::TestWithParam<Value> {};

TEST_P(ValueTest, IsShownAsAPersonReadsIt) {
  Trace trace;
  ObjectInfo object;
  object.id = ObjectId{4};
  object.format = GetParam().format;
  object.type = "Job";
  trace.objects = {object};
  const EventRecord event{.value = GetParam().bits,
                          .object = 4,
                          .operation = Operation::kSend,
                          .flags = make_flags(Phase::kBoth, Outcome::kOk, kHasValue)};

  EXPECT_EQ(format_value(trace, event), GetParam().text);
}

INSTANTIATE_TEST_SUITE_P(
    , ValueTest,
    testing::Values(Value{"Opaque", ValueFormat::kOpaque, 7, "Job"},
                    Value{"Signed", ValueFormat::kSigned, ~0ull, "-1"},
                    Value{"Unsigned", ValueFormat::kUnsigned, ~0ull, "18446744073709551615"},
                    Value{"Float", ValueFormat::kFloat, std::bit_cast<std::uint32_t>(0.1f), "0.1"},
                    Value{"Double", ValueFormat::kDouble, std::bit_cast<std::uint64_t>(-2.5),
                          "-2.5"},
                    Value{"True", ValueFormat::kBool, 1, "true"},
                    Value{"False", ValueFormat::kBool, 0, "false"},
                    Value{"Character", ValueFormat::kCharacter, 'x', "'x'"},
                    Value{"Escape", ValueFormat::kCharacter, 27, "character 27"},
                    Value{"Pointer", ValueFormat::kPointer, 0xbeef, "0xbeef"},
                    Value{"NullPointer", ValueFormat::kPointer, 0, "nullptr"},
                    Value{"UnknownFormat", static_cast<ValueFormat>(200), 12, "12"}),
    [](const auto& test) { return test.param.name; });

TEST(FormatValueTest, IsEmptyWhereThereIsNone) {
  EXPECT_EQ(format_value({}, {.value = 5, .flags = make_flags(Phase::kStart, Outcome::kOk)}), "");
}

TEST(FormatValueTest, LooksUpTexts) {
  Trace trace;
  trace.texts[5] = "{id: 5}";
  const std::uint8_t flags = make_flags(Phase::kBoth, Outcome::kOk, kHasValue | kValueIsText);

  EXPECT_EQ(format_value(trace, {.value = 5, .flags = flags}), "{id: 5}");
  EXPECT_EQ(format_value(trace, {.value = 6, .flags = flags}), "text 6, missing");
}

TEST(TraceTest, CountsEventsAndLosses) {
  Trace trace;
  trace.streams.push_back({TaskId{1}, std::vector<EventRecord>(3), {{0, 5}, {2, 1}}});
  trace.streams.push_back({TaskId{2}, std::vector<EventRecord>(4), {}});

  EXPECT_EQ(trace.events_count(), 7u);
  EXPECT_EQ(trace.lost_count(), 6u);
  trace.streams[1].gaps = {{0, std::numeric_limits<std::uint64_t>::max()}};
  EXPECT_EQ(trace.lost_count(), std::numeric_limits<std::uint64_t>::max());
}

TEST(TraceTest, GivesAnEmptySiteForAnUnknownId) { EXPECT_EQ(Trace{}.site(SiteId{3}), Site{}); }

TEST(TraceErrorTest, SaysWhereAndWhy) {
  EXPECT_EQ((TraceError{"a.trace", 0, "it is empty"}.to_string()), "a.trace: it is empty");
  EXPECT_EQ((TraceError{"a.trace", 16, "it ends"}.to_string()), "a.trace: at byte 16: it ends");
}

TEST(NamesTest, AreKnownForAllThatIsKnownAndNothingElse) {
  EXPECT_EQ(to_string(Operation::kReceive), "recv");
  EXPECT_EQ(to_string(static_cast<Operation>(200)), "unknown");
  EXPECT_EQ(to_string(ObjectKind::kWaitGroup), "wait group");
  EXPECT_EQ(to_string(static_cast<ObjectKind>(200)), "unknown");
  EXPECT_EQ(to_string(Outcome::kNotReady), "not ready");
  EXPECT_EQ(to_string(static_cast<Outcome>(15)), "unknown");
}

TEST(TextTest, KnowsWholeUtf8) {
  for (const std::string_view good : {"", "abc", "abcdefgh", "12345678é", "é", "中文", "😀", "\x7f"})
    EXPECT_TRUE(detail::is_clean(good)) << good;
  for (const std::string_view bad :
       {std::string_view("a\0", 2), std::string_view("12345678\0", 9), std::string_view("\xff"),
        std::string_view("\xc3"), std::string_view("\xc0\x80"), std::string_view("\xe0\x80\x80"),
        std::string_view("\xed\xa0\x80"), std::string_view("\xf4\x90\x80\x80"),
        std::string_view("12345678\x80"), std::string_view("\xf0\x8f\xbf\xbf")})
    EXPECT_FALSE(detail::is_clean(bad));
}

TEST(TextTest, IsCutBetweenCharacters) {
  EXPECT_EQ(detail::cut("aéb", 4), "aéb");
  EXPECT_EQ(detail::cut("aéb", 3), "aé");
  EXPECT_EQ(detail::cut("aéb", 2), "a");
  EXPECT_EQ(detail::cut("😀", 3), "");
}

TEST(TextTest, IsCleanAfterCleaningAndNoLongerThanAllowed) {
  const std::string hostile =
      "ab\xff\xfe"
      "é\xc3(\xed\xa0\x80 end 😀";
  for (std::size_t bytes_max = 0; bytes_max < 40; ++bytes_max) {
    std::string scratch;
    const auto cleaned = detail::clean(hostile, bytes_max, scratch);

    EXPECT_TRUE(detail::is_clean(cleaned)) << bytes_max;
    EXPECT_LE(cleaned.size(), bytes_max);
  }
}

}  // namespace
}  // namespace chantrace
