#include "chantrace/mutex.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "chantrace/channel.h"
#include "chantrace/task.h"
#include "support/run_on_threads.h"
#include "support/until_parked.h"

namespace chantrace {
namespace {

using namespace std::chrono_literals;

TEST(MutexTest, KeepsOthersOut) {
  Mutex mutex("mutex");
  int count = 0;
  std::vector<Task> tasks;
  for (int i = 0; i < 4; ++i) {
    tasks.push_back(go("counter", [&] {
      for (int step = 0; step < 2'000; ++step) {
        const std::scoped_lock lock(mutex);
        ++count;
      }
    }));
  }
  for (const Task& task : tasks) task.join();

  EXPECT_EQ(count, 8'000);
}

TEST(MutexTest, TryFormsFailWhileItIsLocked) {
  Mutex mutex;
  mutex.lock();

  go("other", [&] {
    EXPECT_FALSE(mutex.try_lock());
    EXPECT_FALSE(mutex.try_lock_for(1ms));
    EXPECT_FALSE(mutex.try_lock_for(0ms));
    EXPECT_FALSE(mutex.try_lock_for(-1h));
  }).join();
  mutex.unlock();

  EXPECT_TRUE(mutex.try_lock());
  mutex.unlock();
  EXPECT_TRUE(mutex.try_lock_for(0ms));
  mutex.unlock();
}

TEST(MutexTest, TimedLockIsInTime) {
  Mutex mutex;
  mutex.lock();
  const Task other = go("other", [&] {
    EXPECT_TRUE(mutex.try_lock_for(std::chrono::hours::max()));
    mutex.unlock();
  });
  until_parked("other");

  mutex.unlock();
  other.join();
}

TEST(MutexTest, LetsWaitersInAsTheyCame) {
  Mutex mutex;
  std::vector<int> order;
  std::vector<Task> tasks;
  mutex.lock();
  for (int i = 0; i < 4; ++i) {
    tasks.push_back(go("waiter", [&, i] {
      const std::scoped_lock lock(mutex);
      order.push_back(i);
    }));
    until_parked("waiter", static_cast<std::size_t>(i) + 1);
  }

  mutex.unlock();
  for (const Task& task : tasks) task.join();

  EXPECT_EQ(order, (std::vector{0, 1, 2, 3}));
}

TEST(MutexTest, WaiterIsNotOvertakenForEver) {
  Mutex mutex;
  std::atomic<bool> is_over = false;
  const Task hog = go("hog", [&] {
    while (!is_over.load()) {
      const std::scoped_lock lock(mutex);
    }
  });
  for (int i = 0; i < 100; ++i) {
    const std::scoped_lock lock(mutex);
  }
  is_over.store(true);
  hog.join();
}

TEST(MutexTest, WorksWithTheStandardsLocks) {
  Mutex first;
  Mutex second;
  {
    const std::scoped_lock both(first, second);
    go("other", [&] { EXPECT_FALSE(first.try_lock() || second.try_lock()); }).join();
  }
  std::unique_lock lock(first, std::defer_lock);
  EXPECT_TRUE(lock.try_lock());
  lock.unlock();
  EXPECT_EQ(std::try_lock(first, second), -1);
  first.unlock();
  second.unlock();
}

TEST(MutexTest, UnlockOfAnUnlockedOneThrows) {
  Mutex mutex("idle");

  EXPECT_THROW(mutex.unlock(), NotLocked);
}

TEST(MutexTest, AnotherTaskMayUnlockWhichIsNoted) {
  const ThreadsRun run = run_on_threads([] {
    Mutex mutex("handed over");
    mutex.lock();
    go("other", [&] { mutex.unlock(); }).join();
    EXPECT_TRUE(mutex.try_lock());
    mutex.unlock();
  });

  EXPECT_TRUE(run.faults().empty()) << run.to_string();
  const Finding* const note = run.find(FindingKind::kForeignUnlock);
  ASSERT_NE(note, nullptr) << run.to_string();
  EXPECT_EQ(note->certainty, Certainty::kNote);
}

TEST(MutexTest, LockingTwiceIsADeadlockOfOne) {
  const ThreadsRun run = run_on_threads([] {
    Mutex mutex("again");
    const std::scoped_lock lock(mutex);
    mutex.lock();
  });

  EXPECT_TRUE(run.body_was_stuck);
  const Finding* const finding = run.find(FindingKind::kDeadlock);
  ASSERT_NE(finding, nullptr) << run.to_string();
  EXPECT_EQ(finding->participants.size(), 1u);
}

TEST(MutexTest, OppositeOrdersAreADeadlockOfTwo) {
  const ThreadsRun run = run_on_threads([] {
    const auto mutexes = std::make_shared<std::array<Mutex, 2>>();
    const Channel<int> met("met");
    const auto lock_both = [=](std::size_t first, bool sends) {
      const std::scoped_lock lock((*mutexes)[first]);
      if (sends)
        met.send(1);
      else
        met.recv();
      (*mutexes)[1 - first].lock();
    };
    go("left", [=] { lock_both(0, true); });
    go("right", [=] { lock_both(1, false); });
  });

  const Finding* const finding = run.find(FindingKind::kDeadlock);
  ASSERT_NE(finding, nullptr) << run.to_string();
  EXPECT_EQ(finding->participants.size(), 2u);
  EXPECT_EQ(run.end.abandoned, 0u);
}

TEST(MutexTest, HeldByATaskThatEndedIsFound) {
  const ThreadsRun run = run_on_threads([] {
    const auto mutex = std::make_shared<Mutex>("forgotten");
    go("forgetful", [=] { mutex->lock(); }).join();
    go("next", [=] { mutex->lock(); });
  });

  EXPECT_FALSE(run.faults().empty());
  EXPECT_NE(run.to_string().find("forgotten"), std::string::npos) << run.to_string();
  EXPECT_NE(run.to_string().find("forgetful"), std::string::npos) << run.to_string();
}

TEST(MutexTest, ManyHeldAtOnceAreGivenBackWhenUnwound) {
  std::array<Mutex, 40> mutexes;
  const ThreadsRun run = run_on_threads([&] {
    go("collector", [&] {
      std::vector<std::unique_lock<Mutex>> locks;
      for (Mutex& mutex : mutexes) locks.emplace_back(mutex);
      Channel<int>("never").recv();
    });
  });

  EXPECT_EQ(run.end.abandoned, 0u);
  EXPECT_NE(run.find(FindingKind::kLeaked), nullptr) << run.to_string();
  for (Mutex& mutex : mutexes) {
    ASSERT_TRUE(mutex.try_lock());
    mutex.unlock();
  }
}

TEST(MutexTest, OneOfTheProgramServesManyExecutions) {
  static Mutex mutex;
  for (int i = 0; i < 3; ++i) {
    const ThreadsRun run = run_on_threads([&] {
      const std::scoped_lock lock(mutex);
      go("other", [&] { EXPECT_FALSE(mutex.try_lock()); }).join();
    });
    EXPECT_TRUE(run.faults().empty()) << run.to_string();
  }
}

TEST(MutexTest, HostThreadsTakePart) {
  Mutex mutex;
  int count = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      for (int step = 0; step < 1'000; ++step) {
        const std::scoped_lock lock(mutex);
        ++count;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();

  EXPECT_EQ(count, 3'000);
}

}  // namespace
}  // namespace chantrace
