// Lock orders that can deadlock, in traces of runs that did not.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "chantrace/trace.h"
#include "support/trace_builder.h"

namespace chantrace {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::vector<Finding> lock_orders(const TraceBuilder& builder) {
  std::vector<Finding> findings = analyze(builder.build());
  std::erase_if(findings,
                [](const Finding& finding) { return finding.kind != FindingKind::kLockOrder; });
  return findings;
}

class LockOrderTest : public testing::Test {
 protected:
  void take_both(TaskId task, ObjectId outer, ObjectId inner, std::uint32_t line) {
    builder.lock(task, outer, line);
    builder.lock(task, inner, line + 1);
    builder.unlock(task, inner, line + 2);
    builder.unlock(task, outer, line + 3);
  }
  void finish(const std::vector<TaskId>& tasks) {
    for (const TaskId task : tasks) builder.end(task);
    for (const TaskId task : tasks) builder.join(main, task, 90);
    builder.end(main);
  }

  TraceBuilder builder;
  TaskId main = builder.body();
  ObjectId mu = builder.mutex("mu");
  ObjectId nu = builder.mutex("nu");
};

TEST_F(LockOrderTest, TwoOrdersOfTwoTasksAreFound) {
  const TaskId left = builder.go(main, "left", 1);
  const TaskId right = builder.go(main, "right", 2);
  take_both(left, mu, nu, 10);
  take_both(right, nu, mu, 20);
  finish({left, right});

  const std::vector<Finding> findings = lock_orders(builder);

  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings[0].certainty, Certainty::kPossible);
  EXPECT_EQ(findings[0].summary, "mu and nu are locked in two orders, which can deadlock");
  ASSERT_THAT(findings[0].participants, SizeIs(2));
  EXPECT_EQ(findings[0].participants[0].text, "locked nu while it held mu since test.cpp:10;");
  EXPECT_EQ(findings[0].participants[1].text, "locked mu while it held nu since test.cpp:20;");
  EXPECT_THAT(findings[0].sites, SizeIs(4));
}

TEST_F(LockOrderTest, OneOrderIsNone) {
  const TaskId left = builder.go(main, "left", 1);
  const TaskId right = builder.go(main, "right", 2);
  take_both(left, mu, nu, 10);
  take_both(right, mu, nu, 20);
  finish({left, right});

  EXPECT_THAT(lock_orders(builder), IsEmpty());
}

TEST_F(LockOrderTest, TwoOrdersOfOneTaskAreNone) {
  const TaskId left = builder.go(main, "left", 1);
  take_both(left, mu, nu, 10);
  take_both(left, nu, mu, 20);
  finish({left});

  EXPECT_THAT(lock_orders(builder), IsEmpty());
}

TEST_F(LockOrderTest, AGateLockKeepsThemApart) {
  const ObjectId gate = builder.mutex("gate");
  const TaskId left = builder.go(main, "left", 1);
  const TaskId right = builder.go(main, "right", 2);
  builder.lock(left, gate, 9);
  take_both(left, mu, nu, 10);
  builder.unlock(left, gate, 15);
  builder.lock(right, gate, 19);
  take_both(right, nu, mu, 20);
  builder.unlock(right, gate, 25);
  finish({left, right});

  EXPECT_THAT(lock_orders(builder), IsEmpty());
}

TEST_F(LockOrderTest, AGateThatBothOnlyReadDoesNot) {
  const ObjectId gate = builder.object(ObjectKind::kSharedMutex, "gate");
  const TaskId left = builder.go(main, "left", 1);
  const TaskId right = builder.go(main, "right", 2);
  builder.both(left, Operation::kLockShared, gate, 9);
  take_both(left, mu, nu, 10);
  builder.both(left, Operation::kUnlockShared, gate, 15);
  builder.both(right, Operation::kLockShared, gate, 19);
  take_both(right, nu, mu, 20);
  builder.both(right, Operation::kUnlockShared, gate, 25);
  finish({left, right});

  EXPECT_THAT(lock_orders(builder), SizeIs(1));
}

TEST_F(LockOrderTest, AJoinBetweenKeepsThemApart) {
  const TaskId left = builder.go(main, "left", 1);
  take_both(left, mu, nu, 10);
  builder.end(left);
  builder.join(main, left, 3);
  const TaskId right = builder.go(main, "right", 4);
  take_both(right, nu, mu, 20);
  builder.end(right);
  builder.join(main, right, 5);
  builder.end(main);

  EXPECT_THAT(lock_orders(builder), IsEmpty());
}

TEST_F(LockOrderTest, WhatTheParentDidBeforeItStartedTheChildIsKeptApart) {
  take_both(main, mu, nu, 10);
  const TaskId child = builder.go(main, "child", 1);
  take_both(child, nu, mu, 20);
  finish({child});

  EXPECT_THAT(lock_orders(builder), IsEmpty());
}

