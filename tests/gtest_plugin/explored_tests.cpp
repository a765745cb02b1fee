// Tests that pass or fail depending on their schedule, and some that depend on more.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <random>

#include "chantrace/chantrace.h"
#include "chantrace/explore_test.h"

using namespace std::chrono_literals;

namespace {

int read_then_write(chantrace::Atomic<int>& counter) {
  const int before = counter.load();
  counter.store(before + 1);
  return before;
}

}  // namespace

// On threads it passes, but for one run in thousands.
TEST(Counter, LosesAnUpdate) {
  chantrace::Atomic<int> counter(0);
  chantrace::Task other = chantrace::go("other", [&] { read_then_write(counter); });
  read_then_write(counter);
  other.join();
  EXPECT_EQ(counter.load(), 2);
}

TEST(Counter, LosesNone) {
  chantrace::Atomic<int> counter(0);
  chantrace::Task other = chantrace::go("other", [&] { counter.fetch_add(1); });
  counter.fetch_add(1);
  other.join();
  EXPECT_EQ(counter.load(), 2);
}

TEST(Locks, DeadlockInSomeOrders) {
  chantrace::Mutex left("left");
  chantrace::Mutex right("right");
  const auto take = [](chantrace::Mutex& first, chantrace::Mutex& second) {
    const std::scoped_lock outer(first);
    const std::scoped_lock inner(second);
  };
  chantrace::Task other = chantrace::go("other", [&] { take(right, left); });
  take(left, right);
  other.join();
}

// Each side shows in every other schedule only.
TEST(Locks, TakeTurnsInTwoOrders) {
  chantrace::Mutex left("left");
  chantrace::Mutex right("right");
  const bool is_mine = chantrace::choose(2) == 0;
  chantrace::Task other = chantrace::go("other", [&] {
    if (is_mine) return;
    const std::scoped_lock outer(right);
    const std::scoped_lock inner(left);
  });
  if (is_mine) {
    const std::scoped_lock outer(left);
    const std::scoped_lock inner(right);
  }
  other.join();
}

TEST(Variable, IsUsedWithoutOrder) {
  chantrace::Shared<int> value(0, "value");
  chantrace::Task other = chantrace::go("other", [&] { value.store(1); });
  value.load();
  other.join();
}

TEST(Variable, IsUsedInOrder) {
  chantrace::Shared<int> value(0, "value");
  chantrace::Task other = chantrace::go("other", [&] { value.store(1); });
  other.join();
  EXPECT_EQ(value.load(), 1);
}

TEST(Locks, DeadlockInEveryOrder) {
  chantrace::Mutex left("left");
  chantrace::Mutex right("right");
  chantrace::WaitGroup both_hold_one("both hold one");
  both_hold_one.add(2);
  const auto take = [&](chantrace::Mutex& first, chantrace::Mutex& second) {
    const std::scoped_lock outer(first);
    both_hold_one.done();
    both_hold_one.wait();
    const std::scoped_lock inner(second);
  };
  chantrace::Task other = chantrace::go("other", [&] { take(right, left); });
  take(left, right);
  other.join();
}

// As if it had been built anew, where the variable is set.
TEST(Changing, IsAnotherOneLater) {
  chantrace::Channel<int> jobs("jobs", 2);
  chantrace::Mutex log("log");
  chantrace::Task worker = chantrace::go("worker", [&] {
    jobs.send(1);
    if (std::getenv("EXPLORED_TESTS_CHANGED") != nullptr)
      const std::scoped_lock lock(log);
    else
      jobs.send(2);
  });
  worker.join();
}

class Fixture : public testing::Test {
 protected:
  Fixture() { ++made; }
  ~Fixture() override { ++destroyed; }
  void SetUp() override {
    ++set_up;
    jobs = chantrace::Channel<int>("jobs", 1);
    worker = chantrace::go("worker", [this] {
      for (int job : jobs) sum.fetch_add(job);
    });
  }
  void TearDown() override {
    jobs.close();
    worker.join();
    EXPECT_EQ(sum.load(), 6);
    ++torn_down;
  }
  static void TearDownTestSuite() {
    std::printf("made %d, set up %d, torn down %d, destroyed %d\n", made, set_up, torn_down,
                destroyed);
  }

  chantrace::Channel<int> jobs;
  chantrace::Atomic<int> sum{0};
  chantrace::Task worker;
  inline static int made = 0;
  inline static int set_up = 0;
  inline static int torn_down = 0;
  inline static int destroyed = 0;
};

TEST_F(Fixture, IsUsedInEachExecution) {
  for (int i = 1; i <= 3; ++i) jobs.send(i);
}

TEST(Skipped, IsSkipped) { GTEST_SKIP() << "not here"; }

TEST(Odd, ThrowsInItsBody) {
  if (chantrace::choose(4) == 3) throw std::runtime_error("the fourth way");
}

