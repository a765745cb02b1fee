#include "chantrace/time.h"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>

#include "chantrace/select.h"
#include "chantrace/task.h"
#include "support/run_on_threads.h"

namespace chantrace {
namespace {

using namespace std::chrono_literals;

TEST(TimeTest, GoesForward) {
  const TimePoint before = now();
  sleep_for(1ms);

  EXPECT_GE(now() - before, 1ms);
}

TEST(TimeTest, SleepOfNothingReturns) {
  sleep_for(0ms);
  sleep_for(-1h);
  sleep_for(std::chrono::hours::min());
}

TEST(TimeTest, AfterSendsTheTimeOnce) {
  const TimePoint before = now();
  const RecvChannel<TimePoint> channel = after(1ms);

  const std::optional<TimePoint> fired = channel.recv();

  ASSERT_TRUE(fired.has_value());
  EXPECT_GE(*fired - before, 1ms);
  EXPECT_EQ(channel.recv_for(1ms).status(), RecvStatus::kTimedOut);
  EXPECT_TRUE(after(-1s).recv().has_value());
  EXPECT_EQ(after(std::chrono::hours::max()).try_recv().status(), RecvStatus::kEmpty);
}

TEST(TimerTest, FiresOnce) {
  const Timer timer(1ms);

  EXPECT_TRUE(timer.channel().recv().has_value());
  EXPECT_EQ(timer.channel().recv_for(2ms).status(), RecvStatus::kTimedOut);
}

TEST(TimerTest, StopSaysWhetherItWasStillToFire) {
  Timer pending(1h);
  EXPECT_TRUE(pending.stop());
  EXPECT_FALSE(pending.stop());

  Timer fired(0ms);
  fired.channel().recv();
  EXPECT_FALSE(fired.stop());
}

TEST(TimerTest, ResetLetsItFireAgain) {
  Timer timer(1h);
  EXPECT_TRUE(timer.reset(1ms));
  EXPECT_TRUE(timer.channel().recv().has_value());
  EXPECT_FALSE(timer.reset(1ms));
  EXPECT_TRUE(timer.channel().recv().has_value());
  timer.stop();
  EXPECT_FALSE(timer.reset(1ms));
  EXPECT_TRUE(timer.channel().recv().has_value());
}

TEST(TickerTest, SendsAgainAndAgain) {
  const Ticker ticker(1ms);
  TimePoint last{};
  for (int i = 0; i < 3; ++i) {
    const TimePoint tick = ticker.channel().recv().value();
    EXPECT_GT(tick, last);
    last = tick;
  }
}

TEST(TickerTest, DropsTicksThatNobodyReceives) {
  const Ticker slow(100us);
  const TimePoint first = slow.channel().recv().value();
  const Ticker other(1ms);
  TimePoint last{};
  for (int tick = 0; tick < 3; ++tick) last = other.channel().recv().value();

  // One tick waits, which is an old one; those after it are gone.
  const TimePoint waited = slow.channel().recv().value();
  EXPECT_GT(waited, first);
  EXPECT_LT(waited, last);
  EXPECT_GT(slow.channel().recv().value() - waited, 1ms);
}

TEST(TickerTest, StopsAndGoesOn) {
  Ticker ticker(100us);
  ticker.channel().recv();
  ticker.stop();
  ticker.channel().try_recv();

  EXPECT_EQ(ticker.channel().recv_for(2ms).status(), RecvStatus::kTimedOut);
  ticker.reset(100us);
  EXPECT_TRUE(ticker.channel().recv().has_value());
}

// Whatever moment of a tick a reset comes in, one ticker ticks afterwards.
TEST(TickerTest, ResetWhileItTicksLeavesOne) {
  Ticker ticker(1us);
  for (int i = 0; i < 2'000; ++i) ticker.reset(1us);
  ticker.reset(1h);
  ticker.channel().try_recv();
  const Ticker other(100us);
  for (int tick = 0; tick < 20; ++tick) other.channel().recv();

  EXPECT_EQ(ticker.channel().try_recv().status(), RecvStatus::kEmpty);
}

TEST(TickerTest, EndsWithItsObject) {
  RecvChannel<TimePoint> channel;
  {
    const Ticker ticker(100us);
    channel = ticker.channel();
    channel.recv();
  }
  channel.try_recv();

  EXPECT_EQ(channel.recv_for(2ms).status(), RecvStatus::kTimedOut);
}

TEST(QuiescenceTest, TimersThatNobodyWaitsForPreventNoVerdict) {
  const ThreadsRun run = run_on_threads([] {
    const Timer timer(1h);
    const Ticker ticker(1ms);
    const RecvChannel<TimePoint> once = after(1h);
    Channel<int>("never").recv();
  });

  EXPECT_TRUE(run.body_was_stuck);
  EXPECT_NE(run.find(FindingKind::kBlocked), nullptr) << run.to_string();
}

TEST(QuiescenceTest, TimersThatSomebodyWaitsForPreventOne) {
  const ThreadsRun run = run_on_threads([] {
    const Channel<int> result("result");
    go("worker", [=] {
      const Ticker ticker(1ms);
      for (int i = 0; i < 3; ++i) ticker.channel().recv();
      const Timer timer(1ms);
      timer.channel().recv();
      select(on_recv(after(1ms)), on_recv(Channel<int>()));
      select(on_recv(Channel<int>()), on_timeout(1ms));
      result.recv_for(1ms);
      sleep_for(1ms);
      result.send(1);
    });
    EXPECT_EQ(result.recv(), 1);
  });

  EXPECT_FALSE(run.body_was_stuck);
  EXPECT_TRUE(run.faults().empty()) << run.to_string();
}

TEST(QuiescenceTest, TickerThatATaskReceivesForEverIsNoLeakOfItsOwnMaking) {
  // The task can always go on, so there is no verdict; patience ends the wait.
  const ThreadsRun run = run_on_threads(
      [] {
        go("poller", [] {
          const Ticker ticker(1ms);
          for (;;) ticker.channel().recv();
        });
      },
      20ms);

  EXPECT_EQ(run.end.abandoned, 0u);
  ASSERT_NE(run.find_task("poller"), nullptr);
  EXPECT_NE(run.find_task("poller")->status, TaskStatus::kEnded);
}

TEST(QuiescenceTest, TimerOfAnEarlierExecutionDoesNoHarm) {
  std::optional<Timer> timer;
  std::optional<Ticker> ticker;
  run_on_threads([&] {
    timer.emplace(2ms);
    ticker.emplace(100us);
  });

  const ThreadsRun run = run_on_threads([&] {
    EXPECT_TRUE(timer->channel().recv().has_value());
    EXPECT_TRUE(ticker->channel().recv().has_value());
    timer.reset();
    ticker.reset();
  });

  EXPECT_TRUE(run.faults().empty()) << run.to_string();
}

}  // namespace
}  // namespace chantrace
