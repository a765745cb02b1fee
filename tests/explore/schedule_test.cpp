#include "chantrace/schedule.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

namespace chantrace {
namespace {

Schedule parsed(const std::string& token) {
  const auto schedule = Schedule::parse(token);
  EXPECT_TRUE(schedule.has_value()) << token << ": " << schedule.error().text;
  return schedule.has_value() ? schedule.value() : Schedule{};
}

TEST(ScheduleTest, SaysWhatItsTokenSays) {
  const Schedule schedule = parsed("c1qu:9f3a:1x2.2.0x3:5.0x2");

  EXPECT_EQ(schedule.rules.time_mode, TimeMode::kQuiescence);
  EXPECT_FALSE(schedule.rules.spawn_is_step);
  EXPECT_TRUE(schedule.rules.unlock_is_step);
  EXPECT_EQ(schedule.fingerprint, 0x9f3au);
  EXPECT_EQ(schedule.segments, (std::vector<Segment>{{1, 2}, {2, 1}, {0, 3}}));
  EXPECT_EQ(schedule.choices, (std::vector<std::uint32_t>{5, 0, 0}));
}

TEST(ScheduleTest, EmptyOneHasAToken) {
  EXPECT_EQ(Schedule{}.to_string(), "c1:0:");
  EXPECT_EQ(parsed("c1:0:"), Schedule{});
}

TEST(ScheduleTest, VisitWithoutAnOperationIsKept) {
  Schedule schedule;
  schedule.segments = {{1, 0}, {2, 1}};

  EXPECT_EQ(schedule.to_string(), "c1:0:1x0.2");
  EXPECT_EQ(parsed(schedule.to_string()), schedule);
}

RC_GTEST_PROP(ScheduleProperty, IsWhatItsTokenIsReadAs, ()) {
  Schedule schedule;
  schedule.rules = {*rc::gen::element(TimeMode::kChoice, TimeMode::kQuiescence),
                    *rc::gen::arbitrary<bool>(), *rc::gen::arbitrary<bool>()};
  schedule.fingerprint = *rc::gen::arbitrary<std::uint64_t>();
  schedule.segments = *rc::gen::container<std::vector<Segment>>(
      rc::gen::build<Segment>(rc::gen::set(&Segment::task, rc::gen::inRange(0u, 2'000u)),
                              rc::gen::set(&Segment::operations, rc::gen::inRange(0u, 50u))));
  schedule.choices = *rc::gen::container<std::vector<std::uint32_t>>(rc::gen::inRange(0u, 4u));
  RC_CLASSIFY(schedule.segments.empty());
  RC_CLASSIFY(schedule.choices.empty());

  const auto read = Schedule::parse(schedule.to_string());

  RC_ASSERT(read.has_value());
  RC_ASSERT(read.value() == schedule);
}

RC_GTEST_PROP(ScheduleProperty, AnyTextIsReadOrRefused, ()) {
  const auto text = *rc::gen::container<std::string>(rc::gen::element<char>(
      'c', '1', ':', 'x', '.', 'q', 's', 'u', '0', '9', 'f', '-', ' ', '\0', '\xff'));

  const auto read = Schedule::parse("c1" + text);

  if (read.has_value()) RC_ASSERT(Schedule::parse(read.value().to_string()).has_value());
}

TEST(ScheduleTest, SaysWhatIsWrongWithAToken) {
  const auto problem = [](const std::string& token) {
    const auto schedule = Schedule::parse(token);
    return schedule.has_value() ? std::string() : schedule.error().text;
  };

  EXPECT_EQ(problem(""), "not a schedule: expected 'c1' at character 1 of ''");
  EXPECT_EQ(problem("c2:0:"), "not a schedule: expected 'c1' at character 2 of 'c2:0:'");
  EXPECT_EQ(problem("c1z:0:"),
            "not a schedule: expected one of the rules q, s, u and e, or ':' at character 3 of "
            "'c1z:0:'");
  EXPECT_EQ(problem("c1:0:1x"),
            "not a schedule: expected a number of operations at character 8 of 'c1:0:1x'");
  EXPECT_EQ(problem("c1:0:1.:"),
            "not a schedule: expected a task's number at character 8 of 'c1:0:1.:'");
  EXPECT_NE(problem("c1:0:99999999999"), "");
  EXPECT_NE(problem("c1:0:1:0x4000000000"), "");
  EXPECT_NE(problem("c1:0:1:0x40000000"), "");
  EXPECT_EQ(problem("c1:0::0x4"), "");
}

}  // namespace
}  // namespace chantrace