// What it does depends on how often it was called: its failure cannot be seen again.
TEST(Hidden, FailsEveryOtherTime) {
  static int calls = 0;
  chantrace::Atomic<int> value(0);
  chantrace::Task other = chantrace::go([&] { value.store(1); });
  other.join();
  EXPECT_NE(calls++ % 2, 0);
}

// The same operations under every schedule, but not from one execution to the next.
TEST(Hidden, CountsItsCalls) {
  static int calls = 0;
  chantrace::Channel<int> jobs("jobs", 2);
  chantrace::Mutex log("log");
  chantrace::Task worker = chantrace::go("worker", [&] {
    jobs.send(1);
    if (calls++ % 2 == 0)
      jobs.send(2);
    else
      const std::scoped_lock lock(log);
  });
  worker.join();
}

TEST(Hidden, CountsAnew) {
  int calls = 0;
  chantrace::Channel<int> jobs("jobs", 2);
  chantrace::Task worker = chantrace::go("worker", [&] {
    jobs.send(1);
    if (calls++ % 2 == 0) jobs.send(2);
  });
  worker.join();
}

TEST(Hidden, SendsARandomNumber) {
  chantrace::Channel<unsigned> numbers("numbers", 1);
  numbers.send(std::random_device{}());
}

TEST(Polls, WithoutEnd) {
  chantrace::Atomic<int> value(0);
  for (;;) value.fetch_add(1);
}

TEST(Polls, EachOther) {
  chantrace::Atomic<bool> is_left_ready(false);
  chantrace::Atomic<bool> is_right_ready(false);
  chantrace::Task left = chantrace::go("left", [&] {
    while (!is_right_ready.load()) chantrace::yield();
    is_left_ready.store(true);
  });
  while (!is_left_ready.load()) chantrace::yield();
  is_right_ready.store(true);
  left.join();
}

CHANTRACE_EXPLORE(Own, IsExploredByItself, .schedules = 123, .strategy = chantrace::random_walk()) {
  chantrace::Atomic<int> counter(0);
  chantrace::Task other = chantrace::go([&] { counter.fetch_add(1); });
  counter.fetch_add(1);
  other.join();
}

TEST(Time, IsVirtual) {
  if (std::getenv("CHANTRACE_EXPLORE") == nullptr) GTEST_SKIP();
  chantrace::sleep_for(24h);
}

TEST(TaskDeathTest, IsNotExplored) { EXPECT_DEATH(std::abort(), ""); }

// What a test may ask of GoogleTest, and what GoogleTest does besides.
void look_at(const int* value) { ASSERT_NE(value, nullptr); }

TEST(Asks, WhetherItHasFailed) {
  const int* const value = nullptr;
  look_at(value);
  if (HasFatalFailure()) return;
  std::printf("%d\n", *value);
}

class Blocked : public testing::Test {
 protected:
  void SetUp() override { nothing_.recv(); }
  chantrace::Channel<int> nothing_{"nothing"};
};

TEST_F(Blocked, InItsSetUp) { std::printf("the body has run\n"); }

TEST(Dies, InAProcessOfItsOwn) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(std::exit(3), testing::ExitedWithCode(3), "");
}

TEST(Hangs, OutsideTheLibrary) {
  volatile bool goes_on = true;
  while (goes_on) {
  }
}

TEST(Tries, ALockThatIsTaken) {
  chantrace::Mutex mutex("mutex");
  chantrace::Task holder = chantrace::go("holder", [&] { const std::scoped_lock lock(mutex); });
  const bool was_free = mutex.try_lock();
  EXPECT_TRUE(was_free);
  if (was_free) mutex.unlock();
  holder.join();
}

TEST(Fails, AsItsSurroundingsSay) {
  chantrace::Atomic<int> value(0);
  value.store(1);
  EXPECT_EQ(std::getenv("EXPLORED_TEST_PASSES") == nullptr, false);
}

TEST(Contexts, EndWithTheOneAbove) {
  const chantrace::Context above = chantrace::with_cancel(chantrace::Context::background());
  const chantrace::Context below = chantrace::with_cancel(above);
  const chantrace::Channel<int> values("values", 1);
  chantrace::Task canceller = chantrace::go("canceller", [=] { above.cancel(); });
  below.done().recv();
  EXPECT_EQ(above.error(), chantrace::ContextError::kCancelled);
  values.send(1);
  canceller.join();
}

// Explores something itself, between what is watched on threads.
TEST(Explores, InsideATest) {
  chantrace::Mutex before("before");
  const std::scoped_lock lock(before);
  const chantrace::ExploreResult result = chantrace::explore([] {
    const chantrace::Channel<int> other("other");
    other.recv();
  });
  ASSERT_TRUE(result.first_failure);
  EXPECT_EQ(result.findings().at(0).kind, chantrace::FindingKind::kBlocked);
  chantrace::Mutex after("after");
  const std::scoped_lock second_lock(after);
  const chantrace::Channel<int> nothing("nothing");
  chantrace::go("waiting", [=] { nothing.recv(); });
}
