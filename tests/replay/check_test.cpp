#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "replay/end_to_end.h"
#include "replay/traces.h"
#include "report.h"
#include "verdict.h"

namespace chantrace::replay {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

Trace leaking() {
  TraceMaker maker = make_leak();
  maker.finding(leak_finding());
  return maker.finish(false);
}

Policy policy_of(const std::string& fail_on, std::vector<std::string> allow = {}) {
  return parse_policy(fail_on, std::move(allow)).value();
}

TEST(PolicyTest, ReadsKindsAndGroups) {
  const Policy policy = policy_of("blocked,race");

  EXPECT_THAT(policy.fail_on,
              ElementsAre(FindingKind::kBlocked, FindingKind::kLostSignal, FindingKind::kRace));
}

TEST(PolicyTest, AllIsEveryKindAndIncompleteTraces) {
  const Policy policy = policy_of("all");

  EXPECT_EQ(policy.fail_on.size(), all_finding_kinds().size());
  EXPECT_TRUE(policy.fails_on_incomplete);
}

TEST(PolicyTest, DefaultLeavesOutWhatIsOnlyWorthKnowing) {
  const Policy policy = policy_of("default");

  EXPECT_FALSE(policy.fail_on.contains(FindingKind::kLockOrder));
  EXPECT_FALSE(policy.fail_on.contains(FindingKind::kValueLeft));
  EXPECT_TRUE(policy.fail_on.contains(FindingKind::kLostSignal));
  EXPECT_FALSE(policy.fails_on_incomplete);
}

TEST(PolicyTest, RefusesAnUnknownKindAndSuggestsOne) {
  const auto policy = parse_policy("deadlok", {});

  ASSERT_FALSE(policy.has_value());
  EXPECT_THAT(policy.error(), HasSubstr("did you mean \"deadlock\"?"));
}

TEST(AllowTest, FitsTasksPlacesAndFunctions) {
  const Finding finding = leak_finding();

  EXPECT_TRUE(is_allowed(finding, {"worker-*"}));
  EXPECT_TRUE(is_allowed(finding, {"pool.cpp:97"}));
  EXPECT_TRUE(is_allowed(finding, {"pool/pool.cpp:*"}));
  EXPECT_TRUE(is_allowed(finding, {"run"}));
  EXPECT_FALSE(is_allowed(finding, {"collector", "pool.cpp:98", "ool.cpp:97"}));
}

Finding finding_of(FindingKind kind, Certainty certainty) {
  Finding finding = leak_finding();
  finding.kind = kind;
  finding.certainty = certainty;
  return finding;
}

bool fails(FindingKind kind, Certainty certainty, const std::string& fail_on) {
  TraceMaker maker = make_loop(1);
  maker.finding(finding_of(kind, certainty));
  return judge(maker.finish(), "a.chantrace", policy_of(fail_on)).is_failing;
}

TEST(VerdictTest, ANoteFailsOnlyWhereItsKindIsAskedFor) {
  EXPECT_FALSE(fails(FindingKind::kValueLeft, Certainty::kNote, "default"));
  EXPECT_TRUE(fails(FindingKind::kValueLeft, Certainty::kNote, "value_left"));
  EXPECT_TRUE(fails(FindingKind::kValueLeft, Certainty::kNote, "all"));
}

TEST(VerdictTest, AMisuseThatWasCaughtNeverFails) {
  EXPECT_FALSE(fails(FindingKind::kDoubleClose, Certainty::kNote, "all"));
  EXPECT_TRUE(fails(FindingKind::kDoubleClose, Certainty::kPossible, "misuse"));
}

TEST(CheckTest, AFailingTraceSaysWhoIsStuckAndWhatToTypeNext) {
  const Folder folder;
  folder.add(leaking(), "Pool.ShutsDown");

  const Ran ran = folder.run({"check", "."});

  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.out, HasSubstr("FAIL  Pool.ShutsDown  worker-2 leaked"));
  EXPECT_THAT(ran.out, HasSubstr("pool.cpp:97"));
  EXPECT_THAT(ran.out, HasSubstr("chantrace show ./Pool.ShutsDown.chantrace"));
  EXPECT_THAT(ran.out, HasSubstr("1 trace, 1 with findings\n"));
  EXPECT_THAT(ran.err, IsEmpty());
}

TEST(CheckTest, ACleanTraceIsOneLine) {
  const Folder folder;
  folder.add(make_loop(3).finish(), "Pool.Drains");

  const Ran ran = folder.run({"check", "Pool.Drains.chantrace"});

  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(ran.out,
            "ok    Pool.Drains  3 tasks, 1 channel, 15 events\n"
            "1 trace, none with findings that fail\n");
}

TEST(CheckTest, AFolderIsSearchedToItsGround) {
  const Folder folder;
  folder.add(make_loop(3).finish(), "deep/er/a");
  folder.add(leaking(), "b");
  folder.add_bytes("not looked at", "c.txt");

  const Ran ran = folder.run({"check", "."});

  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.out, HasSubstr("2 traces, 1 with findings\n"));
}

TEST(CheckTest, AFolderWithoutTracesIsClean) {
  const Ran ran = Folder{}.run({"check", "."});

  EXPECT_EQ(ran.status, 0);
  EXPECT_THAT(ran.out, HasSubstr("0 traces"));
}

TEST(CheckTest, WhatIsNotThereIsUnreadable) {
  const Ran ran = Folder{}.run({"check", "nowhere"});

  EXPECT_EQ(ran.status, 3);
  EXPECT_THAT(ran.err, HasSubstr("nowhere: No such file or directory"));
}

