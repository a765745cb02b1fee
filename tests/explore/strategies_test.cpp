// Each strategy against what it guarantees, or a count that can be made by hand.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>

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
      {.schedules = kExecutions, .strategy = strategy});
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

TEST(PartialOrderSamplingTest, KeepsThePriorityOfATaskThatWaits) {
  // One task writes to two variables, two others to one of them each. Which of the two writes to a
  // variable comes first is decided evenly by POS; a random walk favours whoever has less to do.
  int late_first = 0;
  explore(
      [&] {
        Atomic<int> left(0);
        Atomic<int> right(0);
        Task writer = go([&] {
          for (int i = 0; i < 8; ++i) left.store(i);
          right.store(1);
        });
        Task reader = go([&] { right.store(2); });
        Task other = go([&] { left.store(9); });
        writer.join();
        reader.join();
        other.join();
        if (right.load() == 2) return;
        ++late_first;
      },
      {.schedules = kExecutions, .strategy = partial_order_sampling()});

  EXPECT_GT(late_first, static_cast<int>(kExecutions) / 4);
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
                                                     .goes_on = true});

  // 1 / (n k^(d-1)) with n = 3 tasks, k = 22 steps at most, d = 2.
  const double promised = 1.0 / (3 * (kSteps + 2));
  EXPECT_GE(static_cast<double>(result.failures) / kExecutions, promised);
}

TEST(PriorityScheduleTest, WithoutChangesThereIsNoPreemption) {
  const auto orders = orders_under(priorities(1));

  EXPECT_EQ(orders.count("lrl"), 0u);
  expect_share(orders, "rll", 0.5);
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
