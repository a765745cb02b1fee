// The deviation sweep against a count of deviations that is made here, and against the depth-first
// search: both must see all there is to see, and the sweep in the order that it promises.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "chantrace/chantrace.h"
#include "chantrace/explore.h"

namespace chantrace {
namespace {

constexpr std::uint64_t kPlenty = 2'000'000;

/// What executions were like, in their order; `body` sets what it is given.
std::vector<std::string> executions_of(const std::function<void(std::string&)>& body,
                                       const SearchStrategy& strategy) {
  std::vector<std::string> all;
  const ExploreResult result = explore(
      [&] {
        std::string execution;
        body(execution);
        all.push_back(execution);
      },
      {.schedules = kPlenty,
       .strategy = strategy,
       .skips_private_objects = false,
       .runs_again = false});
  EXPECT_FALSE(result.first_failure);
  EXPECT_TRUE(result.is_exhausted);
  return all;
}

/// Without those that were seen before. The sweep finds out where an execution ends by a deviation
/// that stands behind its end, and so makes some of them again.
std::vector<std::string> first_seen(const std::vector<std::string>& all) {
  std::set<std::string> seen;
  std::vector<std::string> first;
  for (const std::string& one : all)
    if (seen.insert(one).second) first.push_back(one);
  return first;
}

std::set<std::string> to_set(const std::vector<std::string>& all) {
  return {all.begin(), all.end()};
}

/// Task 'a' writes `writes[0]` times, task 'b' `writes[1]` times, and so on. The order of all is
/// the execution.
std::function<void(std::string&)> writers(const std::vector<int>& writes) {
  return [=](std::string& order) {
    Atomic<int> variable(0);
    std::vector<Task> tasks;
    for (std::size_t i = 0; i < writes.size(); ++i)
      tasks.push_back(go([&, i] {
        for (int write = 0; write < writes[i]; ++write) {
          variable.store(write);
          order += static_cast<char>('a' + i);
        }
      }));
    for (Task& task : tasks) task.join();
  };
}

/// How often `order` differs from what goes on with the task that wrote last, or else with the next
/// in the ring.
int count_deviations(const std::string& order, std::vector<int> left) {
  const auto tasks = left.size();
  int deviations = 0;
  std::size_t expected = 0;
  for (const char written : order) {
    while (left[expected] == 0) expected = (expected + 1) % tasks;
    const auto task = static_cast<std::size_t>(written - 'a');
    if (task != expected) ++deviations;
    --left[task];
    expected = task;
  }
  return deviations;
}

class SweepOfWritersTest : public ::testing::TestWithParam<std::vector<int>> {};

TEST_P(SweepOfWritersTest, SeesEachOrderAndThoseWithFewerDeviationsFirst) {
  const std::vector<int>& writes = GetParam();
  const std::vector<std::string> seen =
      first_seen(executions_of(writers(writes), deviation_sweep()));

  std::string order;
  for (std::size_t i = 0; i < writes.size(); ++i)
    order.append(static_cast<std::size_t>(writes[i]), static_cast<char>('a' + i));
  std::vector<std::set<std::string>> by_deviations;
  do {
    const auto deviations = static_cast<std::size_t>(count_deviations(order, writes));
    if (deviations >= by_deviations.size()) by_deviations.resize(deviations + 1);
    by_deviations[deviations].insert(order);
  } while (std::next_permutation(order.begin(), order.end()));
  std::size_t begin = 0;
  for (std::size_t deviations = 0; deviations < by_deviations.size(); ++deviations) {
    const std::size_t end = begin + by_deviations[deviations].size();
    ASSERT_LE(end, seen.size()) << deviations << " deviations";
    const auto first = seen.begin() + static_cast<std::ptrdiff_t>(begin);
    const auto last = seen.begin() + static_cast<std::ptrdiff_t>(end);
    EXPECT_EQ(std::set<std::string>(first, last), by_deviations[deviations])
        << deviations << " deviations";
    begin = end;
  }
  EXPECT_EQ(seen.size(), begin);
}

INSTANTIATE_TEST_SUITE_P(, SweepOfWritersTest,
                         ::testing::Values(std::vector{3, 3}, std::vector{1, 2, 3},
                                           std::vector{3, 2, 1}, std::vector{2, 2, 2},
                                           std::vector{1, 1, 1, 1, 1}));

// Between two tasks that never wait a deviation is a preemption, which the depth-first search
// counts as well.
TEST(DeviationSweepTest, SeesWhatTheDepthFirstSearchSeesWithAsManyPreemptions) {
  const auto body = [](std::string& order) {
    Atomic<int> variable(0);
    Task other = go([&] {
      for (int i = 0; i < 4; ++i) {
        variable.fetch_add(1);
        order += 'b';
      }
    });
    for (int i = 0; i < 4; ++i) {
      variable.fetch_add(1);
      order += 'a';
    }
    other.join();
  };
  const std::vector<std::string> seen = first_seen(executions_of(body, deviation_sweep()));

  EXPECT_EQ(seen.size(), 70u);
  for (std::uint32_t preemptions = 0; preemptions <= 7; ++preemptions) {
    const std::vector<std::string> bounded = executions_of(body, depth_first(preemptions));
    ASSERT_LE(bounded.size(), seen.size());
    const std::vector<std::string> as_many(
        seen.begin(), seen.begin() + static_cast<std::ptrdiff_t>(bounded.size()));
    EXPECT_EQ(to_set(as_many), to_set(bounded)) << preemptions << " preemptions";
    EXPECT_EQ(to_set(bounded).size(), bounded.size());
  }
}

/// Tasks that wait: who can go on changes, and with it what a decision is among.
void waits(std::string& log) {
  Mutex mutex("mutex");
  Channel<int> values("values", 1);
  std::vector<Task> tasks;
  for (int i = 0; i < 2; ++i)
    tasks.push_back(go([&, i] {
      mutex.lock();
      log += static_cast<char>('a' + i);
      mutex.unlock();
      values.send(i);
    }));
  log += std::to_string(values.recv().value());
  mutex.lock();
  log += 'm';
  mutex.unlock();
  log += std::to_string(values.recv().value());
  for (Task& task : tasks) task.join();
}

/// Decisions that are no task's: of the program, of a select, and when a timer fires.
void chooses(std::string& log) {
  Channel<int> left("left", 1);
  Channel<int> right("right", 1);
  Task sender = go([&] {
    if (choose(3) == 1) left.send(1);
    right.send(2);
  });
  for (int i = 0; i < 2; ++i)
    select(on_recv(left, [&] { log += 'l'; }), on_recv(right, [&] { log += 'r'; }),
           on_timeout(std::chrono::milliseconds(1), [&] { log += 't'; }));
  sender.join();
}

TEST(DeviationSweepTest, ExhaustsWhatTheDepthFirstSearchExhausts) {
  for (const auto body : {waits, chooses}) {
    const std::vector<std::string> swept = executions_of(body, deviation_sweep());
    const std::vector<std::string> searched = executions_of(body, depth_first());

    EXPECT_EQ(to_set(swept), to_set(searched));
    EXPECT_GT(to_set(swept).size(), 3u);
  }
}

TEST(DeviationSweepTest, TimeMayPassWhereTheTaskThatRanLastGoesOn) {
  // What is picked last is the body, for the lock; `other` then runs by itself, and sleeps.
  const auto body = [] {
    Mutex mutex;
    Atomic<int> flag(0);
    bool was_first = false;
    Task first = go([&] {
      const std::scoped_lock lock(mutex);
      was_first = true;
    });
    mutex.lock();
    const bool is_late = !was_first;
    Task other = go([&, is_late] {
      Atomic<int> mine(0);
      mine.store(1);
      sleep_for(std::chrono::milliseconds(1));
      if (is_late && flag.load() == 0) throw std::logic_error("early");
    });
    flag.store(1);
    mutex.unlock();
    other.join();
    first.join();
  };
  EXPECT_TRUE(explore(body, {.schedules = 100'000, .strategy = depth_first()}).first_failure);
  EXPECT_TRUE(explore(body, {.schedules = 100'000, .strategy = deviation_sweep()}).first_failure);
}

}  // namespace
}  // namespace chantrace
