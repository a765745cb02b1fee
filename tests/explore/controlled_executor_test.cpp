// What the controlled executor does, seen from a body.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <set>
#include <string>
#include <vector>

#include "chantrace/chantrace.h"
#include "chantrace/explore.h"

namespace chantrace {
namespace {

ExploreOptions once() { return {.schedules = 1, .strategy = random_walk()}; }

TEST(ControlledExecutorTest, RunsTenThousandTasks) {
  constexpr int kTasks = 10'000;
  int ended = 0;

  const ExploreResult result = explore(
      [&] {
        ended = 0;
        Mutex mutex("ended");
        WaitGroup tasks;
        tasks.add(kTasks);
        for (int i = 0; i < kTasks; ++i)
          go([&] {
            mutex.lock();
            ++ended;
            mutex.unlock();
            tasks.done();
          });
        tasks.wait();
      },
      once());

  EXPECT_FALSE(result.first_failure) << to_text(result.findings().at(0));
  EXPECT_EQ(ended, kTasks);
}

TEST(ControlledExecutorTest, RunsTasksInARing) {
  constexpr std::size_t kTasks = 1'000;

  const ExploreResult result = explore(
      [&] {
        std::vector<Channel<int>> links;
        for (std::size_t i = 0; i <= kTasks; ++i) links.emplace_back("link");
        for (std::size_t i = 0; i < kTasks; ++i)
          go([from = links[i], to = links[i + 1]] { to.send(from.recv().value() + 1); });
        links.front().send(0);
        if (links.back().recv() != static_cast<int>(kTasks))
          throw std::logic_error("a link was left out");
      },
      once());

  EXPECT_FALSE(result.first_failure);
  EXPECT_EQ(result.steps, 2 * (kTasks + 1));
}

TEST(ControlledExecutorTest, SaysThatThereAreTooManyTasks) {
  bool was_refused = false;

  const ExploreResult result = explore(
      [&] {
        try {
          for (int i = 0; i < 200'000; ++i) go([] {}).join();
        } catch (const std::system_error&) {
          was_refused = true;
        }
      },
      once());

  EXPECT_FALSE(result.first_failure);
  EXPECT_TRUE(was_refused);
}

TEST(ControlledExecutorTest, KeepsExceptionsOfTasksApart) {
  // Each task waits inside its handler, while others throw and catch.
  std::multiset<std::string> caught;

  const ExploreResult result = explore(
      [&] {
        caught.clear();
        Channel<int> turns("turns");
        std::array<Task, 3> tasks;
        for (std::size_t i = 0; i < 3; ++i)
          tasks[i] = go([&, i] {
            try {
              throw std::runtime_error("task " + std::to_string(i));
            } catch (const std::exception&) {
              turns.recv();
              try {
                throw;
              } catch (const std::exception& error) {
                caught.insert(error.what());
              }
            }
          });
        for (int i = 0; i < 3; ++i) turns.send(i);
        for (Task& task : tasks) task.join();
        if (caught != std::multiset<std::string>{"task 0", "task 1", "task 2"})
          throw std::logic_error("an exception came to another task");
      },
      {.schedules = 500, .strategy = random_walk()});

  EXPECT_FALSE(result.first_failure) << to_text(result.findings().at(0));
}

TEST(ControlledExecutorTest, StepLimitIsNoFailureButIsCounted) {
  const ExploreResult result = explore(
      [] {
        Atomic<int> flag(0);
        Task task = go([&] {
          for (;;) flag.fetch_add(1);
        });
        task.join();
      },
      {.schedules = 3, .strategy = random_walk(), .run = {.steps_max = 1'000}});

  EXPECT_FALSE(result.first_failure);
  EXPECT_EQ(result.cut, 3u);
  EXPECT_EQ(result.executions, 3u);
}

TEST(ControlledExecutorTest, LivelockOfTasksThatYieldIsAFailure) {
  const ExploreResult result = explore([] {
    Atomic<bool> flag(false);
    Task task = go([&] {
      while (!flag.load()) yield();
    });
    task.join();
  });

  ASSERT_TRUE(result.first_failure);
  EXPECT_EQ(result.findings()[0].kind, FindingKind::kStepLimit);
  EXPECT_EQ(result.findings()[0].certainty, Certainty::kCertain);
}

TEST(ControlledExecutorTest, TaskThatPollsWithAYieldLetsOthersGoOn) {
  for (const SearchStrategy& strategy :
       {random_walk(), partial_order_sampling(), priorities(3), depth_first(1)}) {
    const ExploreResult result = explore(
        [] {
          Atomic<bool> flag(false);
          Task task = go([&] {
            while (!flag.load()) yield();
          });
          flag.store(true);
          task.join();
        },
        {.schedules = 200, .strategy = strategy});

    EXPECT_FALSE(result.first_failure) << to_string(strategy);
    EXPECT_EQ(result.cut, 0u) << to_string(strategy);
  }
}

TEST(ControlledExecutorTest, TaskThatPollsWithoutAYieldLetsOthersGoOn) {
  for (const SearchStrategy& strategy :
       {random_walk(), partial_order_sampling(), priorities(3), depth_first(1)}) {
    const ExploreResult result = explore(
        [] {
          Atomic<bool> flag(false);
          Task task = go([&] {
            while (!flag.load()) {
            }
          });
          flag.store(true);
          task.join();
        },
        {.schedules = 200, .strategy = strategy});

    EXPECT_FALSE(result.first_failure) << to_string(strategy);
    EXPECT_EQ(result.cut, 0u) << to_string(strategy);
  }
}

TEST(ControlledExecutorTest, HandlesOutliveTheirExecution) {
  std::vector<Task> kept;
  std::vector<Channel<int>> channels;

  explore(
      [&] {
        channels.emplace_back("kept", 1);
        kept.push_back(go([channel = channels.back()] { channel.send(1); }));
        kept.back().join();
      },
      {.schedules = 10, .strategy = random_walk(), .runs_again = false});

  EXPECT_EQ(channels.size(), 10u);
  for (const Channel<int>& channel : channels) EXPECT_EQ(channel.recv(), 1);
}

TEST(ControlledExecutorTest, MemoryStaysFlat) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "AddressSanitizer keeps freed memory back";
#endif
  const auto resident_pages = [] {
    std::FILE* const file = std::fopen("/proc/self/statm", "r");
    long total = 0;
    long resident = 0;
    EXPECT_EQ(std::fscanf(file, "%ld %ld", &total, &resident), 2);
    std::fclose(file);
    return resident;
  };
  const auto run = [](std::uint64_t schedules) {
    explore(
        [] {
          Channel<int> values("values", 2);
          Task task = go([=] {
            for (int value : values) static_cast<void>(value);
          });
          for (int i = 0; i < 3; ++i) values.send(i);
          if (choose(4) == 0) return;  // Leaks the task.
          values.close();
          task.join();
        },
        {.schedules = schedules, .strategy = random_walk(), .goes_on = true});
  };

  run(2'000);
  const long before = resident_pages();
  run(20'000);
  EXPECT_LT(resident_pages() - before, 256);
}

TEST(ControlledExecutorTest, NotificationMayComeBeforeTheWaiterParks) {
  // Giving back the mutex is a step, and the notifier does not take it.
  ExploreOptions options;
  options.schedules = 100'000;
  options.strategy = depth_first();
  options.run.rules.unlock_is_step = true;
  options.skips_private_objects = false;
  options.goes_on = true;
  options.runs_again = false;
  options.shrink.executions = 0;
  std::uint64_t notified = 0;
  const ExploreResult result = explore(
      [&] {
        Mutex mutex("mutex");
        ConditionVariable changed("changed");
        Task waiter = go([&] {
          mutex.lock();
          changed.wait(mutex);
          mutex.unlock();
          ++notified;
        });
        changed.notify_one();
        waiter.join();
      },
      options);

  EXPECT_TRUE(result.is_exhausted);
  EXPECT_GT(notified, 1u);
  // The rest lose the signal.
  EXPECT_EQ(result.failures, result.executions - notified);
}

}  // namespace
}  // namespace chantrace
