#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "comparison.h"
#include "diff_report.h"
#include "renumbering.h"
#include "replay/end_to_end.h"
#include "replay/traces.h"
#include "verdict.h"

namespace chantrace::replay {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

json difference_of(Trace left, Trace right) {
  const std::vector<Finding> left_findings = findings_of(left);
  const std::vector<Finding> right_findings = findings_of(right);
  renumber_like(left, right);
  const Comparison comparison{left, right, left_findings, right_findings};
  return json::parse(to_json({.comparison = comparison, .left = {}, .right = {}}, 5));
}

/// Two tasks that take two locks in opposite orders, one after the other or, with luck against
/// them, at once.
Trace transfers(bool is_deadlock, const std::string& file = "/home/me/pool/pool.cpp") {
  TraceMaker maker{"Bank.Transfers"};
  maker.file = file;
  const std::uint32_t from = maker.object(ObjectKind::kMutex, "from");
  const std::uint32_t to = maker.object(ObjectKind::kMutex, "to");
  const TaskId left = maker.task("left", 40);
  const TaskId right = maker.task("right", 41);
  const auto take = [&](TaskId task, std::uint32_t mutex, std::uint32_t line) {
    maker.event(task, Operation::kLock, mutex, {.line = line});
  };
  const auto give = [&](TaskId task, std::uint32_t mutex) {
    maker.event(task, Operation::kUnlock, mutex, {.line = 70});
  };
  take(left, from, 50);
  if (is_deadlock) {
    take(right, to, 60);
    maker.event(left, Operation::kLock, to, {.phase = Phase::kStart, .line = 51});
    maker.event(right, Operation::kLock, from, {.phase = Phase::kStart, .line = 61});
    return maker.finish(false);
  }
  take(left, to, 51);
  give(left, to);
  give(left, from);
  maker.end_task(left);
  take(right, to, 60);
  take(right, from, 61);
  give(right, from);
  give(right, to);
  maker.end_task(right);
  return maker.finish();
}

TEST(DiffTest, NamesTheOrderThatMakesItFail) {
  const json diff = difference_of(transfers(false), transfers(true));

  EXPECT_EQ(diff["is_same"], false);
  EXPECT_EQ(diff["first_difference"]["a_text"], "left's lock(to)");
  EXPECT_EQ(diff["first_difference"]["b_text"], "right's lock(to)");
  EXPECT_EQ(diff["differences"].size(), 1u);
}

TEST(DiffTest, SaysWhatEachTaskFirstDidOtherwise) {
  const json tasks = difference_of(transfers(false), transfers(true))["tasks"];

  ASSERT_EQ(tasks.size(), 2u);
  EXPECT_EQ(tasks[0]["task"], "left");
  EXPECT_EQ(tasks[0]["same_operations_count"], "1");
  EXPECT_EQ(tasks[0]["a"]["text"], "lock(to)");
  EXPECT_EQ(tasks[0]["b"]["text"], "lock(to) for ever");
  EXPECT_EQ(tasks[0]["b"]["is_done"], false);
}

TEST(DiffTest, SaysWhatEndedOtherwise) {
  const json diff = difference_of(transfers(false), transfers(true));

  EXPECT_THAT(diff["ends"].dump(),
              AllOf(HasSubstr(R"("a":"free","b":"held by left since)"),
                    HasSubstr(R"("a":"ended","b":"parked in lock(to), held by right since)")));
  ASSERT_EQ(diff["findings"]["only_b"].size(), 1u);
  EXPECT_EQ(diff["findings"]["only_b"][0]["kind"], "deadlock");
}

TEST(DiffTest, FoldersOfTheSourcesDoNotMatter) {
  const json diff =
      difference_of(transfers(true), transfers(true, "/home/ci/runner-7/build/../pool.cpp"));

  EXPECT_EQ(diff["is_same"], true);
  EXPECT_EQ(diff["first_difference"], nullptr);
}

TEST(DiffTest, ThatOneHadToWaitIsNoDifferenceWhereTheOrderIsTheSame) {
  const auto trace = [](bool waits) {
    TraceMaker maker;
    const TaskId worker = maker.task("worker");
    if (waits)
      maker.event(maker.body(), Operation::kTaskJoin, to_number(worker), {.phase = Phase::kStart});
    maker.end_task(worker);
    maker.event(maker.body(), Operation::kTaskJoin, to_number(worker),
                {.phase = waits ? Phase::kDone : Phase::kBoth});
    return maker.finish();
  };

  EXPECT_EQ(difference_of(trace(false), trace(true))["is_same"], true);
}

TEST(DiffTest, WhetherAWaitForAConditionBeganBeforeItsSignalIsADifference) {
  const auto trace = [](bool waits_first) {
    TraceMaker maker;
    const std::uint32_t ready = maker.object(ObjectKind::kConditionVariable, "ready");
    const TaskId waiter = maker.task("waiter");
    const auto wait = [&] {
      maker.event(waiter, Operation::kConditionWait, ready, {.phase = Phase::kStart, .line = 50});
    };
    if (waits_first) wait();
    maker.event(maker.body(), Operation::kConditionNotifyOne, ready,
                {.value = waits_first ? 1 : 0, .line = 60});
    if (!waits_first) wait();
    return maker.finish();
  };

  const json first = difference_of(trace(true), trace(false))["first_difference"];

  EXPECT_THAT(first["a_text"].get<std::string>(), HasSubstr("waiter's wait(ready)"));
  EXPECT_EQ(first["b_text"], "main's notify_one(ready): nobody waits");
}

TEST(DiffTest, WhichOfTwoUnrelatedStepsCameFirstIsNoDifference) {
  const auto trace = [](bool is_swapped) {
    TraceMaker maker;
    const TaskId one = maker.task("one");
    const TaskId other = maker.task("other");
    const std::uint32_t mine = maker.object(ObjectKind::kMutex, "mine");
    const std::uint32_t yours = maker.object(ObjectKind::kMutex, "yours");
    const auto lock_mine = [&] { maker.event(one, Operation::kLock, mine, {.line = 50}); };
    if (!is_swapped) lock_mine();
    maker.event(other, Operation::kLock, yours, {.line = 60});
    if (is_swapped) lock_mine();
    return maker.finish();
  };

  EXPECT_EQ(difference_of(trace(false), trace(true))["is_same"], true);
}

TEST(DiffTest, TasksAreToldApartByTheirStartsAndNotByTheirNumbers) {
  const auto trace = [](bool is_late) {
    TraceMaker maker;
    if (is_late) maker.task("logger", 80);  // So that all others have another number.
    const std::uint32_t jobs = maker.channel("jobs", 9);
    const TaskId first = maker.task("worker", 88);
    const TaskId second = maker.task("worker", 88);
    maker.send(first, jobs, 1, Phase::kBoth, 97, 1);
    maker.send(second, jobs, 2, Phase::kBoth, 97, 2);
    return maker.finish();
  };

  const json diff = difference_of(trace(false), trace(true));

  ASSERT_EQ(diff["tasks"].size(), 2u);  // The body, which starts it, and the logger.
  EXPECT_EQ(diff["tasks"][0]["task"], "main");
  EXPECT_EQ(diff["tasks"][1]["task"], "logger");
  EXPECT_EQ(diff["tasks"][1]["is_in_a"], false);
}

TEST(DiffTest, ObjectsWithoutANameAreToldApartByWhoUsesThem) {
  const auto trace = [](bool is_swapped) {
    TraceMaker maker;
    const TaskId one = maker.task("one");
    const TaskId other = maker.task("other");
    const std::uint32_t mine = maker.object(ObjectKind::kMutex, "", 0, 31);
    const std::uint32_t yours = maker.object(ObjectKind::kMutex, "", 0, 31);
    const auto lock_mine = [&] { maker.event(one, Operation::kLock, mine, {.line = 50}); };
    if (!is_swapped) lock_mine();
    maker.event(other, Operation::kLock, yours, {.line = 60});
    if (is_swapped) lock_mine();
    return maker.finish();
  };

  EXPECT_EQ(difference_of(trace(false), trace(true))["is_same"], true);
}

TEST(DiffTest, LinesMayMoveWhereTheProgramWasBuiltAnew) {
  const auto trace = [](const std::string& build_id, std::uint32_t line) {
    TraceMaker maker;
    const std::uint32_t jobs = maker.channel("jobs", 9, line - 2);
    maker.trace().header.build_id = build_id;
    maker.send(maker.body(), jobs, 1, Phase::kBoth, line, 1);
    return maker.finish();
  };

  EXPECT_EQ(difference_of(trace("aa", 97), trace("bb", 99))["is_same"], true);
  EXPECT_EQ(difference_of(trace("aa", 97), trace("aa", 99))["is_same"], false);
}

TEST(DiffTest, AKilledProcessHasDoneTheSameAsFarAsItCame) {
  Trace whole = make_loop(5).finish();
  Trace cut = whole;
  cut.end.reset();
  cut.streams.back().events.resize(3);

  const json diff = difference_of(whole, cut);

  EXPECT_EQ(diff["is_same"], false);
  EXPECT_EQ(diff["tasks"], json::array());
  EXPECT_THAT(diff["first_difference"]["b_text"].get<std::string>(), HasSubstr("killed"));
}

TEST(DiffTest, TheSameEventsMayEndOtherwise) {
  const Folder folder;
  folder.add(make_loop(2).finish(true), "a");
  folder.add(make_loop(2).finish(false), "b");

  const Ran ran = folder.run({"diff", "a.chantrace", "b.chantrace"});

  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.out, HasSubstr("the same 13 events in the same order, but they ended otherwise"));
}

TEST(DiffTest, EqualTracesAreOneLineAndWhatTheyAre) {
  const Folder folder;
  folder.add(make_loop(2).finish(), "a");
  folder.add(make_loop(2).finish(), "b");

  const Ran ran = folder.run({"diff", "a.chantrace", "b.chantrace"});

  EXPECT_EQ(ran.status, 0);
  EXPECT_THAT(ran.err, IsEmpty());
  EXPECT_EQ(ran.out,
            "Pool.Drains  the same 13 events in the same order\n"
            "  A  passed; 3 tasks, 13 events; a.chantrace\n"
            "  B  passed; 3 tasks, 13 events; b.chantrace\n");
}

TEST(DiffTest, FitsOnAScreen) {
  const Folder folder;
  folder.add(transfers(false), "passed");
  folder.add(transfers(true), "failed");

  const Ran ran = folder.run({"diff", "passed.chantrace", "failed.chantrace"});

  EXPECT_EQ(ran.status, 1);
  EXPECT_LE(std::count(ran.out.begin(), ran.out.end(), '\n'), 45) << ran.out;
  EXPECT_THAT(ran.out, AllOf(HasSubstr("A goes on with left's lock(to)\n"),
                             HasSubstr("B goes on with right's lock(to)\n")));
}

TEST(DiffTest, SaysThatTheTestsAreNotTheSame) {
  const Folder folder;
  folder.add(make_loop(2).finish(), "a");
  folder.add(make_leak().finish(false), "b");

  const Ran ran = folder.run({"diff", "a.chantrace", "b.chantrace"});

  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.out, HasSubstr("these are different tests: B is of Pool.ShutsDown"));
}

TEST(DiffTest, AnUnreadableTraceIsSaid) {
  const Folder folder;
  folder.add(make_loop(2).finish(), "a");
  folder.add_bytes("no trace", "b.chantrace");

  const Ran ran = folder.run({"diff", "a.chantrace", "b.chantrace"});

  EXPECT_EQ(ran.status, 3);
  EXPECT_THAT(ran.out, IsEmpty());
  EXPECT_THAT(ran.err, HasSubstr("b.chantrace"));
  EXPECT_EQ(folder.run({"diff", "a.chantrace"}).status, 2);
}

TEST(DiffTest, NamesAreHarmless) {
  const Folder folder;
  TraceMaker maker = make_leak("Pool.\x1b]0;owned\x07");
  maker.trace().tasks[1].label = "w\x1b[31m\u202e\n\r\t";
  folder.add(maker.finish(false), "a");
  folder.add(make_loop(2).finish(), "b");

  const Ran ran = folder.run({"diff", "a.chantrace", "b.chantrace"});

  EXPECT_TRUE(std::none_of(ran.out.begin(), ran.out.end(), [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\n') || c == 0x7f;
  })) << ran.out;
  EXPECT_THAT(ran.out, Not(HasSubstr("\u202e")));
}

}  // namespace
}  // namespace chantrace::replay
