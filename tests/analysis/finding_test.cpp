#include "chantrace/finding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "support/state_builder.h"

namespace chantrace {
namespace {

TEST(FindingKindTest, ReadsBackEveryName) {
  for (int i = 0; i <= static_cast<int>(FindingKind::kUncertain); ++i) {
    const auto kind = static_cast<FindingKind>(i);

    EXPECT_EQ(parse_finding_kind(to_string(kind)), kind);
  }
}

TEST(FindingKindTest, RefusesOtherNames) {
  EXPECT_EQ(parse_finding_kind(""), std::nullopt);
  EXPECT_EQ(parse_finding_kind("Deadlock"), std::nullopt);
  EXPECT_EQ(to_string(static_cast<FindingKind>(200)), "unknown");
}

TEST(FindingTextTest, SaysWhoWhereAndWhy) {
  StateBuilder builder;
  const ObjectId results = builder.channel("results");
  builder.at(results).takers = {builder.ended("collector")};
  const TaskId worker = builder.parked("worker-2", send_on(results), 97);
  builder.task(worker).operation_index = 3;
  builder.end_body();

  EXPECT_EQ(to_text(analyze(builder.state()).at(0)),
            "  worker-2 leaked, blocked for ever in send on \"results\" (certain)\n"
            "    worker-2   task 3, started by main at test.cpp:203\n"
            "               parked in send on \"results\" (int, unbuffered), its operation 3\n"
            "               at test.cpp:97\n"
            "    because    nothing that still runs can receive from \"results\":\n"
            "                 collector (task 2), its only receiver, ended at test.cpp:902\n"
            "    created    test.cpp:11\n");
}

TEST(FindingTextTest, IsIndentedAsAsked) {
  Finding finding;
  finding.summary = "nothing much";

  EXPECT_EQ(to_text(finding, 0), "nothing much (certain)\n");
  EXPECT_EQ(to_text(finding, 4), "    nothing much (certain)\n");
  EXPECT_EQ(to_text(finding, -4), "nothing much (certain)\n");
}

TEST(FindingTextTest, FitsAScreenWhateverItHolds) {
  Finding finding;
  finding.summary = "much";
  Participant task;
  task.label = "task";
  task.text = "waits";
  task.site = line(1);
  for (int i = 0; i < 1000; ++i) {
    finding.participants.push_back(task);
    finding.behind.push_back(task);
    finding.reason.push_back("because of this");
    finding.sites.push_back({"somewhere", line(static_cast<std::uint32_t>(i))});
  }

  const std::string text = to_text(finding);

  EXPECT_LE(std::count(text.begin(), text.end(), '\n'), 28);
}

TEST(SummaryTest, CountsByKindAndSaysHowSure) {
  Finding leak;
  leak.kind = FindingKind::kLeaked;
  leak.participants.resize(50);
  Finding deadlock;
  deadlock.kind = FindingKind::kDeadlock;
  Finding order;
  order.kind = FindingKind::kLockOrder;
  order.certainty = Certainty::kPossible;
  Finding note;
  note.kind = FindingKind::kValueLeft;
  note.certainty = Certainty::kNote;

  EXPECT_EQ(summarize({}), "nothing found");
  EXPECT_EQ(summarize({deadlock}), "deadlock (certain)");
  EXPECT_EQ(summarize({note}), "1 note");
  EXPECT_EQ(
      summarize({leak, order, deadlock, note}),
      "deadlock (certain); 50 tasks leaked, blocked for ever (certain); 1 lock order that can "
      "deadlock (possible); 1 note");
}

}  // namespace
}  // namespace chantrace
