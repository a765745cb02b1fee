// Deadlocks whose tasks are where nothing may be thrown, or nothing gets through: they are
// reported, and the next execution is sound.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "chantrace/chantrace.h"
#include "chantrace/explore.h"
#include "support/leaks_allowed.h"

namespace chantrace {
namespace {

using ::testing::Contains;
using ::testing::Field;

/// Explores a body whose task `stuck` waits for ever in `wait`, and checks each execution.
ExploreResult explore_stuck(const std::function<void(Channel<int>)>& wait) {
  int executions = 0;
  const ExploreResult result = explore(
      [&] {
        ++executions;
        Channel<int> nothing("nothing");
        Channel<int> values("values");
        go("stuck", [=] { wait(nothing); });
        // Works beside it as ever.
        Task sender = go("sender", [=] { values.send(executions); });
        if (values.recv() != executions) throw std::logic_error("a value of another execution");
        sender.join();
      },
      {.schedules = 50,
       .strategy = random_walk(),
       .goes_on = true,
       .runs_again = false,
       .shrink = {.executions = 0}});
  EXPECT_EQ(result.failures, 50u);
  EXPECT_EQ(executions, 50);
  EXPECT_EQ(result.findings().size(), 1u);
  EXPECT_EQ(result.findings().at(0).kind, FindingKind::kLeaked);
  return result;
}

void wait_in_noexcept(const Channel<int>& nothing) noexcept { nothing.recv(); }

struct WaitsWhenItDies {
  explicit WaitsWhenItDies(Channel<int> channel) : nothing(std::move(channel)) {}
  ~WaitsWhenItDies() { nothing.recv(); }
  Channel<int> nothing;
};

TEST(UnwindingTest, PlainTaskIsUnwound) {
  int unwound = 0;
  struct CountsItsEnd {
    int& count;
    ~CountsItsEnd() { ++count; }
  };

  const ExploreResult result = explore_stuck([&](const Channel<int>& nothing) {
    const CountsItsEnd end{unwound};
    nothing.recv();
  });

  EXPECT_EQ(unwound, 50);
  EXPECT_EQ(result.abandoned, 0u);
}

TEST(UnwindingTest, TaskInANoexceptFunctionIsAbandoned) {
  EXPECT_EQ(explore_stuck(wait_in_noexcept).abandoned, 50u);
}

TEST(UnwindingTest, TaskInADestructorIsAbandoned) {
  const ExploreResult result =
      explore_stuck([](const Channel<int>& nothing) { WaitsWhenItDies dies(nothing); });

  EXPECT_EQ(result.abandoned, 50u);
}

TEST(UnwindingTest, DestructorThatWaitsDuringUnwindingDoesNothing) {
  const ExploreResult result = explore_stuck([](const Channel<int>& nothing) {
    WaitsWhenItDies dies(nothing);
    nothing.recv();
  });

  EXPECT_EQ(result.abandoned, 0u);
}

TEST(UnwindingTest, TaskThatCatchesEverythingIsAbandoned) {
  const ExploreResult result = explore_stuck([](const Channel<int>& nothing) {
    for (;;) {
      try {
        nothing.recv();
      } catch (...) {
      }
    }
  });

  EXPECT_EQ(result.abandoned, 50u);
}

TEST(UnwindingTest, TaskInACatchBlockIsUnwound) {
  const ExploreResult result = explore_stuck([](const Channel<int>& nothing) {
    try {
      throw std::runtime_error("handled");
    } catch (const std::exception&) {
      nothing.recv();
    }
  });

  EXPECT_EQ(result.abandoned, 0u);
}

TEST(UnwindingTest, BodyInACatchBlockIsUnwound) {
  int executions = 0;
  const ExploreResult result = explore(
      [&] {
        ++executions;
        Channel<int> nothing("nothing");
        try {
          throw std::runtime_error("handled");
        } catch (const std::exception&) {
          nothing.recv();
        }
      },
      {.schedules = 20,
       .strategy = random_walk(),
       .goes_on = true,
       .runs_again = false,
       .shrink = {.executions = 0}});

  EXPECT_EQ(executions, 20);
  EXPECT_EQ(result.failures, 20u);
  EXPECT_EQ(result.findings().at(0).kind, FindingKind::kBlocked);
}

TEST(UnwindingTest, ChildrenAreUnwoundBeforeTheFramesTheyReferTo) {
  std::string order;
  struct NotesItsEnd {
    std::string& log;
    char name;
    ~NotesItsEnd() { log += name; }
  };

  const ExploreResult result = explore(
      [&] {
        order.clear();
        Channel<int> nothing("nothing");
        const NotesItsEnd body{order, 'b'};
        go("parent", [&] {
          const NotesItsEnd parent{order, 'p'};
          go("child", [&] {
            const NotesItsEnd child{order, 'c'};
            nothing.recv();
          });
          nothing.recv();
        });
        nothing.recv();
      },
      {.schedules = 1, .strategy = random_walk()});

  EXPECT_EQ(order, "cpb");
  EXPECT_EQ(result.failures, 1u);
}

TEST(UnwindingTest, LockTakenByAnUnwoundTaskIsGivenBack) {
  Mutex mutex("outlives all");
  const ExploreResult result = explore(
      [&] {
        Channel<int> nothing("nothing");
        go("holder", [&, nothing] {
          const std::scoped_lock lock(mutex);
          nothing.recv();
        });
        go("waiter", [&] { const std::scoped_lock lock(mutex); });
      },
      {.schedules = 50, .strategy = random_walk(), .goes_on = true});

  EXPECT_EQ(result.failures, 50u);
  EXPECT_TRUE(mutex.try_lock());
  mutex.unlock();
}

TEST(UnwindingTest, ATaskThatNeverBeganIsNotRun) {
  bool has_run = false;
  const ExploreResult result = explore(
      [&] {
        Channel<int> nothing("nothing");
        go("late", [&] { has_run = true; });
        throw std::runtime_error("before anything");
      },
      {.schedules = 1, .strategy = random_walk()});

  EXPECT_EQ(result.failures, 1u);
  EXPECT_TRUE(has_run);  // All tasks go on to their end, whatever became of the body.
}

TEST(UnwindingTest, TaskWhoseDestructorWaitsInALoopIsAbandoned) {
  struct Pool {
    Atomic<int> running{1};
    ~Pool() {
      while (running.load() > 0) yield();
    }
  };
  [[maybe_unused]] const LeaksAllowed leaks;
  const ExploreResult result = explore(
      [] {
        const Channel<int> nothing("nothing");
        go("stuck", [=] {
          const Pool pool;
          nothing.recv();
        });
      },
      {.schedules = 2, .strategy = random_walk(), .goes_on = true, .runs_again = false});

  EXPECT_EQ(result.failures, 2u);
  EXPECT_EQ(result.abandoned, 2u);
}

TEST(UnwindingTest, NothingComesAliveAgainInABodyThatIsThrownOutOfAWait) {
  struct SendsAtItsEnd {
    Channel<int> channel;
    ~SendsAtItsEnd() { channel.send(1); }
  };
  const ExploreResult result = explore(
      [] {
        const Channel<int> results("results");
        const SendsAtItsEnd end{results};
        Mutex mutex;
        ConditionVariable changed("changed");
        std::unique_lock lock(mutex);
        changed.wait(lock);
      },
      {.schedules = 1});

  ASSERT_TRUE(result.first_failure);
  EXPECT_EQ(result.findings().size(), 1u) << summarize(result.findings());
}

}  // namespace
}  // namespace chantrace
