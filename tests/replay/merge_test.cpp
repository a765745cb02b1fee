#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "gathering.h"
#include "merge_report.h"
#include "replay/end_to_end.h"
#include "replay/traces.h"

namespace chantrace::replay {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

/// A test in which a worker is stuck in its second send, after `yields` steps of no account.
Trace leak(const std::string& test, int yields, const std::string& folder = "/home/me/pool") {
  TraceMaker maker{test};
  maker.file = folder + "/pool.cpp";
  const std::uint32_t results = maker.channel("results");
  const TaskId worker = maker.task("worker-2", 88);
  for (int i = 0; i < yields; ++i) maker.event(maker.body(), Operation::kYield, 0, {.line = 40});
  maker.send(worker, results, 8, Phase::kStart, 97);
  return maker.finish(false);
}

Trace with_schedule(Trace trace, std::size_t turns) {
  trace.end->schedule.emplace();
  trace.end->schedule->segments.resize(turns, {.task = 1, .operations = 1});
  return trace;
}

json merged(const Folder& folder, const std::vector<std::string>& arguments, int status) {
  std::vector<std::string> all{"merge", "--format", "json"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  const Ran ran = folder.run(all);
  EXPECT_EQ(ran.status, status) << ran.err;
  return json::parse(ran.out);
}

TEST(MergeTest, CountsAFindingOnceForEachTraceAndKeepsTheSmallest) {
  const Folder folder;
  folder.add(leak("Pool.ShutsDown", 20), "one/a");
  folder.add(leak("Pool.ShutsDown", 2), "two/b");
  folder.add(leak("Pool.Restarts", 9), "two/c");
  folder.add(make_loop(3).finish(), "two/clean");

  const json report = merged(folder, {"."}, 1);

  ASSERT_EQ(report["findings"].size(), 1u);
  const json& finding = report["findings"][0];
  EXPECT_EQ(finding["fingerprint"], "leaked pool.cpp:97");
  EXPECT_EQ(finding["traces_count"], 3);
  EXPECT_EQ(
      finding["tests"].dump(),
      R"([{"test":"Pool.Restarts","traces_count":1},{"test":"Pool.ShutsDown","traces_count":2}])");
  EXPECT_EQ(finding["smallest"]["path"], "./two/b.chantrace");
  EXPECT_EQ(finding["finding"]["kind"], "leaked");
  EXPECT_EQ(report["summary"]["traces_count"], 4);
  EXPECT_EQ(report["summary"]["failed_count"], 3);
}

TEST(MergeTest, SoundTestsAreCountedOnly) {
  const Folder folder;
  folder.add(make_loop(3).finish(), "a");
  folder.add(make_loop(5).finish(), "b");

  const Ran ran = folder.run({"merge", ".", "-o", "found"});

  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(ran.out, "2 traces of 1 test: nothing found\n0 examples written\n");
  EXPECT_TRUE(std::filesystem::is_empty(folder.path() / "found"));
}

TEST(MergeTest, ATraceCountsOnceHoweverOftenItShowsAFinding) {
  const Folder folder;
  TraceMaker maker = make_loop(1);
  Finding finding = leak_finding();
  maker.finding(finding);
  finding.task = TaskId{3};
  maker.finding(finding);
  folder.add(maker.finish(false), "a");

  const json report = merged(folder, {"."}, 1);

  ASSERT_EQ(report["findings"].size(), 1u);
  EXPECT_EQ(report["findings"][0]["traces_count"], 1);
}

TEST(MergeTest, FindingsThatFailComeFirstAndThenTheMostFrequent) {
  const Folder folder;
  TraceMaker maker = make_loop(1);
  Finding finding = leak_finding();
  finding.kind = FindingKind::kLockOrder;
  finding.certainty = Certainty::kPossible;
  maker.finding(finding);
  for (const char* name : {"a", "b", "c"}) folder.add(maker.finish(), name);
  folder.add(make_deadlock().finish(false), "d");
  for (const char* name : {"e", "f"}) folder.add(leak("Pool.ShutsDown", 1), name);

  const json report = merged(folder, {"."}, 1);

  ASSERT_EQ(report["findings"].size(), 3u);
  EXPECT_EQ(report["findings"][0]["finding"]["kind"], "leaked");
  EXPECT_EQ(report["findings"][1]["finding"]["kind"], "deadlock");
  EXPECT_EQ(report["findings"][2]["finding"]["kind"], "lock_order");
}

TEST(MergeTest, PlacesAreTheSameOnEveryMachine) {
  const Folder folder;
  folder.add(leak("Pool.ShutsDown", 1, "/home/me/pool"), "a");
  folder.add(leak("Pool.ShutsDown", 1, "/builds/runner-7/pool"), "b");

  EXPECT_EQ(merged(folder, {"."}, 1)["findings"].size(), 1u);
}

TEST(MergeTest, FindingsAtOtherPlacesAreOtherFindings) {
  const Folder folder;
  folder.add(leak("Pool.ShutsDown", 1), "a");
  folder.add(make_deadlock().finish(false), "b");

  EXPECT_EQ(merged(folder, {"."}, 1)["findings"].size(), 2u);
}

TEST(MergeTest, ATraceThatCanBeRunAgainIsASmallerExample) {
  const Folder folder;
  folder.add(leak("Pool.ShutsDown", 0), "threads");
  folder.add(with_schedule(leak("Pool.ShutsDown", 9), 5), "five");
  folder.add(with_schedule(leak("Pool.ShutsDown", 9), 3), "three");

  const json report = merged(folder, {"."}, 1);

  EXPECT_EQ(report["findings"][0]["smallest"]["path"], "./three.chantrace");
  EXPECT_NE(report["findings"][0]["smallest"]["schedule"], nullptr);
}

TEST(MergeTest, ATestThatFailedByItselfIsNotLost) {
  const Folder folder;
  folder.add(make_loop(3).finish(false), "a");

  const json report = merged(folder, {".", "-o", "found"}, 0);

  ASSERT_EQ(report["failures"].size(), 1u);
  EXPECT_EQ(report["failures"][0]["test"], "Pool.Drains");
  EXPECT_EQ(merged(folder, {"found"}, 0)["failures"].size(), 1u);
}

TEST(MergeTest, KeepsExamplesThatAreMergedToTheSame) {
  const Folder folder;
  folder.add(leak("Pool.ShutsDown", 3), "in/a");
  folder.add(leak("Pool.ShutsDown", 2), "in/b");
  folder.add(make_deadlock().finish(false), "in/c");

  EXPECT_EQ(folder.run({"merge", "in", "-o", "found"}).status, 1);
  EXPECT_EQ(folder.run({"merge", "found", "-o", "again"}).status, 1);

  EXPECT_EQ(folder.run_shell("ls found | wc -l").out, "2\n");
  EXPECT_EQ(folder.run_shell("diff -r found again").out, "");
  EXPECT_THAT(folder.run({"merge", "found", "-o", "found"}).out, HasSubstr("0 examples written\n"));
}

TEST(MergeTest, ReplacesAnExampleByASmallerOneOnly) {
  const Folder folder;
  folder.add(leak("Pool.ShutsDown", 5), "five");
  folder.add(leak("Pool.ShutsDown", 9), "nine");
  folder.add(leak("Pool.ShutsDown", 1), "one");
  const auto events_kept = [&](const std::string& trace) {
    return merged(folder, {trace, "-o", "found"}, 1)["findings"][0]["smallest"]["events_count"];
  };

  EXPECT_EQ(events_kept("five.chantrace"), "9");
  EXPECT_EQ(events_kept("nine.chantrace"), "9");
  EXPECT_EQ(events_kept("one.chantrace"), "5");
}

TEST(MergeTest, OverwritesNothingElse) {
  const Folder folder;
  folder.add(leak("Pool.ShutsDown", 5), "a");
  const std::string name = "found/" + example_name("leaked pool.cpp:97") + ".chantrace";
  std::filesystem::create_directory(folder.path() / "found");
  folder.add_bytes("my notes", name);

  const Ran ran = folder.run({"merge", "a.chantrace", "-o", "found"});

  EXPECT_EQ(ran.status, 3);
  EXPECT_THAT(ran.err, HasSubstr("is something else, and was not overwritten"));
  EXPECT_EQ(folder.read(name), "my notes");
}

TEST(MergeTest, SaysWhatCannotBeWritten) {
  const Folder folder;
  folder.add(leak("Pool.ShutsDown", 5), "a");
  folder.add_bytes("a file", "found");

  EXPECT_EQ(folder.run({"merge", "a.chantrace", "-o", "found"}).status, 3);
}

TEST(MergeTest, ABrokenTraceDoesNotHideTheOthers) {
  const Folder folder;
  folder.add_bytes("", "empty.chantrace");
  folder.add(leak("Pool.ShutsDown", 1), "whole");

  const json report = merged(folder, {"."}, 3);

  EXPECT_EQ(report["findings"].size(), 1u);
  EXPECT_EQ(report["errors"].size(), 1u);
}

TEST(MergeTest, AllowedFindingsAreCountedOnly) {
  const Folder folder;
  folder.add(leak("Pool.ShutsDown", 1), "a");

  const json report = merged(folder, {".", "--allow", "worker-*"}, 0);

  EXPECT_EQ(report["findings"], json::array());
  EXPECT_EQ(report["failures"], json::array());
  EXPECT_EQ(report["summary"]["allowed_count"], 1);
}

TEST(MergeTest, ExamplesThatAreKeptAmongTheTracesAreNoNewOnes) {
  const Folder folder;
  folder.add(leak("Pool.ShutsDown", 1), "a");

  const Ran first = folder.run({"merge", ".", "-o", "found"});
  const Ran second = folder.run({"merge", ".", "-o", "found"});

  EXPECT_EQ(first.status, 1);
  EXPECT_NE(second.out.find("1 trace of 1 test"), std::string::npos) << second.out;
}

TEST(MergeTest, TheLineThatRunsAnExampleAgainIsOneForAShell) {
  const Folder folder;
  std::filesystem::create_directories(folder.path() / "of the night");
  folder.add(leak("Pool.ShutsDown", 1), "of the night/a");

  EXPECT_NE(folder.run({"merge", "."}).out.find("chantrace replay './of the night/a.chantrace'"),
            std::string::npos);
}

TEST(MergeTest, SarifSaysHowOftenAndNamesTheFindingAlways) {
  const Folder folder;
  folder.add(leak("Pool.ShutsDown", 1), "a");
  folder.add(leak("Pool.Restarts", 1), "b");

  const json report = json::parse(folder.run({"merge", ".", "--format", "sarif"}).out);

  ASSERT_EQ(report["runs"][0]["results"].size(), 1u);
  const json& result = report["runs"][0]["results"][0];
  EXPECT_EQ(result["occurrenceCount"], 2);
  EXPECT_EQ(result["fingerprints"]["chantrace/finding/v1"], "leaked pool.cpp:97");
  EXPECT_THAT(result["partialFingerprints"]["chantrace/v1"].get<std::string>(),
              AllOf(HasSubstr("leaked"), Not(HasSubstr("Pool."))));
}

TEST(MergeTest, NamesAreHarmless) {
  const Folder folder;
  Trace trace = leak("Pool.\x1b]0;owned\x07", 1);
  trace.header.program = "/bin/\x1b[2J\n";
  trace.tasks[1].label = "w\x1b[31m\u202e\n\r\t";
  folder.add(trace, "a");

  const Ran ran = folder.run({"merge", ".", "--color", "never"});

  EXPECT_THAT(ran.out, Not(IsEmpty()));
  EXPECT_TRUE(std::none_of(ran.out.begin(), ran.out.end(), [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\n') || c == 0x7f;
  })) << ran.out;
}

TEST(ExampleNameTest, IsAFileNameAndTellsFingerprintsApart) {
  const std::string name =
      example_name("exception ../../etc/passwd: \x1b\n" + std::string(999, 'x'));

  EXPECT_LT(name.size(), 120u);
  EXPECT_TRUE(std::all_of(name.begin(), name.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-' || c == '_';
  })) << name;
  EXPECT_NE(name.front(), '.');
  EXPECT_NE(example_name("leaked a.cpp:1"), example_name("leaked a.cpp-1"));
}

RC_GTEST_PROP(MergeProperty, TheOrderOfTracesDoesNotMatter, ()) {
  struct Input {
    Trace trace;
    std::string path;
  };
  std::vector<Input> inputs;
  const int count = *rc::gen::inRange(1, 12);
  for (int i = 0; i < count; ++i) {
    Trace trace = leak(*rc::gen::element<std::string>("Pool.A", "Pool.B"), *rc::gen::inRange(0, 3));
    if (*rc::gen::inRange(0, 3) == 0) trace = with_schedule(trace, *rc::gen::inRange(1u, 4u));
    if (*rc::gen::inRange(0, 4) == 0) trace = make_deadlock().finish(false);
    if (*rc::gen::inRange(0, 4) == 0) trace = make_loop(2).finish(*rc::gen::arbitrary<bool>());
    inputs.push_back({trace, std::to_string(i)});
  }
  const Policy policy = parse_policy("default", {}).value();
  const auto report_of = [&](const std::vector<Input>& in_order) {
    MergeReport report;
    for (const Input& input : in_order) gather(input.trace, input.path, policy, report.gathering);
    return to_json(report);
  };
  const std::string expected = report_of(inputs);

  for (std::size_t last = inputs.size(); last > 1; --last)
    std::swap(inputs[last - 1], inputs[*rc::gen::inRange<std::size_t>(0, last)]);

  RC_ASSERT(report_of(inputs) == expected);
}

}  // namespace
}  // namespace chantrace::replay
