#include "chantrace/task.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "chantrace/channel.h"
#include "support/run_on_threads.h"
#include "support/until_parked.h"

namespace chantrace {
namespace {

TEST(TaskTest, RunsItsFunctionAndCanBeJoined) {
  int result = 0;

  const Task task = go("worker", [&] { result = 42; });
  task.join();

  EXPECT_EQ(result, 42);
  EXPECT_TRUE(task.has_ended());
  task.join();
}

TEST(TaskTest, JoinWaits) {
  const Channel<int> gate("gate");
  const Task worker = go("worker", [=] { gate.recv(); });
  const Task joiner = go("joiner", [&] { worker.join(); });
  until_parked("joiner");

  EXPECT_FALSE(worker.has_ended());
  EXPECT_FALSE(joiner.has_ended());
  gate.close();
  joiner.join();
  EXPECT_TRUE(worker.has_ended());
}

TEST(TaskTest, GoesOnWhenItsHandleIsDropped) {
  const Channel<int> channel("channel");

  go("worker", [=] { channel.send(1); });

  EXPECT_EQ(channel.recv(), 1);
}

TEST(TaskTest, HandlesMove) {
  Task empty;
  Task task = go("worker", [] {});
  Task moved = std::move(task);

  EXPECT_FALSE(empty.joinable());
  EXPECT_FALSE(task.joinable());  // NOLINT: what is left of it is defined.
  EXPECT_TRUE(moved.joinable());
  empty.join();
  empty = std::move(moved);
  EXPECT_TRUE(empty.joinable());
  empty.join();
}

TEST(TaskTest, FunctionMayBeMoveOnly) {
  auto number = std::make_unique<int>(5);
  int seen = 0;

  go("mover", [&seen, owned = std::move(number)] { seen = *owned; }).join();

  EXPECT_EQ(seen, 5);
}

TEST(TaskTest, FunctionDiesWithItsTask) {
  const auto watched = std::make_shared<int>(1);

  go("holder", [watched] {}).join();

  EXPECT_EQ(watched.use_count(), 1);
}

TEST(TaskTest, IdsCountFromOneInEachExecution) {
  for (int round = 0; round < 2; ++round) {
    run_on_threads([] {
      EXPECT_EQ(current_task_id(), TaskId{1});
      const Task first = go("first", [] { EXPECT_EQ(current_task_id(), TaskId{2}); });
      const Task second = go([] { EXPECT_EQ(current_task_label(), "task 3"); });
      EXPECT_EQ(first.id(), TaskId{2});
      EXPECT_EQ(second.id(), TaskId{3});
      first.join();
      second.join();
    });
  }
}

TEST(TaskTest, KnowsItsParentAndWhereItWasStarted) {
  std::uint32_t line = 0;
  const ThreadsRun run = run_on_threads([&] {
    go("parent", [&] {
      line = __LINE__ + 1;
      go("child", [] { Channel<int>("never").recv(); });
    });
  });

  const TaskState* const parent = run.find_task("parent");
  const TaskState* const child = run.find_task("child");
  ASSERT_NE(parent, nullptr);
  ASSERT_NE(child, nullptr);
  EXPECT_EQ(child->parent, parent->id);
  EXPECT_EQ(child->started_at.line, line);
  EXPECT_EQ(child->status, TaskStatus::kParked);
  EXPECT_EQ(parent->status, TaskStatus::kEnded);
}

TEST(TaskTest, ExceptionEndsTheTaskAndIsFound) {
  const ThreadsRun run = run_on_threads([] {
    const Task task = go("thrower", [] { throw std::runtime_error("too bad"); });
    task.join();
    EXPECT_TRUE(task.has_ended());
  });

  const Finding* const finding = run.find(FindingKind::kException);
  ASSERT_NE(finding, nullptr) << run.to_string();
  EXPECT_NE(run.to_string().find("std::runtime_error: too bad"), std::string::npos)
      << run.to_string();
}

TEST(TaskTest, AnyTypeMayBeThrown) {
  const ThreadsRun run = run_on_threads([] { go("thrower", [] { throw 7; }).join(); });

  ASSERT_NE(run.find(FindingKind::kException), nullptr) << run.to_string();
  EXPECT_NE(run.to_string().find("int"), std::string::npos) << run.to_string();
}

TEST(TaskTest, MisuseThatEscapesIsItsOwnKindOfFinding) {
  const ThreadsRun run = run_on_threads([] {
    go("sender", [] {
      const Channel<int> channel("closed");
      channel.close();
      channel.send(1);
    }).join();
  });

  const Finding* const finding = run.find(FindingKind::kSendOnClosed);
  ASSERT_NE(finding, nullptr) << run.to_string();
  EXPECT_EQ(finding->certainty, Certainty::kCertain);
}

TEST(TaskTest, MisuseThatIsCaughtIsANote) {
  const ThreadsRun run = run_on_threads([] {
    const Channel<int> channel("closed");
    channel.close();
    EXPECT_THROW(channel.close(), ChannelClosed);
  });

  EXPECT_TRUE(run.faults().empty()) << run.to_string();
  ASSERT_NE(run.find(FindingKind::kDoubleClose), nullptr) << run.to_string();
}

TEST(TaskTest, TasksThatJoinEachOtherAreADeadlock) {
  const ThreadsRun run = run_on_threads([] {
    const auto second = std::make_shared<Task>();
    const Channel<int> ready("ready");
    const auto first = std::make_shared<Task>(go("first", [=] {
      ready.recv();
      second->join();
    }));
    *second = go("second", [=] { first->join(); });
    ready.close();
  });

  const Finding* const finding = run.find(FindingKind::kDeadlock);
  ASSERT_NE(finding, nullptr) << run.to_string();
  EXPECT_EQ(finding->participants.size(), 2u);
}

TEST(TaskTest, ManyTasksInARowUseFewResources) {
  std::atomic<int> count = 0;
  for (int i = 0; i < 2'000; ++i) go("short", [&] { count.fetch_add(1); }).join();

  EXPECT_EQ(count.load(), 2'000);
}

TEST(TaskTest, ChoicesAreBelowTheirCountAndCoverIt) {
  std::vector<int> seen(5);
  for (int i = 0; i < 2'000; ++i) {
    const std::uint32_t chosen = choose(5);
    ASSERT_LT(chosen, 5u);
    ++seen[chosen];
  }

  for (const int times : seen) EXPECT_NEAR(times, 400, 250);  // 14 standard deviations.
  EXPECT_EQ(choose(1), 0u);
}

TEST(TaskTest, YieldReturns) {
  for (int i = 0; i < 10; ++i) yield();
}

TEST(TaskTest, HostThreadIsATaskOnceItDoesSomething) {
  const ThreadsRun run = run_on_threads([] {
    const Channel<int> channel("channel");
    std::thread host([&] {
      pthread_setname_np(pthread_self(), "helper");
      channel.send(1);
    });
    channel.recv();
    host.join();
  });

  const TaskState* const host = run.find_task("helper");
  ASSERT_NE(host, nullptr);
  EXPECT_TRUE(host->is_host);
  EXPECT_EQ(host->status, TaskStatus::kEnded);
  EXPECT_TRUE(run.faults().empty()) << run.to_string();
}

TEST(TaskTest, BodyIsNamedAsSuch) {
  const ThreadsRun run = run_on_threads([] { yield(); });

  ASSERT_FALSE(run.state.tasks.empty());
  EXPECT_TRUE(run.state.tasks.front().is_body);
}

}  // namespace
}  // namespace chantrace
