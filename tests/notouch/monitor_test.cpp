#include "monitor.h"

#include <gtest/gtest.h>

#include <vector>

namespace chantrace::notouch {
namespace {

using std::chrono::milliseconds;
using Change = Monitor::Change;

NoTouchOptions small_options() {
  NoTouchOptions options;
  options.baseline_samples = 3;
  options.history_size = 10;
  options.trigger_delta = 8;
  options.trigger_consecutive = 2;
  options.trigger_window = milliseconds(300);
  options.cooldown = milliseconds(500);
  return options;
}

/// A monitor and a clock that goes on by 100 ms with each sample.
class Fed {
 public:
  explicit Fed(const NoTouchOptions& options = small_options()) : monitor(options) {}
  Change sample(std::size_t threads, std::vector<pid_t> stuck = {}) {
    now_ += milliseconds(100);
    return monitor.step({Moment(now_), threads, std::move(stuck)});
  }
  /// How many incidents are opened in `count` samples.
  int opened_in(int count, std::size_t threads, const std::vector<pid_t>& stuck = {}) {
    int opened = 0;
    for (int i = 0; i < count; ++i) opened += sample(threads, stuck) == Change::kOpened ? 1 : 0;
    return opened;
  }

  Monitor monitor;

 private:
  milliseconds now_{0};
};

TEST(MonitorTest, TheBaselineIsTheMeanOfTheFirstSamples) {
  Fed fed;
  fed.sample(10);
  fed.sample(10);
  EXPECT_EQ(fed.monitor.mode(), NoTouchMode::kWarmingUp);
  EXPECT_FALSE(fed.monitor.baseline().has_value());
  EXPECT_EQ(fed.monitor.delta(), 0);
  fed.sample(13);
  EXPECT_EQ(fed.monitor.mode(), NoTouchMode::kPassive);
  EXPECT_EQ(fed.monitor.baseline(), 11u);
  EXPECT_EQ(fed.monitor.delta(), 2);
}

TEST(MonitorTest, GrowthOpensAWindowThatClosesIntoACooldown) {
  Fed fed;
  fed.opened_in(3, 10);

  EXPECT_EQ(fed.sample(18), Change::kNone);  // Once is not enough.
  EXPECT_EQ(fed.sample(19), Change::kOpened);
  EXPECT_EQ(fed.monitor.mode(), NoTouchMode::kTriggered);
  EXPECT_EQ(fed.monitor.trigger(), NoTouchTrigger::kGrowth);
  EXPECT_EQ(fed.sample(25), Change::kNone);
  EXPECT_EQ(fed.sample(20), Change::kNone);
  EXPECT_EQ(fed.sample(20), Change::kClosed);
  EXPECT_EQ(fed.monitor.mode(), NoTouchMode::kCooldown);
  EXPECT_EQ(fed.monitor.peak_threads(), 25u);
  EXPECT_EQ(fed.monitor.peak_delta(), 15);
  EXPECT_EQ(fed.monitor.trigger_count(), 1u);
  fed.opened_in(5, 20);
  EXPECT_EQ(fed.monitor.mode(), NoTouchMode::kPassive);
}

TEST(MonitorTest, OneLessThanTheDeltaIsUsual) {
  Fed fed;
  fed.opened_in(3, 10);

  EXPECT_EQ(fed.opened_in(100, 17), 0);
}

TEST(MonitorTest, AnInterruptedGrowthBeginsAgain) {
  Fed fed;
  fed.opened_in(3, 10);

  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(fed.sample(18), Change::kNone);
    EXPECT_EQ(fed.sample(10), Change::kNone);
  }
}

TEST(MonitorTest, ALevelIsReportedOnce) {
  Fed fed;
  fed.opened_in(3, 10);

  EXPECT_EQ(fed.opened_in(1000, 50), 1);
  EXPECT_EQ(fed.monitor.baseline(), 50u);
  EXPECT_EQ(fed.opened_in(1000, 58), 1);
}

TEST(MonitorTest, WhatGrowsOnIsCountedAnew) {
  NoTouchOptions options = small_options();
  options.cooldown = milliseconds(0);
  Fed fed(options);
  fed.opened_in(3, 10);
  EXPECT_EQ(fed.opened_in(4, 19), 1);

  EXPECT_EQ(fed.sample(60), Change::kClosed);
  EXPECT_EQ(fed.sample(60), Change::kNone);
  EXPECT_EQ(fed.sample(60), Change::kOpened);
}

TEST(MonitorTest, ASlowLeakIsSeenEachTimeItHasGrownByTheDelta) {
  Fed fed;
  fed.opened_in(3, 10);

  int opened = 0;
  for (std::size_t threads = 10; threads < 90; ++threads) opened += fed.opened_in(50, threads);
  EXPECT_EQ(opened, 9);
}

TEST(MonitorTest, TheBaselineFallsWhenThereAreFewer) {
  Fed fed;
  fed.opened_in(3, 100);
  fed.opened_in(100, 20);

  EXPECT_EQ(fed.monitor.baseline(), 20u);
  EXPECT_EQ(fed.opened_in(10, 30), 1);
}

TEST(MonitorTest, AStuckSetIsReportedOnceEvenBeforeThereIsABaseline) {
  Fed fed;
  EXPECT_EQ(fed.sample(10, {3, 5}), Change::kOpened);
  EXPECT_EQ(fed.monitor.trigger(), NoTouchTrigger::kStuck);
  EXPECT_EQ(fed.opened_in(100, 10, {3, 5}), 0);
  EXPECT_EQ(fed.opened_in(100, 10, {3}), 0);
  EXPECT_EQ(fed.monitor.trigger_count(), 1u);
}

TEST(MonitorTest, AnotherStuckThreadOpensAnotherIncidentAfterTheCooldown) {
  Fed fed;
  EXPECT_EQ(fed.opened_in(20, 10, {3}), 1);
  EXPECT_EQ(fed.opened_in(20, 10, {3, 4}), 1);
  // One that has gone on in between is stuck anew.
  EXPECT_EQ(fed.opened_in(1, 10, {4}), 0);
  EXPECT_EQ(fed.opened_in(20, 10, {3, 4}), 1);
}

TEST(MonitorTest, BothTriggersCountOnTheirOwn) {
  Fed fed;
  fed.opened_in(3, 10);

  EXPECT_EQ(fed.opened_in(2, 40, {3}), 1);
  EXPECT_EQ(fed.monitor.trigger(), NoTouchTrigger::kStuck);
  EXPECT_EQ(fed.opened_in(30, 40, {3}), 1);
  EXPECT_EQ(fed.monitor.trigger(), NoTouchTrigger::kGrowth);
}

TEST(MonitorTest, AnOpenIncidentIsClosedBeforeItsTime) {
  Fed fed;
  EXPECT_EQ(fed.monitor.close(Moment()), Change::kNone);
  fed.sample(10, {3});
  EXPECT_EQ(fed.monitor.close(Moment(milliseconds(100))), Change::kClosed);
  EXPECT_EQ(fed.monitor.close(Moment(milliseconds(100))), Change::kNone);
}

}  // namespace
}  // namespace chantrace::notouch
