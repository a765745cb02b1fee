// Executions that bytes decide.
#include "chantrace/detail/byte_runs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "chantrace/chantrace.h"
#include "chantrace/explore.h"
#include "explore/deviation.h"

namespace chantrace {
namespace {

using Bytes = std::vector<std::uint8_t>;
using detail::ByteRun;
using detail::ByteRuns;
using detail::mutate_bytes;
using ::testing::HasSubstr;

/// Two tasks that each make `count` steps, and what came of it.
class TwoTasks {
 public:
  explicit TwoTasks(int count) : count_(count) {}

  std::string order_under(const Bytes& bytes) {
    ByteRuns runs({});
    runs.run(body(), bytes);
    return order_;
  }
  std::function<void()> body() {
    return [this] {
      order_.clear();
      Atomic<int> value(0, "value");
      const auto work = [&](char letter) {
        for (int i = 0; i < count_; ++i) {
          value.fetch_add(1);
          order_ += letter;
        }
      };
      const Task a = go("a", [&] { work('a'); });
      const Task b = go("b", [&] { work('b'); });
      a.join();
      b.join();
    };
  }
  const std::string& order() const { return order_; }

 private:
  const int count_;
  std::string order_;
};

TEST(ByteRunsTest, WithoutBytesEachTaskRunsAsLongAsItCan) {
  EXPECT_EQ(TwoTasks(4).order_under({}), "aaaabbbb");
}

// The body waits for the first task: who goes on is a decision, and the first one.
TEST(ByteRunsTest, AByteIsAGapAndATask) {
  EXPECT_EQ(TwoTasks(4).order_under({0x03}), "bbbbaaaa");
  EXPECT_EQ(TwoTasks(4).order_under({0x13}), "abbbbaaa");
  EXPECT_EQ(TwoTasks(4).order_under({0x33}), "aaabbbba");
}

TEST(ByteRunsTest, GapsCountFromTheDeviationBefore) {
  EXPECT_EQ(TwoTasks(4).order_under({0x13, 0x12}), "abbaaabb");
  EXPECT_EQ(TwoTasks(4).order_under({0x23, 0x12}), "aabbaabb");
}

TEST(ByteRunsTest, ATaskThatCannotBeIsTheNextThatCan) {
  // The clock, the body, which waits, and the one that would go on anyway.
  for (const int byte : {0x10, 0x11, 0x12})
    EXPECT_EQ(TwoTasks(4).order_under({static_cast<std::uint8_t>(byte)}), "abbbbaaa") << byte;
  // There is no task 7: the numbers go round.
  EXPECT_EQ(TwoTasks(4).order_under({0x17}), "abbbbaaa");
}

TEST(ByteRunsTest, LongGapsTakeFewBytes) {
  // 15 * 2^3 and then 4 of the 200 steps.
  EXPECT_EQ(TwoTasks(200).order_under({0xf3, 0x43}),
            std::string(124, 'a') + std::string(200, 'b') + std::string(76, 'a'));
}

TEST(ByteRunsTest, ManyTasksCanBeTold) {
  std::vector<int> order;
  const auto body = [&] {
    order.clear();
    Atomic<int> value(0, "value");
    std::vector<Task> tasks;
    for (int i = 0; i < 100; ++i)
      tasks.push_back(go([&, i] {
        value.fetch_add(1);
        order.push_back(i);
      }));
    for (const Task& task : tasks) task.join();
  };
  ByteRuns runs({});

  // Task 90 is the 89th that was started: 5 * 16 + 10.
  runs.run(body, Bytes{0xff, 0xff, 0xff, 0xff, 0xff, 0x0a});

  EXPECT_EQ(order.front(), 88);
}

TEST(ByteRunsTest, BytesBehindTheEndAndHalfADeviationAreNothing) {
  EXPECT_EQ(TwoTasks(4).order_under({0x13, 0xf0}), "abbbbaaa");
  EXPECT_EQ(TwoTasks(4).order_under(Bytes(1000, 0xfe)), "aaaabbbb");
  EXPECT_EQ(TwoTasks(4).order_under(Bytes(1000, 0xff)), "aaaabbbb");
}

TEST(ByteRunsTest, ChoicesAreDecisions) {
  std::vector<std::uint32_t> chosen;
  const auto body = [&] { chosen = {choose(3), choose(3), choose(3)}; };
  ByteRuns runs({});

  runs.run(body, {});
  EXPECT_EQ(chosen, (std::vector<std::uint32_t>{0, 0, 0}));
  runs.run(body, Bytes{0x11});
  EXPECT_EQ(chosen, (std::vector<std::uint32_t>{0, 2, 0}));
  runs.run(body, Bytes{0x00, 0x03});
  EXPECT_EQ(chosen, (std::vector<std::uint32_t>{1, 2, 0}));
}

TEST(ByteRunsTest, AFailureHasFindingsAndASchedule) {
  const auto body = [] {
    Atomic<int> value(0, "value");
    const Task other = go("other", [&] { value.store(1); });
    const bool is_early = value.load() == 1;
    other.join();
    if (is_early) throw std::runtime_error("the other was first");
  };
  ByteRuns runs({});

  EXPECT_FALSE(runs.run(body, {}).has_failed);
  const ByteRun failed = runs.run(body, Bytes{0x02});

  ASSERT_TRUE(failed.has_failed);
  ASSERT_FALSE(failed.findings.empty());
  EXPECT_THAT(failed.findings.front().summary, HasSubstr("the other was first"));
  EXPECT_EQ(run(body, runs.schedule()).findings, failed.findings);
}

TEST(ByteRunsTest, ABodyThatIsCutHasNotFailed) {
  const auto body = [] {
    Atomic<int> value(0, "value");
    const Task other = go("other", [&] { value.store(1); });
    for (;;) value.fetch_add(1);
  };
  ByteRuns runs({.steps_max = 100});

  EXPECT_FALSE(runs.run(body, {}).has_failed);
}

// Giving back a lock is a step where somebody tries to take it. What bytes mean must not depend on
// whether an execution before has shown that.
TEST(ByteRunsTest, NothingIsLearnedFromOneExecutionForTheNext) {
  const auto body = [] {
    Mutex mutex("mutex");
    Atomic<int> value(0, "value");
    const Task holder = go("holder", [&] {
      for (int i = 0; i < 3; ++i) {
        const std::scoped_lock lock(mutex);
        value.fetch_add(1);
      }
    });
    if (value.load() == 2 && mutex.try_lock()) mutex.unlock();
    holder.join();
  };
  ByteRuns runs({});
  runs.run(body, {});
  const Schedule alone = runs.schedule();
  ASSERT_FALSE(alone.rules.unlock_is_step);

  bool was_seen = false;
  for (int gap = 0; gap < 14; ++gap) {
    runs.run(body, Bytes{0x02, static_cast<std::uint8_t>(gap << 4 | 1)});
    was_seen |= runs.schedule().rules.unlock_is_step;
    runs.run(body, {});
    ASSERT_EQ(runs.schedule(), alone) << gap;
  }
  EXPECT_TRUE(was_seen);
}

TEST(ByteRunsTest, SwitchesAreCountedBetweenPlacesAlone) {
  std::vector<std::uint8_t> edges(256);
  TwoTasks two(4);
  ByteRuns runs({}, edges);
  const auto edges_under = [&](const Bytes& bytes) {
    std::fill(edges.begin(), edges.end(), std::uint8_t{0});
    runs.run(two.body(), bytes);
    return edges;
  };

  const auto once = edges_under({0x13});
  EXPECT_EQ(edges_under({0x13}), once);
  // The tasks do the same at each step: another one is the same edge, and more of them are not.
  EXPECT_EQ(edges_under({0x23}), once);
  EXPECT_NE(edges_under({0x13, 0x12}), once);
  EXPECT_NE(edges_under({}), once);
}

TEST(MutateBytesTest, DoesTheSameForTheSameSeed) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Bytes one = {0x13, 0x12, 0x45};
    Bytes other = one;
    mutate_bytes(one, {.size_max = 10, .decisions = 20, .tasks = 3, .seed = seed});
    mutate_bytes(other, {.size_max = 10, .decisions = 20, .tasks = 3, .seed = seed});
    ASSERT_EQ(one, other);
    ASSERT_LE(one.size(), 10u);
  }
}

