// Tests with one fault each. Every one must fail, for its own reason; `faulty_tests_test.cpp` says
// which. `sound_tests.cpp` holds the nearest correct twin of each, in the same order.
#include <gtest/gtest.h>

#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>

#include "chantrace/chantrace.h"

namespace ct = chantrace;

TEST(Faulty, BlockedSend) {
  ct::Channel<int> results("results");
  results.send(1);
}

TEST(Faulty, BlockedReceive) {
  ct::Channel<int> jobs("jobs", 1);
  jobs.recv();
}

TEST(Faulty, LeakedTask) {
  ct::Channel<int> results("results");
  ct::go("worker", [results] { results.send(1); });
}

TEST(Faulty, LockOrderDeadlock) {
  ct::Mutex first("first");
  ct::Mutex second("second");
  ct::Channel<ct::Unit> ready("ready");
  const ct::Task one = ct::go("one", [&] {
    const std::scoped_lock lock_first(first);
    ready.send({});
    const std::scoped_lock lock_second(second);
  });
  const ct::Task two = ct::go("two", [&] {
    const std::scoped_lock lock_second(second);
    ready.recv();
    const std::scoped_lock lock_first(first);
  });
  one.join();
  two.join();
}

TEST(Faulty, SelfDeadlock) {
  ct::Mutex mutex("mutex");
  const std::scoped_lock outer(mutex);
  const std::scoped_lock inner(mutex);
}

TEST(Faulty, MutexHeldAtExit) {
  const auto mutex = std::make_shared<ct::Mutex>("mutex");
  ct::go("holder", [mutex] { mutex->lock(); }).join();
}

TEST(Faulty, MissingWaitGroupDone) {
  ct::WaitGroup group("group", 2);
  const ct::Task worker = ct::go("worker", [&] { group.done(); });
  group.wait();
}

TEST(Faulty, LostConditionSignal) {
  ct::Mutex mutex("mutex");
  ct::ConditionVariable changed("changed");
  {
    const std::scoped_lock lock(mutex);
    changed.notify_one();
  }
  std::unique_lock lock(mutex);
  changed.wait(lock);
}

TEST(Faulty, ExceptionInTask) {
  ct::go("thrower", [] { throw std::runtime_error("out of cheese"); }).join();
}

TEST(Faulty, SendOnClosed) {
  ct::Channel<int> jobs("jobs", 1);
  jobs.close();
  ct::go("sender", [jobs] { jobs.send(1); }).join();
}

TEST(Faulty, DoubleClose) {
  ct::Channel<int> jobs("jobs", 1);
  jobs.close();
  jobs.close();
}

class FaultyFixture : public testing::Test {
 protected:
  void TearDown() override {
    ct::go("flusher", [log = log_] { log.send("bye"); });
  }
  ct::Channel<std::string> log_{"log"};
};

TEST_F(FaultyFixture, LeaksInTearDown) { EXPECT_EQ(log_.capacity(), 0u); }

class FaultyParameterised : public testing::TestWithParam<int> {};

TEST_P(FaultyParameterised, Leaks) {
  ct::Channel<int> numbers("numbers");
  for (int i = 0; i < GetParam(); ++i)
    ct::go("sender-" + std::to_string(i), [numbers, i] { numbers.send(i); });
  numbers.recv();
}

INSTANTIATE_TEST_SUITE_P(Senders, FaultyParameterised, testing::Values(2, 3));
