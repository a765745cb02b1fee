// The nearest correct twin of each test in `faulty_tests.cpp`, in the same order. All must pass.
#include <gtest/gtest.h>

#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>

#include "chantrace/chantrace.h"

namespace ct = chantrace;

TEST(Sound, Send) {
  ct::Channel<int> results("results", 1);
  results.send(1);
}

TEST(Sound, Receive) {
  ct::Channel<int> jobs("jobs", 1);
  jobs.close();
  jobs.recv();
}

TEST(Sound, JoinedTask) {
  ct::Channel<int> results("results");
  ct::go("worker", [results] { results.send(1); });
  results.recv();
}

TEST(Sound, LockOrder) {
  ct::Mutex first("first");
  ct::Mutex second("second");
  ct::Channel<ct::Unit> ready("ready", 1);
  const ct::Task one = ct::go("one", [&] {
    const std::scoped_lock lock_first(first);
    ready.send({});
    const std::scoped_lock lock_second(second);
  });
  const ct::Task two = ct::go("two", [&] {
    ready.recv();
    const std::scoped_lock lock_first(first);
    const std::scoped_lock lock_second(second);
  });
  one.join();
  two.join();
}

TEST(Sound, LockedTwiceInTurn) {
  ct::Mutex mutex("mutex");
  { const std::scoped_lock outer(mutex); }
  const std::scoped_lock inner(mutex);
}

TEST(Sound, MutexGivenBack) {
  const auto mutex = std::make_shared<ct::Mutex>("mutex");
  ct::go("holder", [mutex] {
    mutex->lock();
    mutex->unlock();
  }).join();
}

TEST(Sound, WaitGroupDone) {
  ct::WaitGroup group("group", 2);
  const ct::Task worker = ct::go("worker", [&] {
    group.done();
    group.done();
  });
  group.wait();
}

TEST(Sound, ConditionSignal) {
  ct::Mutex mutex("mutex");
  ct::ConditionVariable changed("changed");
  bool has_changed = false;
  {
    const std::scoped_lock lock(mutex);
    has_changed = true;
    changed.notify_one();
  }
  std::unique_lock lock(mutex);
  while (!has_changed) changed.wait(lock);
}

TEST(Sound, ExceptionCaughtInTask) {
  ct::go("catcher", [] {
    try {
      throw std::runtime_error("out of cheese");
    } catch (const std::runtime_error&) {
    }
  }).join();
}

TEST(Sound, SendOnClosedThatIsExpected) {
  ct::Channel<int> jobs("jobs", 1);
  jobs.close();
  ct::go("sender", [jobs] { EXPECT_THROW(jobs.send(1), ct::ChannelClosed); }).join();
}

TEST(Sound, SingleClose) {
  ct::Channel<int> jobs("jobs", 1);
  jobs.close();
}

class SoundFixture : public testing::Test {
 protected:
  void TearDown() override {
    ct::go("flusher", [log = log_] { log.send("bye"); });
    log_.recv();
  }
  ct::Channel<std::string> log_{"log"};
};

TEST_F(SoundFixture, EndsInTearDown) { EXPECT_EQ(log_.capacity(), 0u); }

class SoundParameterised : public testing::TestWithParam<int> {};

TEST_P(SoundParameterised, ReceivesAll) {
  ct::Channel<int> numbers("numbers");
  for (int i = 0; i < GetParam(); ++i)
    ct::go("sender-" + std::to_string(i), [numbers, i] { numbers.send(i); });
  for (int i = 0; i < GetParam(); ++i) numbers.recv();
}

INSTANTIATE_TEST_SUITE_P(Senders, SoundParameterised, testing::Values(2, 3));
