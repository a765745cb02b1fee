// What a running program has found, as its debug endpoint tells it.
#include "attach.h"

#include <gtest/gtest.h>

namespace chantrace::replay {
namespace {

TEST(AttachTest, ReadsTheFindingsOfAProgram) {
  const auto findings = findings_from_json(R"({"time": "2026-01-01T00:00:00Z", "blocked": [],
    "leaked": [], "findings": [{"kind": "deadlock", "certainty": "certain", "task_id": 5,
    "object_id": 4, "summary": "deadlock: left waits for right", "reason": ["because"],
    "participants": [{"task_id": 5, "task": "left", "text": "parked in lock of orders",
    "site": {"file": "server.cpp", "function": "main", "line": 17},
    "started_at": {"file": "", "function": "", "line": 0}}]}]})");

  ASSERT_TRUE(findings.has_value());
  ASSERT_EQ(findings->size(), 1u);
  const Finding& finding = findings->front();
  EXPECT_EQ(finding.kind, FindingKind::kDeadlock);
  EXPECT_EQ(finding.certainty, Certainty::kCertain);
  EXPECT_EQ(finding.summary, "deadlock: left waits for right");
  ASSERT_EQ(finding.participants.size(), 1u);
  EXPECT_EQ(finding.participants[0].label, "left");
  EXPECT_EQ(finding.participants[0].site.line, 17u);
}

TEST(AttachTest, OtherTextIsNoAnalysis) {
  for (const char* const text : {"", "{}", "[]", R"({"findings": [{}]})", R"({"findings": [3]})"})
    EXPECT_FALSE(findings_from_json(text).has_value()) << text;
}

}  // namespace
}  // namespace chantrace::replay