TEST_F(LockOrderTest, WhatTheParentDoesAfterwardsIsNot) {
  const TaskId child = builder.go(main, "child", 1);
  take_both(main, mu, nu, 10);
  take_both(child, nu, mu, 20);
  finish({child});

  EXPECT_THAT(lock_orders(builder), SizeIs(1));
}

TEST_F(LockOrderTest, FivePhilosophersAreACircleOfFive) {
  std::vector<ObjectId> forks;
  for (int i = 0; i < 5; ++i) forks.push_back(builder.mutex("fork-" + std::to_string(i)));
  std::vector<TaskId> tasks;
  for (std::uint32_t i = 0; i < 5; ++i) tasks.push_back(builder.go(main, "philosopher", i + 1));
  for (std::uint32_t i = 0; i < 5; ++i) take_both(tasks[i], forks[i], forks[(i + 1) % 5], 10 * i);
  finish(tasks);

  const std::vector<Finding> findings = lock_orders(builder);

  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_THAT(findings[0].participants, SizeIs(5));
  EXPECT_THAT(findings[0].summary, HasSubstr("locked in a circle"));
}

TEST_F(LockOrderTest, APhilosopherWhoTakesTheOtherForkFirstBreaksIt) {
  std::vector<ObjectId> forks;
  for (int i = 0; i < 5; ++i) forks.push_back(builder.mutex("fork-" + std::to_string(i)));
  std::vector<TaskId> tasks;
  for (std::uint32_t i = 0; i < 5; ++i) tasks.push_back(builder.go(main, "philosopher", i + 1));
  for (std::uint32_t i = 0; i < 4; ++i) take_both(tasks[i], forks[i], forks[i + 1], 10 * i + 10);
  take_both(tasks[4], forks[0], forks[4], 60);
  finish(tasks);

  EXPECT_THAT(lock_orders(builder), IsEmpty());
}

TEST_F(LockOrderTest, ALockThatIsOnlyTriedClosesNoCircle) {
  const TaskId left = builder.go(main, "left", 1);
  const TaskId right = builder.go(main, "right", 2);
  take_both(left, mu, nu, 10);
  builder.lock(right, nu, 20);
  builder.both(right, Operation::kLock, mu, 21, {.detail = 1});
  builder.unlock(right, mu, 22);
  builder.unlock(right, nu, 23);
  finish({left, right});

  EXPECT_THAT(lock_orders(builder), IsEmpty());
}

TEST_F(LockOrderTest, TwoReadersInTwoOrdersAreNone) {
  const ObjectId a = builder.object(ObjectKind::kSharedMutex, "a");
  const ObjectId b = builder.object(ObjectKind::kSharedMutex, "b");
  const TaskId left = builder.go(main, "left", 1);
  const TaskId right = builder.go(main, "right", 2);
  for (const auto& [task, outer, inner] : {std::tuple(left, a, b), std::tuple(right, b, a)}) {
    builder.both(task, Operation::kLockShared, outer, 10);
    builder.both(task, Operation::kLockShared, inner, 11);
    builder.both(task, Operation::kUnlockShared, inner, 12);
    builder.both(task, Operation::kUnlockShared, outer, 13);
  }
  finish({left, right});

  EXPECT_THAT(lock_orders(builder), IsEmpty());
}

class SharedTwiceTest : public LockOrderTest {
 protected:
  void read_twice(TaskId task) {
    builder.both(task, Operation::kLockShared, table, 10);
    builder.both(task, Operation::kLockShared, table, 11);
    builder.both(task, Operation::kUnlockShared, table, 12);
    builder.both(task, Operation::kUnlockShared, table, 13);
  }

  ObjectId table = builder.object(ObjectKind::kSharedMutex, "table");
};

TEST_F(SharedTwiceTest, AReaderThatLocksAgainCanDeadlockWithAWriter) {
  const TaskId reader = builder.go(main, "reader", 1);
  const TaskId writer = builder.go(main, "writer", 2);
  read_twice(reader);
  builder.lock(writer, table, 20);
  builder.unlock(writer, table, 21);
  finish({reader, writer});

  const std::vector<Finding> findings = lock_orders(builder);

  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings[0].summary,
            "reader locks table shared twice, which can deadlock with a writer between");
}

TEST_F(SharedTwiceTest, WithoutAWriterItIsNone) {
  const TaskId reader = builder.go(main, "reader", 1);
  read_twice(reader);
  finish({reader});

  EXPECT_THAT(lock_orders(builder), IsEmpty());
}

TEST_F(LockOrderTest, TheSamePlacesAreReportedOnce) {
  std::vector<TaskId> tasks;
  for (std::uint32_t i = 0; i < 20; ++i) tasks.push_back(builder.go(main, "worker", 1));
  for (std::uint32_t i = 0; i < 20; ++i)
    take_both(tasks[i], i % 2 == 0 ? mu : nu, i % 2 == 0 ? nu : mu, i % 2 == 0 ? 10 : 20);
  finish(tasks);

  EXPECT_THAT(lock_orders(builder), SizeIs(1));
}

}  // namespace
}  // namespace chantrace
