// An exploration that several processes share: what each of them runs, and what all of them do.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "chantrace/chantrace.h"
#include "chantrace/detail/explore_body.h"
#include "chantrace/explore.h"

namespace chantrace {
namespace {

/// For each task the variables that it uses, one after another.
using Program = std::vector<std::vector<int>>;

/// In which order the tasks used the variables: another one for each schedule.
void run_program(const Program& program, std::string& order) {
  order.clear();
  Atomic<int> variables[2];
  std::vector<Task> tasks;
  for (std::size_t i = 0; i < program.size(); ++i)
    tasks.push_back(go([&, i] {
      for (const int variable : program[i]) {
        variables[variable].fetch_add(1);
        order += static_cast<char>('a' + i);
      }
    }));
  for (Task& task : tasks) task.join();
}

/// Channels, a lock and a choice among the ready, where several schedules have the same order.
void run_pipeline(const Program&, std::string& order) {
  order.clear();
  Channel<int> left("left", 1);
  Channel<int> right("right");
  Mutex mutex("mutex");
  const Task first = go([&, left]() mutable {
    left.send(1);
    const std::scoped_lock lock(mutex);
    order += 'l';
  });
  const Task second = go([&, right]() mutable {
    right.send(2);
    const std::scoped_lock lock(mutex);
    order += 'r';
  });
  for (int i = 0; i < 2; ++i)
    select(on_recv(left, [&] { order += '1'; }), on_recv(right, [&] { order += '2'; }));
  sleep_for(std::chrono::milliseconds(1));
  first.join();
  second.join();
}

using Body = void (*)(const Program&, std::string&);

/// What each execution of the shard did.
std::vector<std::string> orders_of(Body body, const Program& program, ExploreOptions options) {
  std::vector<std::string> orders;
  std::string order;
  const auto judge = [&](const std::vector<Finding>&) {
    orders.push_back(order);
    return std::string();
  };
  options.runs_again = false;
  detail::explore_body([&] { body(program, order); }, options, judge);
  return orders;
}

rc::Gen<Program> programs() {
  return rc::gen::resize(3, rc::gen::container<Program>(
                                3, rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 2))));
}

/// Up to six shards, one of which may have nothing to do.
std::vector<std::vector<std::string>> orders_of_shards(Body body, const Program& program,
                                                       ExploreOptions options,
                                                       std::uint32_t count) {
  std::vector<std::vector<std::string>> shards;
  for (std::uint32_t i = 0; i < count; ++i) {
    options.shard = {i, count};
    shards.push_back(orders_of(body, program, options));
  }
  return shards;
}

std::vector<std::string> sorted_union(const std::vector<std::vector<std::string>>& shards) {
  std::vector<std::string> all;
  for (const auto& shard : shards) all.insert(all.end(), shard.begin(), shard.end());
  std::sort(all.begin(), all.end());
  return all;
}

RC_GTEST_PROP(ShardProperty, DrawnSchedulesAreTheSameOnesInAll, ()) {
  const Body body = *rc::gen::arbitrary<bool>() ? run_program : run_pipeline;
  const Program program = *programs();
  const auto count = *rc::gen::inRange<std::uint32_t>(1, 7);
  const ExploreOptions options{
      .schedules = *rc::gen::inRange<std::uint64_t>(1, 60),
      .strategy = *rc::gen::element(random_walk(), partial_order_sampling(), site_uniform_walk()),
      .seed = *rc::gen::arbitrary<std::uint64_t>(),
      .skips_private_objects = false};

  auto one = orders_of(body, program, options);
  std::sort(one.begin(), one.end());

  RC_ASSERT(sorted_union(orders_of_shards(body, program, options, count)) == one);
}

