#include "chantrace/semaphore.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <vector>

#include "chantrace/task.h"
#include "support/run_on_threads.h"
#include "support/until_parked.h"

namespace chantrace {
namespace {

using namespace std::chrono_literals;

TEST(SemaphoreTest, GivesAsManyPermitsAsItHas) {
  Semaphore semaphore("permits", 2);

  EXPECT_TRUE(semaphore.try_acquire());
  semaphore.acquire();
  EXPECT_FALSE(semaphore.try_acquire());
  semaphore.release();
  EXPECT_TRUE(semaphore.try_acquire());
}

TEST(SemaphoreTest, TimedAcquireGivesUpOrIsInTime) {
  Semaphore semaphore(0);

  EXPECT_FALSE(semaphore.try_acquire_for(1ms));
  EXPECT_FALSE(semaphore.try_acquire_for(0ms));
  const Task waiter =
      go("waiter", [&] { EXPECT_TRUE(semaphore.try_acquire_for(std::chrono::hours::max())); });
  until_parked("waiter");
  semaphore.release();
  waiter.join();
  EXPECT_FALSE(semaphore.try_acquire());
}

TEST(SemaphoreTest, ServesThoseThatWaitAsTheyCame) {
  Semaphore semaphore(0);
  std::vector<Task> waiters;
  for (std::size_t i = 0; i < 3; ++i) {
    waiters.push_back(go("waiter", [&] { semaphore.acquire(); }));
    until_parked("waiter", i + 1);
  }

  semaphore.release();
  waiters[0].join();
  EXPECT_FALSE(waiters[1].has_ended());
  semaphore.release(2);
  waiters[1].join();
  waiters[2].join();
  EXPECT_FALSE(semaphore.try_acquire());
}

TEST(SemaphoreTest, LimitsThoseInside) {
  Semaphore semaphore("limit", 3);
  Semaphore all("all", 0);
  std::atomic<int> inside = 0;
  std::atomic<int> most = 0;
  for (int i = 0; i < 8; ++i) {
    go("worker", [&] {
      for (int step = 0; step < 200; ++step) {
        semaphore.acquire();
        const int now_inside = inside.fetch_add(1) + 1;
        int seen = most.load();
        while (seen < now_inside && !most.compare_exchange_weak(seen, now_inside)) {
        }
        yield();
        inside.fetch_sub(1);
        semaphore.release();
      }
      all.release();
    });
  }
  for (int i = 0; i < 8; ++i) all.acquire();

  EXPECT_LE(most.load(), 3);
}

TEST(SemaphoreTest, MissingReleaseIsFound) {
  const ThreadsRun run = run_on_threads([] {
    Semaphore semaphore("empty", 0);
    semaphore.acquire();
  });

  EXPECT_TRUE(run.body_was_stuck);
  EXPECT_NE(run.find(FindingKind::kBlocked), nullptr) << run.to_string();
}

}  // namespace
}  // namespace chantrace