TEST(CheckTest, ABrokenTraceDoesNotHideTheOthers) {
  const Folder folder;
  folder.add_bytes("", "empty.chantrace");
  folder.add_bytes("this is no trace at all, whatever its name says", "text.chantrace");
  folder.add(leaking(), "whole");

  const Ran ran = folder.run({"check", "."});

  EXPECT_EQ(ran.status, 3);
  EXPECT_THAT(ran.out, AllOf(HasSubstr("FAIL  Pool.ShutsDown"), HasSubstr("2 unreadable")));
  EXPECT_THAT(ran.err, AllOf(HasSubstr("empty.chantrace"), HasSubstr("text.chantrace")));
}

TEST(CheckTest, AllowedFindingsPassAndAreCounted) {
  const Folder folder;
  folder.add(leaking(), "a");

  const Ran ran = folder.run({"check", "a.chantrace", "--allow", "worker-*"});

  EXPECT_EQ(ran.status, 0);
  EXPECT_THAT(ran.out, HasSubstr("allowed"));
}

TEST(CheckTest, QuietSaysOnlyWhatFails) {
  const Folder folder;
  folder.add(make_loop(3).finish(), "clean");
  folder.add(leaking(), "leak");

  EXPECT_THAT(folder.run({"check", "-q", "clean.chantrace"}).out, IsEmpty());
  EXPECT_EQ(folder.run({"check", "-q", "."}).out.find('\n'),
            folder.run({"check", "-q", "."}).out.size() - 1);
}

TEST(CheckTest, AnUnknownKindIsAMistakeOfTheUser) {
  const Ran ran = Folder{}.run({"check", ".", "--fail-on", "deadlok"});

  EXPECT_EQ(ran.status, 2);
  EXPECT_THAT(ran.err, HasSubstr("deadlock"));
}

TEST(CheckTest, AnIncompleteTraceSaysSo) {
  const Folder folder;
  folder.add(make_loop(3).cut_off(), "a");

  EXPECT_THAT(folder.run({"check", "."}).out, HasSubstr("incomplete: the process was killed"));
  EXPECT_EQ(folder.run({"check", ".", "--fail-on", "incomplete"}).status, 1);
}

TEST(CheckTest, JsonHasNoNullListsAndBigNumbersAsText) {
  const Folder folder;
  folder.add(make_loop(3).finish(), "clean");
  folder.add(leaking(), "leak");
  folder.add_bytes("", "empty.chantrace");

  const Ran ran = folder.run({"check", ".", "--format", "json"});

  EXPECT_EQ(ran.status, 3);
  const json report = json::parse(ran.out);
  EXPECT_EQ(report["summary"]["traces_count"], 2);
  EXPECT_EQ(report["summary"]["failed_count"], 1);
  EXPECT_EQ(report["errors"].size(), 1u);
  const json& clean = report["traces"][0];
  EXPECT_EQ(clean["status"], "ok");
  EXPECT_EQ(clean["events_count"], "15");
  EXPECT_EQ(clean["findings"], json::array());
  EXPECT_EQ(clean["warnings"], json::array());
  const json& leak = report["traces"][1];
  EXPECT_EQ(leak["status"], "failed");
  EXPECT_EQ(leak["test_passed"], false);
  EXPECT_EQ(leak["findings"][0]["kind"], "leaked");
  EXPECT_EQ(leak["findings"][0]["behind"], json::array());
  EXPECT_EQ(leak["findings"][0]["participants"][0]["site"]["line"], 97);
}

TEST(CheckTest, SarifHasWhatTheStandardRequires) {
  const Folder folder;
  folder.add(leaking(), "leak");

  const json report = json::parse(folder.run({"check", ".", "--format", "sarif"}).out);

  EXPECT_EQ(report["version"], "2.1.0");
  const json& run = report["runs"][0];
  const json& driver = run["tool"]["driver"];
  EXPECT_EQ(driver["name"], "chantrace");
  const json& result = run["results"][0];
  EXPECT_EQ(result["ruleId"], driver["rules"][result["ruleIndex"].get<std::size_t>()]["id"]);
  EXPECT_EQ(result["level"], "error");
  EXPECT_THAT(result["message"]["text"].get<std::string>(), HasSubstr("worker-2 leaked"));
  const json& location = result["locations"][0]["physicalLocation"];
  EXPECT_EQ(location["artifactLocation"]["uri"], "file:///home/me/pool/pool.cpp");
  EXPECT_EQ(location["region"]["startLine"], 97);
  EXPECT_EQ(run["invocations"][0]["executionSuccessful"], true);
}

TEST(CheckTest, GithubNamesFileAndLine) {
  const Folder folder;
  folder.add(leaking(), "leak");

  const Ran ran = folder.run({"check", ".", "--format", "github"});

  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.out, HasSubstr("::error file=/home/me/pool/pool.cpp,line=97,title=leaked"));
}

TEST(CheckTest, GithubCommandsCannotBeForged) {
  const Folder folder;
  TraceMaker maker = make_loop(1);
  Finding finding = leak_finding();
  finding.summary = "a\n::stop-commands::x";
  finding.sites[0].site.file = "a,title=b:c\n";
  maker.finding(finding);
  folder.add(maker.finish(), "a");

  const Ran ran = folder.run({"check", ".", "--format", "github"});

  EXPECT_THAT(ran.out, Not(HasSubstr("\n::stop")));
  EXPECT_THAT(ran.out, HasSubstr("file=a%2Ctitle=b%3Ac%0A,"));
}

TEST(RelativeFileTest, IsRelativeBelowTheBaseOnly) {
  EXPECT_EQ(relative_file("/project/src/a.cpp", "/project"), "src/a.cpp");
  EXPECT_EQ(relative_file("/usr/a.cpp", "/work"), "/usr/a.cpp");
  EXPECT_EQ(relative_file("../src/a.cpp", "/work"), "../src/a.cpp");
}

}  // namespace
}  // namespace chantrace::replay
