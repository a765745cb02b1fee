#include "chantrace/detail/execution.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <semaphore>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "chantrace/chantrace.h"
#include "chantrace/detail/foreign_threads.h"
#include "support/run_on_threads.h"
#include "support/until_parked.h"

namespace chantrace {
namespace {

using namespace std::chrono_literals;

/// Calls something at the end of its scope, as a destructor does.
class AtEnd {
 public:
  explicit AtEnd(std::function<void()> function) : function_(std::move(function)) {}
  ~AtEnd() { function_(); }
  AtEnd(const AtEnd&) = delete;
  AtEnd& operator=(const AtEnd&) = delete;

 private:
  std::function<void()> function_;
};

TEST(ExecutionTest, CleanBodyHasNoFindings) {
  const ThreadsRun run = run_on_threads([] {
    const Channel<int> channel("channel");
    go("sender", [=] { channel.send(1); });
    channel.recv();
  });

  EXPECT_TRUE(run.findings.empty()) << run.to_string();
  EXPECT_FALSE(run.body_was_stuck);
  EXPECT_EQ(run.recorded.tasks, 2u);
  EXPECT_EQ(run.recorded.objects, 1u);
}

TEST(ExecutionTest, WaitsForTasksThatStillWork) {
  std::atomic<bool> has_ended = false;
  const ThreadsRun run = run_on_threads([&] {
    go("slow", [&] {
      sleep_for(5ms);
      has_ended.store(true);
    });
  });

  EXPECT_TRUE(has_ended.load());
  EXPECT_TRUE(run.findings.empty()) << run.to_string();
}

TEST(ExecutionTest, UnwindsTheYoungestTaskFirst) {
  std::vector<std::string> order;
  const ThreadsRun run = run_on_threads([&] {
    for (const char* const label : {"first", "second", "third"}) {
      go(label, [&order, label] {
        const AtEnd note([&] { order.emplace_back(label); });
        Channel<int>("never").recv();
      });
    }
  });

  EXPECT_EQ(run.faults().size(), 3u);
  EXPECT_EQ(order, (std::vector<std::string>{"third", "second", "first"}));
  EXPECT_EQ(run.end.abandoned, 0u);
}

TEST(ExecutionTest, BodyThatIsStuckLearnsOfItAfterAllOthersAreUnwound) {
  std::vector<std::string> order;
  struct Stop {};
  detail::ExecutionOptions options;
  options.on_deadlock = [&](const EndState& state) {
    order.emplace_back("told");
    EXPECT_FALSE(state.body_ended);
    EXPECT_GE(state.tasks.size(), 2u);
  };
  options.throw_in_body = [&] {
    order.emplace_back("thrown");
    throw Stop{};
  };
  detail::Execution execution(std::move(options));

  const Channel<int> channel("never");
  go("other", [&] {
    const AtEnd note([&] { order.emplace_back("unwound"); });
    channel.recv();
  });
  EXPECT_THROW(channel.recv(), Stop);
  const detail::ExecutionEnd end = execution.settle(1s);
  execution.finish(false, false, {});

  EXPECT_EQ(order, (std::vector<std::string>{"told", "unwound", "thrown"}));
  EXPECT_EQ(end.abandoned, 0u);
}

TEST(ExecutionTest, BodyIsToldInEveryKindOfWait) {
  const std::vector<std::function<void()>> waits = {
      [] { Channel<int>("never").recv(); },
      [] { Channel<int>("never").send(1); },
      [] {
        for ([[maybe_unused]] const int value : Channel<int>("never")) {
        }
      },
      [] { select(on_recv(Channel<int>("a")), on_send(Channel<int>("b"), 1)); },
      [] { select(); },
      [] { Channel<int>().recv(); },
      [] {
        Mutex mutex;
        mutex.lock();
        mutex.lock();
      },
      [] {
        SharedMutex mutex;
        mutex.lock_shared();
        mutex.lock();
      },
      [] {
        SharedMutex mutex;
        mutex.lock();
        mutex.lock_shared();
      },
      [] {
        Mutex mutex;
        ConditionVariable changed;
        std::unique_lock lock(mutex);
        changed.wait(lock);
      },
      [] { WaitGroup(1).wait(); },
      [] { Semaphore(0).acquire(); },
      [] {
        Once once;
        once.call([&] { once.call([] {}); });
      },
      [] { go("stuck", [] { select(); }).join(); },
      [] { with_cancel(Context::background()).done().recv(); },
  };
  for (std::size_t i = 0; i < waits.size(); ++i) {
    const ThreadsRun run = run_on_threads(waits[i]);

    EXPECT_TRUE(run.body_was_stuck) << "wait " << i;
    EXPECT_FALSE(run.faults().empty()) << "wait " << i;
    EXPECT_EQ(run.end.abandoned, 0u) << "wait " << i;
  }
}

TEST(ExecutionTest, DestructorsThatWouldBlockDoNothingWhileUnwinding) {
  std::atomic<int> destroyed = 0;
  const ThreadsRun run = run_on_threads([&] {
    const auto mutex = std::make_shared<Mutex>("mutex");
    mutex->lock();
    go("stuck", [&destroyed, mutex] {
      const AtEnd blocks([&] {
        const Channel<int> channel("never");
        EXPECT_EQ(channel.recv(), std::nullopt);
        channel.send(1);
        EXPECT_EQ(select(on_recv(channel)), kNothingSelected);
        select();
        mutex->lock();
        WaitGroup(1).wait();
        Semaphore(0).acquire();
        sleep_for(1h);
        EXPECT_FALSE(go("never started", [] { FAIL(); }).joinable());
        destroyed.fetch_add(1);
      });
      Channel<int>("never").recv();
    });
    until_parked("stuck");
    mutex->unlock();
  });

  EXPECT_EQ(destroyed.load(), 1);
  EXPECT_EQ(run.end.abandoned, 0u);
}

TEST(ExecutionTest, ThreadsJoinedByDestructorsAreUnwoundToo) {
  const ThreadsRun run = run_on_threads([] {
    go("parent", [] {
      const Task child = go("child", [] { select(); });
      const AtEnd joins([&] { child.join(); });
      child.join();
    });
  });

  // When the child is gone first, its parent may reach the destructor by itself, and be cancelled
  // there, where nothing may be thrown.
  EXPECT_LE(run.end.abandoned, 1u);
  EXPECT_EQ(run.faults().size(), 1u) << run.to_string();
}

void wait_for_ever_without_exceptions() noexcept { select(); }

TEST(ExecutionTest, TaskThatMayNotThrowIsAbandoned) {
  const ThreadsRun run = run_on_threads([] {
    go("unwindable", [] { wait_for_ever_without_exceptions(); });
    go("other", [] { select(); });
  });

  EXPECT_EQ(run.end.abandoned, 1u);
  EXPECT_EQ(run.faults().size(), 2u) << run.to_string();
  const ThreadsRun next = run_on_threads([] { go("fine", [] {}).join(); });
  EXPECT_TRUE(next.findings.empty()) << next.to_string();
}

TEST(ExecutionTest, TaskThatSwallowsItsCancellationIsAbandonedAfterSixteenTimes) {
  // Its own, as it never ends.
  const auto swallowed = std::make_shared<std::atomic<int>>(0);
  const ThreadsRun run = run_on_threads([&] {
    go("greedy", [swallowed] {
      for (;;) {
        try {
          select();
        } catch (...) {
          swallowed->fetch_add(1);
        }
      }
    });
  });

  EXPECT_EQ(run.end.abandoned, 1u);
  EXPECT_EQ(swallowed->load(), 16);
}

// Whoever looks sees one task wait for the other, and then the other for the one.
TEST(ExecutionTest, TasksThatAnswerEachOtherAreNeverStuckWhoeverLooks) {
  std::atomic<bool> is_over = false;
  std::thread looker = detail::start_known_thread([&] {
    while (!is_over.load()) detail::Execution::look_for_stuck_body();
  });
  const ThreadsRun run = run_on_threads([] {
    const Channel<int> there("there");
    const Channel<int> back("back");
    const Channel<int> gate("gate");
    for (int i = 0; i < 300; ++i) go("bystander", [=] { gate.recv(); });  // Looked at in between.
    go("answerer", [=] {
      for (const int value : there) back.send(value);
    });
    for (int i = 0; i < 20'000; ++i) {
      there.send(i);
      back.recv();
    }
    there.close();
    gate.close();
  });
  is_over.store(true);
  looker.join();

  EXPECT_FALSE(run.body_was_stuck) << run.to_string();
  EXPECT_TRUE(run.faults().empty()) << run.to_string();
}

TEST(ExecutionTest, DestructorThatWaitsForAConditionIsPassedThrough) {
  const ThreadsRun run = run_on_threads([] {
    go("worker", [] {
      Mutex mutex("mutex");
      ConditionVariable changed("changed");
      const AtEnd wait([&] {
        std::unique_lock lock(mutex);
        changed.wait(lock, [] { return false; });
        EXPECT_FALSE(changed.wait_for(lock, 1h, [] { return false; }));
      });
      select();
    });
  });

  EXPECT_EQ(run.faults().size(), 1u) << run.to_string();
  EXPECT_EQ(run.end.abandoned, 0u);
}

// A task that is busy when it is told to end may be in any destructor.
TEST(ExecutionTest, DestructorsThatOnlyGiveAreNoPlaceToBeUnwoundFrom) {
  const ThreadsRun run = run_on_threads(
      [] {
        const auto never = std::make_shared<std::atomic<bool>>(false);
        go("busy", [=] {
          while (!never->load()) {
            const Channel<int> jobs("jobs");
            WaitGroup group("group", 1);
            Semaphore semaphore("semaphore", 1);
            Mutex mutex("mutex");
            ConditionVariable changed("changed");
            const Context context = with_cancel(Context::background());
            const AtEnd give([&] {
              jobs.close();
              group.done();
              semaphore.release();
              changed.notify_all();
              context.cancel();
            });
            const std::scoped_lock lock(mutex);
          }
        });
      },
      1ms);

  EXPECT_EQ(run.end.abandoned, 0u);
}

TEST(ExecutionTest, DestructorThatWaitsForALockIsPassedThrough) {
  const ThreadsRun run = run_on_threads([] {
    go("worker", [] {
      Mutex mutex("mutex");
      mutex.lock();
      try {
        const AtEnd lock([&] { mutex.lock(); });
        throw std::runtime_error("while it holds the lock");
      } catch (const std::runtime_error&) {
      }
    });
  });

  EXPECT_EQ(run.faults().size(), 1u) << run.to_string();
  EXPECT_EQ(run.faults().front().kind, FindingKind::kDeadlock);
  EXPECT_EQ(run.end.abandoned, 0u);
}

TEST(ExecutionTest, BodyThatWaitsInADestructorAsItIsUnwoundIsReportedOnce) {
  int reports = 0;
  detail::ExecutionOptions options;
  options.on_deadlock = [&](const EndState&) { ++reports; };
  struct BodyIsStuck {};
  options.throw_in_body = [] { throw BodyIsStuck{}; };
  detail::Execution execution(std::move(options));
  Mutex mutex("mutex");
  ConditionVariable changed("changed");

  try {
    const AtEnd wait([&] {
      std::unique_lock lock(mutex);
      changed.wait(lock, [] { return false; });
    });
    Channel<int>("never").recv();
  } catch (const BodyIsStuck&) {
    EXPECT_TRUE(mutex.try_lock()) << "operations work again";
    mutex.unlock();
  }
  execution.settle(1s);

  EXPECT_EQ(reports, 1);
}

// A thread that has nothing to do with the test, and that the library knows, is in a system call.
TEST(ExecutionTest, IsOverWithItsLastTaskWhateverHostThreadsDo) {
  std::binary_semaphore is_known(0);
  std::binary_semaphore may_end(0);
  std::thread host([&] {
    yield();
    is_known.release();
    may_end.acquire();
  });
  is_known.acquire();
  const ThreadsRun run = run_on_threads(
      [] {
        const Channel<int> ready("ready");
        go("short", [=] { ready.send(1); });
        ready.recv();
      },
      1h);
  may_end.release();
  host.join();

  EXPECT_TRUE(run.faults().empty()) << run.to_string();
}

TEST(ExecutionTest, WaitsForTimersAreNotForEver) {
  const ThreadsRun run = run_on_threads(
      [] {
        go("once", [] { after(1h).recv(); });
        go("again", [] {
          const Ticker ticker(1ms);
          for (;;) ticker.channel().recv();
        });
        go("until",
           [] { with_timeout(with_timeout(Context::background(), 1h), 2h).done().recv(); });
        for (const char* const label : {"once", "until"}) until_parked(label);
      },
      5ms);

  const auto faults = run.faults();
  ASSERT_EQ(faults.size(), 3u) << run.to_string();
  for (const Finding& finding : faults) {
    EXPECT_EQ(finding.certainty, Certainty::kPossible) << to_text(finding);
    const std::string text = to_text(finding);
    // The ticker's task may have been seen between two ticks.
    if (text.find("still running") != std::string::npos) continue;
    EXPECT_NE(text.find("a timer will end it"), std::string::npos) << text;
  }
}

TEST(ExecutionTest, TaskThatSwallowsItOnceEndsAtItsNextOperation) {
  const ThreadsRun run = run_on_threads([] {
    go("careless", [] {
      try {
        select();
      } catch (...) {
      }
      Channel<int>("never").recv();
      FAIL();
    });
  });

  EXPECT_EQ(run.end.abandoned, 0u);
  EXPECT_EQ(run.faults().size(), 1u) << run.to_string();
}

TEST(ExecutionTest, CancellationIsNoException) {
  const ThreadsRun run = run_on_threads([] {
    go("careful", [] {
      try {
        select();
      } catch (const std::exception&) {
        FAIL();
      }
    });
  });

  EXPECT_EQ(run.end.abandoned, 0u);
}

TEST(ExecutionTest, TaskThatIsBusyIsToldAtItsNextOperation) {
  std::atomic<bool> was_unwound = false;
  const ThreadsRun run = run_on_threads(
      [&] {
        const Channel<Unit> started("started");
        go("busy", [&, started] {
          const AtEnd note([&] { was_unwound.store(true); });
          started.send({});
          for (;;) yield();
        });
        started.recv();
      },
      1ms);

  EXPECT_TRUE(was_unwound.load());
  EXPECT_EQ(run.end.abandoned, 0u);
}

// The body's own ticker shows that time has passed.
TEST(ExecutionTest, TimersThatNobodyCanReceiveFromAreNotHeardOfInTheNext) {
  run_on_threads([] {
    go("unwound", [] {
      const Ticker ticker(100us);
      Channel<int>("never").recv();
    });
    until_parked("unwound");
    for (int i = 0; i < 3; ++i) select(on_recv(after(1ms)), on_default());
  });
  const ThreadsRun run = run_on_threads([] {
    const Ticker ticker(1ms);
    for (int tick = 0; tick < 3; ++tick) ticker.channel().recv();
  });

  EXPECT_EQ(run.recorded.objects, 2u) << "a ticker and its channel";
}

TEST(ExecutionTest, WaitersOfDestroyedObjectsAreNamed) {
  const ThreadsRun run = run_on_threads([] {
    auto group = std::make_unique<WaitGroup>("short-lived group", 1);
    auto semaphore = std::make_unique<Semaphore>("short-lived semaphore", 0);
    auto mutex = std::make_unique<Mutex>("short-lived mutex");
    auto shared = std::make_unique<SharedMutex>("short-lived shared mutex");
    mutex->lock();
    shared->lock();
    go("waiter", [&at = *group] { at.wait(); });
    go("waiter", [&at = *semaphore] { at.acquire(); });
    go("waiter", [&at = *mutex] { at.lock(); });
    go("waiter", [&at = *shared] { at.lock(); });
    go("waiter", [&at = *shared] { at.lock_shared(); });
    until_parked("waiter", 5);
  });

  EXPECT_EQ(run.faults().size(), 5u) << run.to_string();
  EXPECT_EQ(run.end.abandoned, 0u);
  for (const char* const name : {"short-lived group", "short-lived semaphore", "short-lived mutex",
                                 "short-lived shared mutex"})
    EXPECT_NE(run.to_string().find(name), std::string::npos) << name << "\n" << run.to_string();
}

TEST(ExecutionTest, ChannelsLiveAsLongAsSomebodyWaits) {
  const ThreadsRun run = run_on_threads([] {
    go("sender", [] { Channel<std::string>("temporary").send("lost"); });
    go("selecting", [] { select(on_recv(Channel<int>("temporary too"))); });
  });

  EXPECT_EQ(run.faults().size(), 2u);
  EXPECT_NE(run.to_string().find("\"temporary\""), std::string::npos) << run.to_string();
}

TEST(ExecutionTest, HostThreadsThatWaitArePartOfADeadlock) {
  std::optional<std::thread> host;
  const Channel<int> channel("never");
  const ThreadsRun run = run_on_threads([&] {
    host.emplace([&] {
      pthread_setname_np(pthread_self(), "host");
      channel.recv();
    });
    until_parked("host");
    Mutex mutex("twice");
    mutex.lock();
    mutex.lock();
  });
  channel.close();
  host->join();

  EXPECT_TRUE(run.body_was_stuck);
  ASSERT_NE(run.find_task("host"), nullptr);
  EXPECT_EQ(run.find_task("host")->status, TaskStatus::kParked);
  EXPECT_TRUE(run.find_task("host")->is_host);
}

TEST(ExecutionTest, HostThreadMayStillHelp) {
  const Channel<int> channel("helped");
  std::atomic<bool> has_seen_body_wait = false;
  std::optional<std::thread> foreign;
  const ThreadsRun run = run_on_threads([&] {
    pthread_setname_np(pthread_self(), "main");
    // Unknown to the library until its first operation.
    foreign.emplace([&] {
      while (!has_seen_body_wait.load()) {
        for (const TaskState& task : current_state().tasks)
          if (task.is_body && task.status == TaskStatus::kParked) has_seen_body_wait.store(true);
        std::this_thread::yield();
      }
      channel.send(1);
    });
    EXPECT_EQ(channel.recv(), 1);
  });
  foreign->join();

  EXPECT_FALSE(run.body_was_stuck) << run.to_string();
  EXPECT_TRUE(has_seen_body_wait.load());
}

TEST(ExecutionTest, ThreadsUnknownToTheLibraryMakeAVerdictUncertain) {
  std::atomic<bool> is_over = false;
  std::thread foreign([&] {
    while (!is_over.load()) std::this_thread::yield();
  });
  const ThreadsRun run = run_on_threads([] { Channel<int>("never").recv(); });
  is_over.store(true);
  foreign.join();

  EXPECT_TRUE(run.body_was_stuck);
  EXPECT_GE(run.state.foreign_threads, 1u);
  ASSERT_FALSE(run.faults().empty());
  EXPECT_EQ(run.faults().front().certainty, Certainty::kPossible) << run.to_string();
}

TEST(ExecutionTest, TasksOfOneAreNoLeaksOfTheNext) {
  const auto is_over = std::make_shared<std::atomic<bool>>(false);
  run_on_threads(
      [&] {
        go("stubborn", [is_over] {
          while (!is_over->load()) std::this_thread::yield();
        });
      },
      1ms);
  const ThreadsRun next = run_on_threads([] { go("fine", [] {}).join(); });
  is_over->store(true);

  EXPECT_TRUE(next.faults().empty()) << next.to_string();
}

TEST(ExecutionTest, ExceptionOfTheBodyPassesThrough) {
  EXPECT_THROW(run_on_threads([] { throw std::runtime_error("body"); }), std::runtime_error);
  const ThreadsRun next = run_on_threads([] {});
  EXPECT_TRUE(next.findings.empty());
}

TEST(ExecutionTest, SpinningForAnAtomicIsNoDeadlock) {
  const ThreadsRun run = run_on_threads([] {
    std::atomic<bool> flag = false;
    const Channel<int> channel("channel");
    go("spinner", [=, &flag] {
      while (!flag.load()) std::this_thread::yield();
      channel.send(1);
    });
    go("setter", [&] { flag.store(true); });
    channel.recv();
  });

  EXPECT_TRUE(run.findings.empty()) << run.to_string();
}

TEST(ExecutionTest, VerdictsComeWithoutWaiting) {
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 100; ++i) run_on_threads([] { Channel<int>("never").recv(); });

  // A guess by time would need its time a hundred times over.
  EXPECT_LT(std::chrono::steady_clock::now() - start, 20s);
}

}  // namespace
}  // namespace chantrace