RC_GTEST_PROP(ShardProperty, DepthFirstRunsEachScheduleInOneShard, ()) {
  const Body body = *rc::gen::arbitrary<bool>() ? run_program : run_pipeline;
  const Program program = *programs();
  const auto count = *rc::gen::inRange<std::uint32_t>(1, 7);
  const ExploreOptions options{.schedules = 1'000'000,
                               .strategy = depth_first(*rc::gen::inRange(0u, 3u)),
                               .skips_private_objects = false};

  auto one = orders_of(body, program, options);
  std::sort(one.begin(), one.end());

  RC_ASSERT(sorted_union(orders_of_shards(body, program, options, count)) == one);
}

RC_GTEST_PROP(ShardProperty, SweepRunsEachScheduleInOneShard, ()) {
  const Program program = *programs();
  const auto count = *rc::gen::inRange<std::uint32_t>(1, 7);
  const ExploreOptions options{
      .schedules = 20'000, .strategy = deviation_sweep(), .skips_private_objects = false};

  const auto one = orders_of(run_program, program, options);
  RC_PRE(one.size() < options.schedules);
  const std::set<std::string> expected(one.begin(), one.end());

  std::size_t sum = 0;
  std::set<std::string> seen;
  for (const auto& shard : orders_of_shards(run_program, program, options, count)) {
    const std::set<std::string> own(shard.begin(), shard.end());
    sum += own.size();
    seen.insert(own.begin(), own.end());
  }
  RC_ASSERT(seen == expected);
  RC_ASSERT(sum == expected.size());
}

TEST(ShardTest, ShardsOfADepthFirstSearchShareTheWork) {
  const Program program = {{0, 1, 0}, {0, 1, 0}, {1, 0, 1}};
  const ExploreOptions options{.schedules = 1'000'000, .strategy = depth_first()};
  const std::size_t all = orders_of(run_program, program, options).size();

  for (const auto& shard : orders_of_shards(run_program, program, options, 4)) {
    EXPECT_GT(shard.size(), all / 8);
    EXPECT_LT(shard.size(), all / 2);
  }
}

TEST(ShardTest, EachShardOfAPortfolioRunsItsShareOfSchedules) {
  const Program program = {{0, 1, 0, 1}, {0, 1, 0, 1}, {1, 0, 1, 0}};
  std::size_t sum = 0;

  for (const auto& shard : orders_of_shards(run_program, program, {.schedules = 1'000}, 3)) {
    EXPECT_GE(shard.size(), 333u);
    EXPECT_LE(shard.size(), 334u);
    sum += shard.size();
  }

  EXPECT_EQ(sum, 1'000u);
}

TEST(ShardTest, TheNumberOfAFailureIsThatAmongAllShards) {
  const auto body = [] {
    if (choose(7) == 3) throw std::logic_error("the fourth way");
  };
  ExploreOptions options{.strategy = random_walk()};
  const ExploreResult all = explore(body, options);
  ASSERT_TRUE(all.first_failure);

  std::vector<std::uint64_t> failures;
  for (std::uint32_t i = 0; i < 3; ++i) {
    options.shard = {i, 3};
    const ExploreResult part = explore(body, options);
    ASSERT_TRUE(part.first_failure);
    EXPECT_EQ(part.first_failure->index % 3, i);
    failures.push_back(part.first_failure->index);
  }

  EXPECT_EQ(*std::min_element(failures.begin(), failures.end()), all.first_failure->index);
}

TEST(ShardTest, ParsesWhatNamesAShard) {
  EXPECT_EQ(parse_shard("0/4"), (Shard{0, 4}));
  EXPECT_EQ(parse_shard("3/4"), (Shard{3, 4}));
  EXPECT_EQ(parse_shard("0/1"), Shard{});
  for (const char* const text : {"", "/", "1", "1/", "/2", "4/4", "3/2", "0/0", "-1/2", "0/-2",
                                 "a/b", "0/4 ", " 0/4", "0/4/1", "0/99999999999"})
    EXPECT_FALSE(parse_shard(text)) << text;
}

}  // namespace
}  // namespace chantrace
