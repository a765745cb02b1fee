#include "chantrace/condition_variable.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <mutex>
#include <vector>

#include "chantrace/channel.h"
#include "chantrace/task.h"
#include "support/run_on_threads.h"
#include "support/until_parked.h"

namespace chantrace {
namespace {

using namespace std::chrono_literals;

struct Monitor {
  Mutex mutex{"monitor"};
  ConditionVariable changed{"changed"};
  int value = 0;
};

TEST(ConditionVariableTest, NotificationWakesAWaiter) {
  Monitor monitor;
  const Task waiter = go("waiter", [&] {
    std::unique_lock lock(monitor.mutex);
    monitor.changed.wait(lock, [&] { return monitor.value == 1; });
    EXPECT_TRUE(lock.owns_lock());
  });
  until_parked("waiter");
  {
    const std::scoped_lock lock(monitor.mutex);
    monitor.value = 1;
    monitor.changed.notify_one();
  }
  waiter.join();
}

TEST(ConditionVariableTest, NotifyOneWakesOneAndAllWakesAll) {
  Monitor monitor;
  std::vector<Task> waiters;
  for (int i = 0; i < 3; ++i) {
    waiters.push_back(go("waiter", [&, i] {
      std::unique_lock lock(monitor.mutex);
      monitor.changed.wait(lock);
      monitor.value += 1 << i;
    }));
    until_parked("waiter", static_cast<std::size_t>(i) + 1);
  }

  monitor.changed.notify_one();
  waiters[0].join();
  {
    const std::scoped_lock lock(monitor.mutex);
    EXPECT_EQ(monitor.value, 1) << "the first that came";
  }
  monitor.changed.notify_all();
  waiters[1].join();
  waiters[2].join();
  EXPECT_EQ(monitor.value, 7);
}

TEST(ConditionVariableTest, WaitGivesTheMutexBackAndTakesItAgain) {
  Monitor monitor;
  const Task waiter = go("waiter", [&] {
    std::unique_lock lock(monitor.mutex);
    monitor.changed.wait(lock);
    EXPECT_EQ(monitor.value, 1);
  });
  until_parked("waiter");

  monitor.mutex.lock();
  monitor.changed.notify_one();
  monitor.value = 1;
  monitor.mutex.unlock();
  waiter.join();
}

TEST(ConditionVariableTest, TimedWaitGivesUpWithTheMutexHeld) {
  Monitor monitor;
  std::unique_lock lock(monitor.mutex);

  EXPECT_EQ(monitor.changed.wait_for(lock, 1ms), std::cv_status::timeout);
  EXPECT_EQ(monitor.changed.wait_for(lock, 0ms), std::cv_status::timeout);
  EXPECT_FALSE(monitor.changed.wait_for(lock, 1ms, [] { return false; }));
  EXPECT_TRUE(monitor.changed.wait_for(lock, 1ms, [] { return true; }));
  go("other", [&] { EXPECT_FALSE(monitor.mutex.try_lock()); }).join();
}

TEST(ConditionVariableTest, TimedWaitIsInTime) {
  Monitor monitor;
  const Task waiter = go("waiter", [&] {
    std::unique_lock lock(monitor.mutex);
    EXPECT_TRUE(monitor.changed.wait_for(lock, 1h, [&] { return monitor.value == 1; }));
    EXPECT_EQ(monitor.changed.wait_for(lock, std::chrono::hours::max()),
              std::cv_status::no_timeout);
  });
  until_parked("waiter");
  monitor.mutex.lock();
  monitor.value = 1;
  monitor.mutex.unlock();
  while (!waiter.has_ended()) {
    monitor.changed.notify_all();
    yield();
  }
}

TEST(ConditionVariableTest, WaitWithoutTheLockThrowsAndLeavesNoWaiter) {
  Monitor monitor;

  EXPECT_THROW(monitor.changed.wait(monitor.mutex), NotLocked);

  monitor.changed.notify_all();
  EXPECT_TRUE(monitor.mutex.try_lock());
  monitor.mutex.unlock();
}

TEST(ConditionVariableTest, MutexMayBeLockedByAnother) {
  const ThreadsRun run = run_on_threads([] {
    Monitor monitor;
    monitor.mutex.lock();
    const Task waiter = go("waiter", [&] { monitor.changed.wait(monitor.mutex); });
    until_parked("waiter");
    monitor.mutex.lock();
    monitor.changed.notify_one();
    monitor.mutex.unlock();
    waiter.join();
    monitor.mutex.unlock();
  });

  EXPECT_TRUE(run.faults().empty()) << run.to_string();
}

TEST(ConditionVariableTest, SignalThatCameTooEarlyIsFound) {
  const ThreadsRun run = run_on_threads([] {
    const auto monitor = std::make_shared<Monitor>();
    monitor->changed.notify_one();
    go("late", [=] {
      std::unique_lock lock(monitor->mutex);
      monitor->changed.wait(lock);
    });
  });

  EXPECT_NE(run.to_string().find("found nobody waiting"), std::string::npos) << run.to_string();
  EXPECT_FALSE(run.faults().empty());
  EXPECT_EQ(run.end.abandoned, 0u);
}

TEST(ConditionVariableTest, WaiterThatNobodyNotifiesIsUnwoundAndGivesTheMutexBack) {
  Monitor monitor;
  const ThreadsRun run = run_on_threads([&] {
    go("waiter", [&] {
      std::unique_lock lock(monitor.mutex);
      monitor.changed.wait(lock, [] { return false; });
    });
  });

  EXPECT_NE(run.find(FindingKind::kLeaked), nullptr) << run.to_string();
  EXPECT_EQ(run.end.abandoned, 0u);
  EXPECT_TRUE(monitor.mutex.try_lock());
  monitor.mutex.unlock();
}

TEST(ConditionVariableTest, PassesTurnsWithoutLosingAny) {
  Monitor monitor;
  constexpr int kTurns = 2'000;
  const auto take_turns = [&](int parity) {
    for (int i = 0; i < kTurns; ++i) {
      std::unique_lock lock(monitor.mutex);
      monitor.changed.wait(lock, [&] { return monitor.value % 2 == parity; });
      ++monitor.value;
      monitor.changed.notify_one();
    }
  };
  const Task even = go("even", [&] { take_turns(0); });
  const Task odd = go("odd", [&] { take_turns(1); });
  even.join();
  odd.join();

  EXPECT_EQ(monitor.value, 2 * kTurns);
}

}  // namespace
}  // namespace chantrace
