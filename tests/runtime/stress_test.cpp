// Many tasks at many objects at once, for what only shows under load or under ThreadSanitizer.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "chantrace/chantrace.h"
#include "support/run_on_threads.h"

namespace chantrace {
namespace {

using namespace std::chrono_literals;

TEST(StressTest, TwoThousandTasksMeetAtAThousandChannels) {
  constexpr int kChannels = 1'000;
  std::int64_t sum = 0;

  const ThreadsRun run = run_on_threads([&] {
    const Channel<std::int64_t> results("results", 16);
    for (std::int64_t i = 0; i < kChannels; ++i) {
      const Channel<std::int64_t> channel("pair", static_cast<std::size_t>(i % 3));
      go("sender", [=] {
        channel.send(i);
        channel.close();
      });
      go("receiver", [=] {
        for (const std::int64_t value : channel) results.send(value);
      });
    }
    for (int i = 0; i < kChannels; ++i) sum += results.recv().value();
  });

  EXPECT_TRUE(run.faults().empty()) << run.to_string();
  EXPECT_EQ(sum, std::int64_t{kChannels} * (kChannels - 1) / 2);
  EXPECT_EQ(run.recorded.tasks, 2u * kChannels + 1);
  EXPECT_GE(run.recorded.objects, 1u * kChannels + 1);
}

TEST(StressTest, TwoThousandBlockedTasksAreFoundAndUnwound) {
  constexpr int kTasks = 2'000;

  const ThreadsRun run = run_on_threads([&] {
    const Channel<int> channel("never");
    for (int i = 0; i < kTasks; ++i) go("stuck", [=] { channel.recv(); });
  });

  EXPECT_EQ(run.faults().size(), 1u);
  EXPECT_EQ(run.end.abandoned, 0u);
}

/// Everything that the mixed operations meet at. What a lock guards is a plain number, so that
/// ThreadSanitizer sees a lock that does not work.
struct Meeting {
  Channel<int> unbuffered{"unbuffered"};
  Channel<int> narrow{"narrow", 1};
  Channel<std::unique_ptr<int>> wide{"wide", 8};
  Mutex mutex{"mutex"};
  ConditionVariable changed{"changed"};
  std::int64_t guarded_by_mutex = 0;
  SharedMutex shared_mutex{"shared mutex"};
  std::int64_t guarded_by_shared_mutex = 0;
  Semaphore semaphore{"semaphore", 1};
  std::int64_t guarded_by_semaphore = 0;
  WaitGroup group{"group"};
  Once once;
  int guarded_by_once = 0;
  Shared<int> shared{0, "shared"};
  Atomic<int> count{0, "count"};
  Context context = with_cancel(Context::background());
};

/// One operation, drawn at random, none of which waits for ever. Returns how often it added to what
/// each lock guards.
void do_something(Meeting& at, std::minstd_rand& random) {
  const auto value = static_cast<int>(random() % 1'000);
  switch (random() % 24) {
    case 0:
      at.unbuffered.try_send(value);
      break;
    case 1:
      at.unbuffered.try_recv();
      break;
    case 2:
      at.unbuffered.send_for(value, 20us);
      break;
    case 3:
      at.unbuffered.recv_for(20us);
      break;
    case 4:
      at.narrow.try_send(value);
      break;
    case 5:
      at.narrow.recv_for(20us);
      break;
    case 6:
      at.wide.try_send(std::make_unique<int>(value));
      break;
    case 7:
      at.wide.try_recv();
      break;
    case 8:
    case 9:
      select(on_send(at.unbuffered, value), on_recv(at.unbuffered), on_recv(at.narrow),
             on_timeout(20us));
      break;
    case 10:
      select(on_send(at.narrow, value), on_recv(at.wide), on_recv(at.wide), on_default());
      break;
    case 11:
      select(on_send(at.wide, std::make_unique<int>(value)), on_recv(at.unbuffered),
             on_recv(at.context.done()), on_timeout(20us));
      break;
    case 12: {
      const Channel<int> own("own");
      const Task closer = go("closer", [=] { own.close(); });
      own.recv();
      closer.join();
      break;
    }
    case 13:
    case 14: {
      const std::scoped_lock lock(at.mutex);
      ++at.guarded_by_mutex;
      at.changed.notify_one();
      break;
    }
    case 15: {
      std::unique_lock lock(at.mutex);
      at.changed.wait_for(lock, 20us);
      ++at.guarded_by_mutex;
      break;
    }
    case 16:
      if (at.mutex.try_lock_for(20us)) {
        ++at.guarded_by_mutex;
        at.changed.notify_all();
        at.mutex.unlock();
      }
      break;
    case 17: {
      const std::scoped_lock lock(at.shared_mutex);
      ++at.guarded_by_shared_mutex;
      break;
    }
    case 18:
    case 19: {
      const std::shared_lock lock(at.shared_mutex);
      EXPECT_GE(at.guarded_by_shared_mutex, 0);
      break;
    }
    case 20:
      if (at.semaphore.try_acquire_for(20us)) {
        ++at.guarded_by_semaphore;
        at.semaphore.release();
      }
      break;
    case 21:
      at.group.add(1);
      at.group.done();
      if (random() % 4 == 0) at.group.wait();
      break;
    case 22:
      at.once.call([&] { ++at.guarded_by_once; });
      EXPECT_EQ(at.guarded_by_once, 1);
      break;
    default:
      at.shared.store(value);
      at.count.fetch_add(at.shared.load() >= 0 ? 1 : 0);
      if (value % 50 == 0) {
        const Ticker ticker(10us);
        ticker.channel().recv();
        with_timeout(at.context, 10us).done().recv();
      }
  }
}

void mix_operations(bool with_host_threads) {
  constexpr int kOperations = 1'500;
  const auto meeting = std::make_shared<Meeting>();
  std::vector<std::thread> threads;
  WaitGroup all("all", 8);
  for (unsigned i = 0; i < 8; ++i) {
    const auto work = [=, &all] {
      std::minstd_rand random(i + 1);
      for (int step = 0; step < kOperations; ++step) do_something(*meeting, random);
      all.done();
    };
    if (with_host_threads && i % 2 == 0)
      threads.emplace_back(work);
    else
      go("mixer", work);
  }
  all.wait();
  for (std::thread& thread : threads) thread.join();
}

TEST(StressTest, EightTasksMixAllOperations) {
  const ThreadsRun run = run_on_threads([] { mix_operations(false); });

  EXPECT_TRUE(run.faults().empty()) << run.to_string();
  EXPECT_FALSE(run.body_was_stuck);
}

TEST(StressTest, TasksAndHostThreadsMixAllOperations) {
  const ThreadsRun run = run_on_threads([] { mix_operations(true); });

  EXPECT_TRUE(run.faults().empty()) << run.to_string();
  EXPECT_FALSE(run.body_was_stuck);
}

TEST(StressTest, MixedOperationsOutsideAnyExecutionWorkAsWell) { mix_operations(true); }

/// Tasks that are busy when the body ends are unwound wherever they are, again and again.
TEST(StressTest, BusyTasksAreUnwoundWhenPatienceIsOver) {
  for (int round = 0; round < 20; ++round) {
    const ThreadsRun run = run_on_threads(
        [] {
          const auto meeting = std::make_shared<Meeting>();
          for (unsigned i = 0; i < 4; ++i) {
            go("busy", [=] {
              std::minstd_rand random(i + 1);
              for (;;) do_something(*meeting, random);
            });
          }
        },
        3ms);

    EXPECT_EQ(run.end.abandoned, 0u) << "round " << round;
  }
}

}  // namespace
}  // namespace chantrace
