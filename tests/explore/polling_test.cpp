// Programs that poll, tick and time out, under every strategy: each execution ends, and whatever
// comes after it is sound.
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <string>
#include <tuple>

#include "chantrace/chantrace.h"
#include "chantrace/explore.h"
#include "support/leaks_allowed.h"

namespace chantrace {
namespace {

using namespace std::chrono_literals;

/// Each strategy, in each time mode.
class EveryStrategyTest : public testing::TestWithParam<std::tuple<SearchStrategy, TimeMode>> {
 protected:
  ExploreResult explore_it(const std::function<void()>& body) const {
    return explore(body,
                   {.schedules = 100,
                    .strategy = std::get<0>(GetParam()),
                    .run = {.rules = {.time_mode = std::get<1>(GetParam())}, .steps_max = 5'000}});
  }
};

TEST_P(EveryStrategyTest, TickerThatNobodyStopsEndsWithItsBody) {
  // The order in which the values and the ticks come is not of interest, but that all of it ends.
  const ExploreResult result = explore_it([] {
    Ticker ticker(10ms);
    Atomic<int> count(0);
    Task first = go([&] {
      count.fetch_add(1);
      count.fetch_add(1);
    });
    Task second = go([&] {
      count.fetch_add(1);
      ticker.channel().recv();
      count.fetch_add(1);
    });
    first.join();
    second.join();
    if (count.load() != 4) throw std::logic_error("count");
  });

  EXPECT_FALSE(result.first_failure) << to_text(result.findings().at(0));
  EXPECT_LT(result.cut, result.executions);
}

TEST_P(EveryStrategyTest, HeartbeatStopsWhenItIsTold) {
  const ExploreResult result = explore_it([] {
    const Channel<int> stop("stop");
    Task heart = go("heart", [=] {
      const Ticker ticker(10ms);
      for (bool goes_on = true; goes_on;)
        select(on_recv(ticker.channel()), on_recv(stop, [&] { goes_on = false; }));
    });
    sleep_for(25ms);
    stop.close();
    heart.join();
  });

  EXPECT_FALSE(result.first_failure) << to_text(result.findings().at(0));
}

TEST_P(EveryStrategyTest, PollerOfADeadlineIsNoLivelock) {
  const ExploreResult result = explore_it([] {
    const Context context = with_timeout(Context::background(), 10ms);
    Timer timer(20ms);
    while (context.error() == ContextError::kNone) yield();
    while (timer.channel().size() == 0) yield();
  });

  EXPECT_FALSE(result.first_failure) << to_text(result.findings().at(0));
}

TEST_P(EveryStrategyTest, ExecutionBehindAnAbandonedHolderOfALockIsSound) {
  static Mutex kept("kept");
  [[maybe_unused]] const LeaksAllowed leaks;
  int executions = 0;
  const auto hold_for_ever = [](const Channel<int>& nothing) noexcept {
    Mutex mine("mine");
    mine.lock();
    kept.lock();
    nothing.recv();
  };
  const ExploreResult result = explore(
      [&] {
        ++executions;
        if (executions % 2 == 0) {
          // On the control, and perhaps on the stack, of the one that was abandoned.
          Task next = go("next", [] { const std::scoped_lock lock(kept); });
          next.join();
          return;
        }
        const Channel<int> nothing("nothing");
        go("holder", [=] { hold_for_ever(nothing); });
        sleep_for(1ms);
      },
      {.schedules = 40,
       .strategy = std::get<0>(GetParam()),
       .run = {.rules = {.time_mode = std::get<1>(GetParam())}},
       .goes_on = true,
       .runs_again = false});

  // A search that enumerates may be through before.
  EXPECT_EQ(result.failures, (result.executions + 1) / 2) << to_text(result.findings().at(0));
  EXPECT_EQ(result.abandoned, result.failures);
}

INSTANTIATE_TEST_SUITE_P(
    , EveryStrategyTest,
    testing::Combine(testing::Values(portfolio(), random_walk(), partial_order_sampling(),
                                     priorities(3), selective_uniform_walk(), site_uniform_walk(),
                                     deviation_sweep(), greybox(), depth_first()),
                     testing::Values(TimeMode::kChoice, TimeMode::kQuiescence)),
    [](const auto& test) {
      std::string name = to_string(std::get<0>(test.param));
      for (char& c : name)
        if (c == ':') c = '_';
      return name + (std::get<1>(test.param) == TimeMode::kChoice ? "Choice" : "Quiescence");
    });

TEST(EmptyScheduleTest, LetsTasksRunBeforeTime) {
  const auto body = [] {
    const Ticker ticker(10ms);
    Atomic<int> value(0);
    Task task = go([&] {
      sleep_for(50ms);
      value.store(1);
    });
    task.join();
  };
  const RunResult result = run(body, {});

  EXPECT_TRUE(result.findings.empty());
  EXPECT_LT(result.steps, 20u);
}

TEST(BudgetTest, AloneAllowsAsManySchedulesAsItLasts) {
  EXPECT_EQ(schedules_max({}), 1'000u);
  EXPECT_EQ(schedules_max({.budget = 1h}), ~std::uint64_t{0});
  EXPECT_EQ(schedules_max({.schedules = 7, .budget = 1h}), 7u);
}

}  // namespace
}  // namespace chantrace