TEST(MutateBytesTest, ReachesEachDecisionAndEachTask) {
  std::vector<std::vector<int>> added(8, std::vector<int>(4));
  for (std::uint64_t seed = 0; seed < 2'000; ++seed) {
    Bytes bytes;
    mutate_bytes(bytes, {.size_max = 10, .decisions = 8, .tasks = 3, .seed = seed});
    // Some are moved behind the end at once.
    if (bytes.size() == 1 && bytes.front() < 0x80)
      ++added.at(bytes.front() >> 4).at(bytes.front() & 15);
  }

  for (const auto& tasks : added)
    for (const int count : tasks) EXPECT_GT(count, 0);
}

// The second deviation is at decision 201, and few changes are about that.
TEST(MutateBytesTest, LeavesWhatIsBehindWhereItIs) {
  constexpr int kSeeds = 2'000;
  int kept = 0;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    Bytes bytes = {0x01, 0xf3, 0xf2, 0xf0, 0x52};
    mutate_bytes(bytes, {.size_max = 100, .decisions = 200, .tasks = 3, .seed = seed});
    std::uint64_t place = 0;
    for (const detail::Deviation& deviation : detail::to_deviations(bytes)) {
      place += deviation.gap;
      if (place == 201) ++kept;
      ++place;
    }
  }

  EXPECT_GT(kept, kSeeds / 3);
}

}  // namespace
}  // namespace chantrace
