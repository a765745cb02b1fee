#include <gtest/gtest.h>

#include <chrono>
#include <set>
#include <string>

#include "chantrace/chantrace.h"
#include "chantrace/explore.h"

namespace chantrace {
namespace {

using namespace std::chrono_literals;

ExploreOptions with(TimeMode mode) {
  return {.schedules = 100, .strategy = random_walk(), .run = {.rules = {.time_mode = mode}}};
}

TEST(VirtualTimeTest, HoursPassAtOnce) {
  TimePoint end;
  const ExploreResult result = explore(
      [&] {
        const TimePoint start = now();
        Task other = go([] { sleep_for(2h); });
        sleep_for(1h);
        other.join();
        end = TimePoint(now() - start);
      },
      with(TimeMode::kQuiescence));

  EXPECT_FALSE(result.first_failure);
  EXPECT_EQ(end.time_since_epoch(), 2h);
}

TEST(VirtualTimeTest, SleepersWakeInTheOrderOfTheirTime) {
  std::string order;
  explore(
      [&] {
        order.clear();
        Task late = go([&] {
          sleep_for(3ms);
          order += 'c';
        });
        Task early = go([&] {
          sleep_for(1ms);
          order += 'a';
        });
        sleep_for(2ms);
        order += 'b';
        late.join();
        early.join();
        if (order != "abc") throw std::logic_error(order);
      },
      with(TimeMode::kQuiescence));

  EXPECT_EQ(order, "abc");
}

/// Sleeps, or waits with a timeout, and says when.
using Sleep = void (*)(std::chrono::milliseconds);

// How late a task comes to its sleep is a choice as well: each may be the first to wake.
TEST(VirtualTimeTest, ADeadlineIsReckonedFromWhenItsTaskComes) {
  const Sleep sleeps[] = {
      [](std::chrono::milliseconds time) { sleep_for(time); },
      [](std::chrono::milliseconds time) { Channel<int>().recv_for(time); },
      [](std::chrono::milliseconds time) {
        select(on_recv(Channel<int>()), on_timeout(time, [] {}));
      },
      [](std::chrono::milliseconds time) {
        with_timeout(Context::background(), time).done().recv();
      },
      [](std::chrono::milliseconds time) { after(time).recv(); },
  };
  for (const Sleep sleep : sleeps) {
    std::set<std::string> orders;
    const ExploreResult result = explore(
        [&] {
          std::string order;
          Task longer = go([&] {
            sleep(10ms);
            order += 'l';
          });
          Task shorter = go([&] {
            sleep(5ms);
            order += 's';
          });
          longer.join();
          shorter.join();
          orders.insert(order);
        },
        {.schedules = 100'000, .strategy = depth_first()});
    EXPECT_TRUE(result.is_exhausted);
    EXPECT_EQ(orders, (std::set<std::string>{"ls", "sl"})) << &sleep - sleeps;
  }
}

/// How often, of 100 executions, a timeout of a second came before a value that was on its way.
int early_timeouts(TimeMode mode) {
  int early = 0;
  const ExploreResult result = explore(
      [&] {
        Channel<int> values("values", 1);
        Task sender = go([=] { values.send(1); });
        select(on_recv(values), on_timeout(1s, [&] { ++early; }));
        sender.join();
      },
      with(mode));
  EXPECT_FALSE(result.first_failure);
  return early;
}

TEST(VirtualTimeTest, TimeoutMayComeFirstOnlyWhereTimeIsAChoice) {
  EXPECT_GT(early_timeouts(TimeMode::kChoice), 10);
  EXPECT_LT(early_timeouts(TimeMode::kChoice), 90);
  EXPECT_EQ(early_timeouts(TimeMode::kQuiescence), 0);
}

TEST(VirtualTimeTest, TimedFormsRunOutOfTime) {
  const ExploreResult result = explore(
      [] {
        Channel<int> values("values");
        Mutex mutex("mutex");
        Semaphore semaphore(0);
        const TimePoint start = now();
        if (values.recv_for(1s).status() != RecvStatus::kTimedOut) throw std::logic_error("recv");
        if (values.send_for(1, 1s)) throw std::logic_error("send");
        if (semaphore.try_acquire_for(1s)) throw std::logic_error("semaphore");
        mutex.lock();
        Task other = go([&] {
          if (mutex.try_lock_for(1s)) throw std::logic_error("lock");
        });
        other.join();
        mutex.unlock();
        if (now() - start != 4s) throw std::logic_error("time");
      },
      with(TimeMode::kChoice));

  EXPECT_FALSE(result.first_failure) << to_text(result.findings().at(0));
}

TEST(VirtualTimeTest, TickerTicksUntilItIsStopped) {
  int ticks = 0;
  const ExploreResult result = explore(
      [&] {
        ticks = 0;
        Ticker ticker(10ms);
        for (int i = 0; i < 5; ++i, ++ticks) ticker.channel().recv();
        ticker.stop();
      },
      with(TimeMode::kQuiescence));

  EXPECT_FALSE(result.first_failure);
  EXPECT_EQ(ticks, 5);
}

TEST(VirtualTimeTest, TickerThatNobodyHearsDoesNotKeepAnExecutionAlive) {
  for (const TimeMode mode : {TimeMode::kChoice, TimeMode::kQuiescence}) {
    const ExploreResult result = explore(
        [] {
          Ticker ticker(10ms);
          Channel<int> nothing("nothing");
          nothing.recv();
        },
        with(mode));

    ASSERT_TRUE(result.first_failure);
    EXPECT_EQ(result.findings()[0].kind, FindingKind::kBlocked);
    EXPECT_EQ(result.cut, 0u);
  }
}

TEST(VirtualTimeTest, ContextIsOverAtItsDeadline) {
  const ExploreResult result = explore(
      [] {
        const Context context = with_timeout(Context::background(), 1s);
        const Context below = with_timeout(context, 1h);
        below.done().recv();
        if (below.error() != ContextError::kDeadlineExceeded) throw std::logic_error("error");
        if (now().time_since_epoch() != 1s) throw std::logic_error("time");
      },
      with(TimeMode::kChoice));

  EXPECT_FALSE(result.first_failure) << to_text(result.findings().at(0));
}

TEST(VirtualTimeTest, PassesForOneThatLoopsUntilAMoment) {
  for (const TimeMode mode : {TimeMode::kChoice, TimeMode::kQuiescence}) {
    for (const SearchStrategy& strategy :
         {random_walk(), priorities(3), partial_order_sampling()}) {
      ExploreOptions options = with(mode);
      options.strategy = strategy;
      const ExploreResult result = explore(
          [&] {
            Ticker nobody_hears(1s);
            Channel<int> done("done", 1);
            Task other = go([=] {
              sleep_for(1s);
              done.send(1);
            });
            const TimePoint start = now();
            bool is_done = false;
            while (now() - start < 5s && !is_done)
              is_done = done.try_recv().status() == RecvStatus::kReceived;
            if (!is_done && mode == TimeMode::kQuiescence)
              throw std::logic_error("nobody else came to go on");
            while (now() - start < 1min) {
            }
            other.join();
          },
          options);

      EXPECT_FALSE(result.first_failure) << to_text(result.findings().at(0));
      EXPECT_EQ(result.cut, 0u);
    }
  }
}

TEST(VirtualTimeTest, PassesForOneThatLooksUnderALock) {
  const ExploreResult result = explore(
      [] {
        Mutex mutex;
        Task other = go([&] { std::scoped_lock lock(mutex); });
        const TimePoint end = now() + 100ms;
        while (now() < end) std::scoped_lock lock(mutex);
        other.join();
      },
      with(TimeMode::kQuiescence));

  EXPECT_FALSE(result.first_failure) << to_text(result.findings().at(0));
  EXPECT_EQ(result.cut, 0u);
}

TEST(VirtualTimeTest, LooksThatGoOnForEverAreALivelock) {
  const ExploreResult result = explore(
      [] {
        for (;;) now();
      },
      with(TimeMode::kQuiescence));

  ASSERT_TRUE(result.first_failure);
  EXPECT_TRUE(is_livelock(result.findings()[0])) << to_text(result.findings()[0]);
}

TEST(VirtualTimeTest, LoopUntilAMomentRunsAgainExactly) {
  for (const TimeMode mode : {TimeMode::kChoice, TimeMode::kQuiescence}) {
    const auto body = [] {
      Channel<int> values("values", 1);
      Task sender = go([=] {
        sleep_for(20ms);
        values.try_send(1);
      });
      const TimePoint end = now() + 50ms;
      int looks = 0;
      while (now() < end && !values.try_recv()) ++looks;
      sender.join();
      throw std::runtime_error(std::to_string(looks));
    };
    const ExploreResult result = explore(body, with(mode));
    ASSERT_TRUE(result.first_failure);
    const RunResult again = run(body, result.first_failure->schedule);
    EXPECT_FALSE(again.divergence);
    EXPECT_EQ(to_text(again.findings.at(0)), to_text(result.findings().at(0)));
  }
}

TEST(VirtualTimeTest, StoppedTimerLeavesNothingToWaitFor) {
  const ExploreResult result = explore(
      [] {
        Timer timer(1s);
        if (timer.stop()) {
          if (timer.channel().try_recv()) throw std::logic_error("it fired after it was stopped");
        } else {
          timer.channel().recv();
        }
      },
      with(TimeMode::kChoice));

  EXPECT_FALSE(result.first_failure);
}

TEST(VirtualTimeTest, TheLongestSleepEnds) {
  const ExploreResult result = explore(
      [] {
        Task sleeper = go([] { sleep_for(std::chrono::nanoseconds::max()); });
        sleep_for(std::chrono::hours::max());
        sleeper.join();
      },
      {.schedules = 20});

  EXPECT_TRUE(result.findings().empty());
}

}  // namespace
}  // namespace chantrace
