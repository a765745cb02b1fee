// Tests that do what test frameworks stumble over: forking, dying, blocking where nobody can see
// it, refusing to be unwound.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <string>
#include <thread>

#include "chantrace/chantrace.h"

namespace ct = chantrace;

TEST(OddDeathTest, DiesInTheBody) {
  ct::Channel<int> numbers("numbers", 4);
  numbers.send(1);

  EXPECT_DEATH(
      {
        for (int i = 0; i < 3; ++i) numbers.send(i);
        std::abort();
      },
      "");
  EXPECT_EQ(numbers.size(), 1u);
}

TEST(OddDeathTest, DiesInATask) {
  EXPECT_DEATH(
      {
        ct::Channel<int> numbers("numbers");
        ct::go("sender", [numbers] { numbers.send(1); });
        numbers.recv();
        std::abort();
      },
      "");
}

TEST(OddDeathTest, ExitsInTheBody) {
  EXPECT_EXIT(std::exit(4), testing::ExitedWithCode(4), "");
  EXPECT_EXIT(
      {
        ct::go("task", [] {}).join();
        ct::after(std::chrono::microseconds(1)).recv();
        std::exit(5);
      },
      testing::ExitedWithCode(5), "");
}

TEST(Odd, Forks) {
  ct::Channel<int> numbers("numbers", 100);
  numbers.send(1);
  const pid_t child = fork();
  if (child == 0) {
    for (int i = 0; i < 50; ++i) numbers.send(i);
    _exit(numbers.size() == 51 ? 7 : 8);
  }
  for (int i = 0; i < 10; ++i) numbers.send(i);

  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);

  EXPECT_EQ(WEXITSTATUS(status), 7);
  EXPECT_EQ(numbers.size(), 11u);
}

// They do not meet in this run, and nothing that the library sees keeps them apart.
TEST(Odd, LocksInTwoOrders) {
  ct::Mutex first("first");
  ct::Mutex second("second");
  std::atomic<bool> is_done = false;
  const ct::Task one = ct::go("one", [&] {
    {
      const std::scoped_lock lock(first);
      const std::scoped_lock more(second);
    }
    is_done = true;
  });
  const ct::Task two = ct::go("two", [&] {
    while (!is_done) std::this_thread::yield();
    const std::scoped_lock lock(second);
    const std::scoped_lock more(first);
  });
  one.join();
  two.join();
}

TEST(Odd, WaitsInADestructor) {
  struct Pool {
    ~Pool() { worker.join(); }
    ct::Channel<int> jobs{"jobs"};
    ct::Task worker = ct::go("worker", [jobs = jobs] { jobs.recv(); });
  };
  const Pool pool;
}

// Fails: no test that comes after it may.
ct::Mutex& left_locked() {
  static ct::Mutex mutex("left locked");
  return mutex;
}
TEST(LeftLocked, Locks) { left_locked().lock(); }
TEST(LeftLocked, IsNobodysFaultAfterwards) {}
TEST(LeftLocked, IsNotTakenForAnother) {
  ct::Channel<int> local("local");
  ct::go("receiver", [local] { local.recv(); });
}

// Fails at once, although a task goes on all the time.
TEST(Odd, DeadlocksBesideAPoller) {
  ct::Channel<int> stop("stop");
  ct::go("poller", [stop] {
    while (!stop.recv_for(std::chrono::milliseconds(1))) {
    }
  });
  ct::Mutex mutex("mutex");
  const std::scoped_lock outer(mutex);
  const std::scoped_lock inner(mutex);
}

// Fails, and its names must not reach the terminal or the report as they are.
TEST(Odd, HasHostileNames) {
  ct::Channel<int> channel("a\x1b[31mred\n\xff");
  ct::go("\x1b]0;title\x07", [channel] { channel.recv(); });
}

class BlocksInSetUp : public testing::Test {
 protected:
  static void SetUpTestSuite() { ct::Channel<int>("early").recv(); }
};
TEST_F(BlocksInSetUp, IsEnded) {}

TEST(Odd, BlocksOutside) {
  ct::Channel<int> numbers("numbers");
  ct::go("waiter", [numbers] { numbers.recv(); });
  std::mutex mutex;
  std::condition_variable never;
  std::unique_lock lock(mutex);
  never.wait(lock, [] { return false; });
}

// Fails: its task cannot be unwound, since the exception that does it may not pass.
TEST(Unwinding, RunsIntoNoexcept) {
  ct::Channel<int> numbers("numbers");
  ct::go("stubborn", [numbers] { [&]() noexcept { numbers.recv(); }(); });
}

// Fails: its tasks are blocked; their destructors block again while they are unwound.
TEST(Unwinding, BlocksInDestructors) {
  struct Farewell {
    ct::Channel<std::string> log;
    ~Farewell() { log.send("bye"); }
  };
  ct::Channel<std::string> log("log");
  ct::Channel<int> numbers("numbers");
  for (int i = 0; i < 3; ++i)
    ct::go("task-" + std::to_string(i), [log, numbers] {
      const Farewell farewell{log};
      numbers.recv();
    });
}

// Fails: the body is blocked, and waits again, for a condition, in a destructor that runs as it is
// unwound.
TEST(Unwinding, WaitsForAConditionInADestructor) {
  struct Pool {
    ct::Mutex mutex{"mutex"};
    ct::ConditionVariable idle{"idle"};
    ~Pool() {
      std::unique_lock lock(mutex);
      idle.wait(lock, [] { return false; });
    }
  };
  const Pool pool;
  ct::Channel<int>("never").recv();
}

TEST(Unwinding, TheNextTestRuns) {
  ct::Channel<int> numbers("numbers");
  const ct::Task sender = ct::go("sender", [numbers] { numbers.send(1); });
  EXPECT_EQ(numbers.recv(), 1);
  sender.join();
}

// One task serves all tests of the suite: it is nobody's leak.
class SharedTask : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    requests = ct::Channel<int>("requests");
    replies = ct::Channel<int>("replies");
    server = ct::go("server", [] {
      for (int request : requests) replies.send(request + 1);
    });
  }
  static void TearDownTestSuite() {
    requests.close();
    server.join();
  }
  static inline ct::Channel<int> requests;
  static inline ct::Channel<int> replies;
  static inline ct::Task server;
};

TEST_F(SharedTask, ServesOne) {
  requests.send(1);
  EXPECT_EQ(replies.recv(), 2);
}

TEST_F(SharedTask, ServesAnother) {
  requests.send(2);
  EXPECT_EQ(replies.recv(), 3);
}
