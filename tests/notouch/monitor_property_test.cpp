#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <vector>

#include "monitor.h"

namespace chantrace::notouch {
namespace {

using std::chrono::milliseconds;

struct Sample {
  int interval_ms = 0;
  std::size_t threads = 0;
  std::set<pid_t> stuck;
};

/// What is to happen at each sample, found by looking back over all samples before it.
class Reference {
 public:
  explicit Reference(const NoTouchOptions& options) : options_(options) {}

  Monitor::Change step(Moment now, const Sample& sample) {
    threads_.push_back(static_cast<double>(sample.threads));
    move_baseline();
    deltas_.push_back(baseline_ ? std::lround(threads_.back()) - std::lround(*baseline_) : 0);
    std::erase_if(told_, [&](pid_t id) { return !sample.stuck.contains(id); });
    if (opened_at_) return in_window(now, sample);
    if (quiet_until_ && now < *quiet_until_) return Monitor::Change::kNone;
    const bool is_stuck = std::any_of(sample.stuck.begin(), sample.stuck.end(),
                                      [&](pid_t id) { return !told_.contains(id); });
    if (!is_stuck && !has_grown()) return Monitor::Change::kNone;
    is_growth_ = !is_stuck;
    if (is_stuck) told_ = sample.stuck;
    opened_at_ = now;
    window_start_ = threads_.size() - 1;
    return Monitor::Change::kOpened;
  }

 private:
  void move_baseline() {
    if (!baseline_ && threads_.size() == options_.baseline_samples) {
      double sum = 0;
      for (const double threads : threads_) sum += threads;
      baseline_ = sum / static_cast<double>(threads_.size());
    } else if (baseline_ && threads_.back() < *baseline_) {
      *baseline_ += (threads_.back() - *baseline_) / static_cast<double>(options_.history_size);
    }
  }

  bool has_grown() const {
    std::size_t many = 0;
    for (std::size_t i = deltas_.size(); i-- > counted_from_;) {
      if (deltas_[i] < static_cast<long>(options_.trigger_delta)) break;
      ++many;
    }
    return many >= options_.trigger_consecutive;
  }

  Monitor::Change in_window(Moment now, const Sample& sample) {
    if (!is_growth_) told_ = sample.stuck;
    if (now - *opened_at_ < options_.trigger_window) return Monitor::Change::kNone;
    if (is_growth_) {
      double sum = 0;
      for (std::size_t i = window_start_; i < threads_.size(); ++i) sum += threads_[i];
      baseline_ = std::max(*baseline_, sum / static_cast<double>(threads_.size() - window_start_));
      counted_from_ = deltas_.size();
    }
    opened_at_.reset();
    quiet_until_ = now + options_.cooldown;
    return Monitor::Change::kClosed;
  }

  const NoTouchOptions options_;
  std::vector<double> threads_;
  std::vector<long> deltas_;
  std::optional<double> baseline_;
  std::set<pid_t> told_;
  bool is_growth_ = false;
  std::optional<Moment> opened_at_;
  std::optional<Moment> quiet_until_;
  std::size_t window_start_ = 0;
  std::size_t counted_from_ = 0;
};

Sample any_sample() {
  Sample sample;
  sample.interval_ms = *rc::gen::inRange(0, 200);
  sample.threads = *rc::gen::weightedOneOf<std::size_t>(
      {{3, rc::gen::inRange<std::size_t>(8, 12)}, {4, rc::gen::inRange<std::size_t>(14, 40)}});
  if (*rc::gen::inRange(0, 5) == 0) {
    const auto ids = *rc::gen::container<std::vector<pid_t>>(3, rc::gen::inRange(1, 5));
    sample.stuck.insert(ids.begin(), ids.end());
  }
  return sample;
}

RC_GTEST_PROP(MonitorProperty, DoesWhatLookingBackOverAllSamplesSays, ()) {
  NoTouchOptions options;
  options.baseline_samples = *rc::gen::inRange<std::size_t>(1, 6);
  options.history_size = *rc::gen::inRange<std::size_t>(1, 20);
  options.trigger_delta = *rc::gen::inRange<std::size_t>(1, 12);
  options.trigger_consecutive = *rc::gen::inRange<std::size_t>(1, 4);
  options.trigger_window = milliseconds(*rc::gen::inRange(0, 400));
  options.cooldown = milliseconds(*rc::gen::inRange(0, 300));
  Monitor monitor(options);
  Reference reference(options);
  milliseconds now{0};
  int opened = 0;
  const int count = *rc::gen::inRange(0, 200);
  for (int i = 0; i < count; ++i) {
    const Sample sample = any_sample();
    now += milliseconds(sample.interval_ms);
    const Monitor::Change change =
        monitor.step({Moment(now), sample.threads,
                      std::vector<pid_t>(sample.stuck.begin(), sample.stuck.end())});
    RC_ASSERT(change == reference.step(Moment(now), sample));
    opened += change == Monitor::Change::kOpened ? 1 : 0;
    RC_ASSERT(monitor.trigger_count() == static_cast<std::size_t>(opened));
  }
  RC_CLASSIFY(opened > 1, "several incidents");
}

}  // namespace
}  // namespace chantrace::notouch
