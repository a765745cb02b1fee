// Each strategy against what it guarantees, or a count that can be made by hand.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "chantrace/chantrace.h"
#include "chantrace/explore.h"

namespace chantrace {
namespace {

constexpr std::uint64_t kExecutions = 20'000;

/// How often each order of two writes by `left` and one by `right` comes.
std::map<std::string, int> orders_under(const SearchStrategy& strategy) {
  std::map<std::string, int> orders;
  explore(
      [&] {
        std::string order;
        Atomic<int> variable(0);
        Task left = go([&] {
          for (int i = 0; i < 2; ++i) {
            variable.store(i);
            order += 'l';
          }
        });
        Task right = go([&] {
          variable.store(2);
          order += 'r';
        });
        left.join();
        right.join();
        ++orders[order];
      },
      {.schedules = kExecutions, .strategy = strategy, .runs_again = false});
  return orders;
}

void expect_share(const std::map<std::string, int>& orders, const std::string& order,
                  double share) {
  const auto found = orders.find(order);
  const double count = found != orders.end() ? found->second : 0;
  const double n = static_cast<double>(kExecutions);
  // Five standard deviations: one test in a million fails by chance, were the seed not fixed.
  EXPECT_NEAR(count / n, share, 5 * std::sqrt(share * (1 - share) / n)) << order;
}

TEST(RandomWalkTest, PicksEachTaskAlikeAtEachStep) {
  const auto orders = orders_under(random_walk());

  expect_share(orders, "rll", 0.5);
  expect_share(orders, "lrl", 0.25);
  expect_share(orders, "llr", 0.25);
}

TEST(PartialOrderSamplingTest, DrawsAgainAfterAConflict) {
  // All three writes conflict, so each step is decided by new priorities: as in a random walk.
  const auto orders = orders_under(partial_order_sampling());

  expect_share(orders, "rll", 0.5);
  expect_share(orders, "lrl", 0.25);
  expect_share(orders, "llr", 0.25);
}

/// How often, of `kExecutions`, `right` comes behind all of nine operations of another task, none
/// of which conflicts with it but the last.
double share_of_those_that_come_last(const SearchStrategy& strategy) {
  int last = 0;
  explore(
      [&] {
        Atomic<int> left(0);
        Atomic<int> right(0);
        Task writer = go([&] {
          for (int i = 0; i < 8; ++i) left.store(i);
          right.store(1);
        });
        Task other = go([&] { right.store(2); });
        writer.join();
        other.join();
        if (right.load() == 2) ++last;
      },
      {.schedules = kExecutions,
       .strategy = strategy,
       .skips_private_objects = false,
       .runs_again = false});
  return last / static_cast<double>(kExecutions);
}

TEST(PartialOrderSamplingTest, KeepsThePriorityOfATaskThatWaits) {
  // The other one is last when its priority is the lowest of ten that were drawn alike: that is
  // where a random walk, which draws at each step, hardly comes.
  const double deviation = std::sqrt(0.1 * 0.9 / kExecutions);

  EXPECT_NEAR(share_of_those_that_come_last(partial_order_sampling()), 0.1, 5 * deviation);
  EXPECT_LT(share_of_those_that_come_last(random_walk()), 0.01);
}

TEST(PartialOrderSamplingTest, StartingATaskDrawsNoPriorityAgain) {
  // Where that is a step. The first task is last when its priority is below those of its creator's
  // eight steps, one of nine; it would be one of 2^8 were its priority drawn at each.
  int last = 0;
  explore(
      [&] {
        Atomic<int> started(0);
        int seen = 0;
        Task first = go([&] { seen = started.load(); });
        std::vector<Task> others;
        for (int i = 0; i < 7; ++i) others.push_back(go([] {}));
        started.store(1);
        first.join();
        if (seen == 1) ++last;
      },
      {.schedules = kExecutions,
       .strategy = partial_order_sampling(),
       .run = {.rules = {.spawn_is_step = true}},
       .skips_private_objects = false,
       .runs_again = false});
  const double share = 1.0 / 9;

  EXPECT_NEAR(last / static_cast<double>(kExecutions), share,
              5 * std::sqrt(share * (1 - share) / kExecutions));
}

/// Fails when `b` runs after the first and before the last of `steps` operations of `a`.
void needs_one_preemption(int steps) {
  Atomic<int> variable(0);
  Task first = go("a", [&] {
    for (int i = 0; i < steps; ++i) variable.fetch_add(1);
  });
  Task second = go("b", [&] {
    const int seen = variable.load();
    if (seen == steps / 2) throw std::logic_error("in the middle");
  });
  first.join();
  second.join();
}

TEST(PriorityScheduleTest, FindsABugOfItsDepthAsOftenAsItPromises) {
  constexpr int kSteps = 20;
  const ExploreResult result =
      explore([] { needs_one_preemption(kSteps); }, {.schedules = kExecutions,
                                                     .strategy = priorities(2),
                                                     .skips_private_objects = false,
                                                     .goes_on = true,
                                                     .runs_again = false});

  // 1 / (n k^(d-1)) with n = 3 tasks, k = 22 steps at most, d = 2.
  const double promised = 1.0 / (3 * (kSteps + 2));
  EXPECT_GE(static_cast<double>(result.failures) / kExecutions, promised);
}

TEST(PriorityScheduleTest, WithoutChangesThereIsNoPreemption) {
  const auto orders = orders_under(priorities(1));

  EXPECT_EQ(orders.count("lrl"), 0u);
  expect_share(orders, "rll", 0.5);
}

/// Two ordered pairs in a row: `b` writes between two writes of `a`, and `c` between two of `b`.
TEST(PriorityScheduleTest, KeepsItsPromiseForDepthThree) {
  constexpr int kSteps = 5;
  const auto body = [] {
    Atomic<int> variable(0);
    std::string order;
    std::array<Task, 3> tasks;
    for (std::size_t task = 0; task < tasks.size(); ++task)
      tasks[task] = go([&, task] {
        for (int i = 0; i < kSteps; ++i) {
          variable.store(i);
          order += "abc"[task];
        }
      });
    for (Task& task : tasks) task.join();
    if (order.find("aaabbbc") != std::string::npos) throw std::logic_error("in this order");
  };
  const auto share_under = [&](const SearchStrategy& strategy) {
    const ExploreResult result = explore(body, {.schedules = kExecutions,
                                                .strategy = strategy,
                                                .skips_private_objects = false,
                                                .goes_on = true,
                                                .runs_again = false});
    return static_cast<double>(result.failures) / kExecutions;
  };

  // 1 / (n k^(d-1)) with n = 4 tasks, k = 18 steps at most, d = 3.
  EXPECT_GE(share_under(priorities(3)), 1.0 / (4 * 18 * 18));
  // Which needs both changes.
  EXPECT_EQ(share_under(priorities(1)), 0);
}

/// The sum of (seen - expected)^2 / expected over all of `orders` that there can be, `count` of
/// them.
double chi_square(const std::map<std::string, int>& orders, std::size_t count) {
  const double expected = static_cast<double>(kExecutions) / static_cast<double>(count);
  double sum = expected * static_cast<double>(count - orders.size());  // Those never seen.
  for (const auto& [order, seen] : orders) sum += (seen - expected) * (seen - expected) / expected;
  return sum;
}

/// How often each order of writes to one variable comes, of tasks of which the first writes once,
/// the next twice, and so on.
std::map<std::string, int> orders_of_unequal(int tasks, const SearchStrategy& strategy) {
  std::map<std::string, int> orders;
  explore(
      [&] {
        std::string order;
        Atomic<int> variable(0);
        std::vector<Task> all;
        for (int task = 0; task < tasks; ++task)
          all.push_back(go([&, task] {
            for (int i = 0; i <= task; ++i) {
              variable.store(i);
              order += static_cast<char>('a' + task);
            }
          }));
        for (Task& task : all) task.join();
        ++orders[order];
      },
      {.schedules = kExecutions, .strategy = strategy, .runs_again = false});
  return orders;
}

TEST(SelectiveUniformWalkTest, TakesEachInterleavingOfAnObjectAlike) {
  // 6! / (1! 2! 3!).
  constexpr std::size_t kOrders = 60;
  const auto orders = orders_of_unequal(3, selective_uniform_walk());

  EXPECT_EQ(orders.size(), kOrders);
  // 59 degrees of freedom: a mean of 59 and a standard deviation of 11.
  EXPECT_LT(chi_square(orders, kOrders), 59 + 5 * 11);
  // Which is what a random walk does not do.
  EXPECT_GT(chi_square(orders_of_unequal(3, random_walk()), kOrders), 1'000);
}

TEST(SelectiveUniformWalkTest, CountsWhatATaskWillStart) {
  // One write of `alone` among nine of a task that the other one starts after its own: at each of
  // eleven places as often.
  std::map<std::string, int> orders;
  explore(
      [&] {
        std::string order;
        Atomic<int> variable(0);
        const auto write = [&](char who) {
          variable.store(who);
          order += who;
        };
        Task parent = go([&] {
          write('p');
          Task child = go([&] {
            for (int i = 0; i < 9; ++i) write('c');
          });
          child.join();
        });
        Task alone = go([&] { write('a'); });
        parent.join();
        alone.join();
        ++orders[order];
      },
      {.schedules = kExecutions, .strategy = selective_uniform_walk(), .runs_again = false});

  EXPECT_EQ(orders.size(), 11u);
  // 10 degrees of freedom: a mean of 10 and a standard deviation of 4.5.
  EXPECT_LT(chi_square(orders, 11), 10 + 5 * 4.5);
}

TEST(SiteUniformWalkTest, ManyTasksAtOnePlaceCountAsOne) {
  constexpr int kWorkers = 20;
  const auto share_of_other_first = [](const SearchStrategy& strategy) {
    int first = 0;
    explore(
        [&] {
          Atomic<int> variable(0);
          std::vector<Task> tasks;
          for (int i = 0; i < kWorkers; ++i)
            tasks.push_back(go("worker", [&] { variable.fetch_add(1); }));
          tasks.push_back(go("other", [&] { first += variable.load() == 0 ? 1 : 0; }));
          for (Task& task : tasks) task.join();
        },
        {.schedules = kExecutions, .strategy = strategy, .runs_again = false});
    return first / static_cast<double>(kExecutions);
  };
  const double deviation = std::sqrt(0.25 / kExecutions);

  EXPECT_NEAR(share_of_other_first(site_uniform_walk()), 0.5, 5 * deviation);
  EXPECT_LT(share_of_other_first(random_walk()), 0.1);
}

/// Fails when each of `steps` tasks looks right behind the step of the one before, and before all
/// those that come later.
void needs_many_steps(int steps) {
  Atomic<int> reached(0);
  std::vector<Task> tasks;
  for (int i = 0; i < steps; ++i)
    tasks.push_back(go([&, i] {
      if (reached.load() == i) reached.store(i + 1);
    }));
  for (Task& task : tasks) task.join();
  if (reached.load() == steps) throw std::logic_error("all the way");
}

TEST(GreyboxTest, ComesStepByStepToWhatIsRare) {
  constexpr int kSteps = 5;
  constexpr std::uint64_t kSeeds = 20;
  const auto schedules_under = [](const SearchStrategy& strategy) {
    std::uint64_t sum = 0;
    for (std::uint64_t seed = 0; seed < kSeeds; ++seed)
      sum += explore([] { needs_many_steps(kSteps); },
                     {.schedules = 100'000, .strategy = strategy, .seed = seed})
                 .executions;
    return sum;
  };

  // Some 1,600 schedules for each seed, and 3,600; with a step more it is 11,000 and 63,000.
  EXPECT_LT(2 * schedules_under(greybox()), schedules_under(partial_order_sampling()));
}

TEST(SearchStrategyTest, IsReadAsItIsPrinted) {
  for (const SearchStrategy& strategy :
       {portfolio(), random_walk(), partial_order_sampling(), priorities(2), priorities(7),
        depth_first(), depth_first(2), selective_uniform_walk(), site_uniform_walk(),
        deviation_sweep(), greybox()})
    EXPECT_EQ(parse_search_strategy(to_string(strategy)), strategy) << to_string(strategy);
  for (const char* const text : {"", "pct:", "pct:0", "pct:x", "dfs:-1", "random:2", "Random"})
    EXPECT_EQ(parse_search_strategy(text), std::nullopt) << text;
}

}  // namespace
}  // namespace chantrace
