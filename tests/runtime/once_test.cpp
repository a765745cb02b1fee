#include "chantrace/once.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <vector>

#include "chantrace/channel.h"
#include "chantrace/task.h"
#include "support/run_on_threads.h"
#include "support/until_parked.h"

namespace chantrace {
namespace {

TEST(OnceTest, RunsTheFirstFunctionOnly) {
  Once once("once");
  int calls = 0;

  once.call([&] { calls += 1; });
  once.call([&] { calls += 10; });

  EXPECT_EQ(calls, 1);
}

TEST(OnceTest, OthersWaitForTheRun) {
  Once once;
  const Channel<int> gate("gate");
  std::atomic<int> calls = 0;
  std::vector<Task> tasks;
  tasks.push_back(go("runner", [&] {
    once.call([&] {
      gate.recv();
      calls.fetch_add(1);
    });
  }));
  until_parked("runner");
  for (int i = 0; i < 3; ++i) {
    tasks.push_back(go("waiter", [&] {
      once.call([&] { calls.fetch_add(10); });
      EXPECT_EQ(calls.load(), 1);
    }));
  }
  until_parked("waiter", 3);

  gate.send(1);
  for (const Task& task : tasks) task.join();

  EXPECT_EQ(calls.load(), 1);
}

TEST(OnceTest, NextCallerTriesWhenTheFunctionThrew) {
  Once once;
  const Channel<int> gate("gate");
  int calls = 0;
  const Task thrower = go("thrower", [&] {
    EXPECT_THROW(once.call([&] {
      gate.recv();
      throw std::runtime_error("failed");
    }),
                 std::runtime_error);
  });
  until_parked("thrower");
  const Task next = go("next", [&] { once.call([&] { ++calls; }); });
  until_parked("next");

  gate.send(1);
  thrower.join();
  next.join();
  once.call([&] { ++calls; });

  EXPECT_EQ(calls, 1);
}

TEST(OnceTest, CallFromInsideIsADeadlockOfOne) {
  const ThreadsRun run = run_on_threads([] {
    Once once("recursive");
    once.call([&] { once.call([] {}); });
  });

  EXPECT_TRUE(run.body_was_stuck);
  const Finding* const finding = run.find(FindingKind::kDeadlock);
  ASSERT_NE(finding, nullptr) << run.to_string();
  EXPECT_EQ(finding->participants.size(), 1u);
}

}  // namespace
}  // namespace chantrace
