// The depth-first search against numbers that can be counted by hand, and against itself.
#include <gtest/gtest.h>

#include <array>
#include <set>
#include <string>

#include "chantrace/chantrace.h"
#include "chantrace/explore.h"

namespace chantrace {
namespace {

constexpr std::uint64_t kPlenty = 1'000'000;

ExploreResult exhaust(const std::function<void()>& body,
                      std::uint32_t preemptions_max = depth_first().parameter) {
  return explore(body, {.schedules = kPlenty,
                        .strategy = depth_first(preemptions_max),
                        .skips_private_objects = false});
}

/// Tasks that write to one variable so often each. Sets `seen` to the orders of their writes.
std::set<std::string> orders_of(int tasks, int writes, const SearchStrategy& strategy) {
  std::set<std::string> orders;
  const ExploreResult result = explore(
      [&] {
        std::string order;
        Atomic<int> variable(0);
        std::vector<Task> all;
        for (int i = 0; i < tasks; ++i)
          all.push_back(go([&, i] {
            for (int write = 0; write < writes; ++write) {
              variable.store(i);
              order += "abc"[i];
            }
          }));
        for (Task& task : all) task.join();
        orders.insert(order);
      },
      {.schedules = kPlenty, .strategy = strategy});
  EXPECT_TRUE(result.is_exhausted);
  EXPECT_FALSE(result.first_failure);
  return orders;
}

TEST(DepthFirstTest, SeesEachInterleavingOfWrites) {
  // (3 * 2)! / (2!)^3 and (2 * 4)! / (4!)^2.
  EXPECT_EQ(orders_of(3, 2, depth_first()).size(), 90u);
  EXPECT_EQ(orders_of(2, 4, depth_first()).size(), 70u);
}

TEST(DepthFirstTest, MakesEachExecutionOnce) {
  const ExploreResult result = exhaust([] {
    Atomic<int> variable(0);
    Task other = go([&] {
      variable.store(1);
      variable.store(2);
    });
    variable.store(3);
    variable.store(4);
    other.join();
  });

  EXPECT_TRUE(result.is_exhausted);
  EXPECT_EQ(result.executions, 6u);
  EXPECT_EQ(result.distinct, 6u);
}

TEST(DepthFirstTest, PreemptionsBoundTheSearch) {
  // Without a preemption each of two tasks writes all at once: two orders. With one, the first is
  // split at one of three places.
  EXPECT_EQ(orders_of(2, 4, depth_first(0)).size(), 2u);
  EXPECT_EQ(orders_of(2, 4, depth_first(1)).size(), 2u + 2 * 3);
  EXPECT_EQ(orders_of(2, 4, depth_first(20)).size(), 70u);
}

TEST(DepthFirstTest, SeesEachOrderInWhichALockIsTaken) {
  std::set<std::string> orders;
  const ExploreResult result = exhaust([&] {
    std::string order;
    Mutex mutex("mutex");
    std::array<Task, 3> tasks;
    for (std::size_t i = 0; i < 3; ++i)
      tasks[i] = go([&, i] {
        mutex.lock();
        order += "abc"[i];
        mutex.unlock();
      });
    for (Task& task : tasks) task.join();
    orders.insert(order);
  });

  EXPECT_TRUE(result.is_exhausted);
  EXPECT_EQ(orders.size(), 6u);
  EXPECT_EQ(result.executions, 6u);
}

TEST(DepthFirstTest, SeesEachChoice) {
  std::set<std::uint32_t> sums;
  const ExploreResult result = exhaust([&] { sums.insert(choose(3) * 10 + choose(2)); });

  EXPECT_EQ(sums, (std::set<std::uint32_t>{0, 1, 10, 11, 20, 21}));
  EXPECT_EQ(result.executions, 6u);
  EXPECT_TRUE(result.is_exhausted);
}

TEST(DepthFirstTest, StepOnAPrivateObjectIsNoTurn) {
  // Without a preemption the body goes on, and the flag is set before `other` looks.
  const ExploreResult result = explore(
      [] {
        Atomic<int> flag(0);
        Task other = go([&] {
          Atomic<int> mine(0);
          mine.store(1);
          if (flag.load() == 1) throw std::logic_error("the flag is set");
        });
        flag.store(1);
        other.join();
      },
      {.schedules = kPlenty, .strategy = depth_first(0)});

  EXPECT_TRUE(result.first_failure);
}

/// What three senders, a receiver and a lock can end with.
std::set<std::string> outcomes_of_senders(bool skips_private_objects) {
  std::set<std::string> outcomes;
  const ExploreResult result = explore(
      [&] {
        Channel<int> values("values", 1);
        Mutex mutex("log");
        std::string log;
        std::array<Task, 3> senders;
        for (std::size_t i = 0; i < 3; ++i)
          senders[i] = go([&, i] {
            values.send(static_cast<int>(i));
            mutex.lock();
            log += "abc"[i];
            mutex.unlock();
          });
        std::string received;
        for (int i = 0; i < 3; ++i) received += std::to_string(values.recv().value());
        for (Task& sender : senders) sender.join();
        outcomes.insert(received + log);
      },
      {.schedules = 3'000'000,
       .strategy = depth_first(3),
       .skips_private_objects = skips_private_objects});
  EXPECT_TRUE(result.is_exhausted);
  EXPECT_FALSE(result.first_failure);
  return outcomes;
}

TEST(DepthFirstTest, PassingOverPrivateObjectsLosesNoOutcome) {
  EXPECT_EQ(outcomes_of_senders(true), outcomes_of_senders(false));
}

}  // namespace
}  // namespace chantrace
