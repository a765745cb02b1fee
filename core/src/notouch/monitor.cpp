#include "monitor.h"

#include <algorithm>
#include <cmath>
#include <iterator>

namespace chantrace::notouch {

Monitor::Change Monitor::step(const Input& input) {
  threads_ = input.threads;
  update_baseline();
  anomalies_ = delta() >= static_cast<std::ptrdiff_t>(options_.trigger_delta) ? anomalies_ + 1 : 0;
  std::vector<pid_t> still;
  std::set_intersection(reported_.begin(), reported_.end(), input.stuck.begin(), input.stuck.end(),
                        std::back_inserter(still));
  reported_ = std::move(still);

  if (mode_ == NoTouchMode::kTriggered) {
    window_sum_ += static_cast<double>(threads_);
    ++window_count_;
    peak_threads_ = std::max(peak_threads_, threads_);
    peak_delta_ = std::max(peak_delta_, delta());
    if (trigger_ == NoTouchTrigger::kStuck) reported_ = input.stuck;
    return input.now >= until_ ? close(input.now) : Change::kNone;
  }
  if (mode_ != NoTouchMode::kCooldown || input.now >= until_) {
    mode_ = baseline_ ? NoTouchMode::kPassive : NoTouchMode::kWarmingUp;
    if (const auto trigger = due_trigger(input)) {
      open(*trigger, input);
      return Change::kOpened;
    }
  }
  return Change::kNone;
}

void Monitor::update_baseline() {
  if (!baseline_) {
    warm_up_sum_ += static_cast<double>(threads_);
    ++warm_up_count_;
    if (warm_up_count_ >= options_.baseline_samples)
      baseline_ = warm_up_sum_ / static_cast<double>(warm_up_count_);
    return;
  }
  const double difference = static_cast<double>(threads_) - *baseline_;
  if (difference < 0) *baseline_ += difference / static_cast<double>(options_.history_size);
}

std::optional<NoTouchTrigger> Monitor::due_trigger(const Input& input) {
  if (!std::includes(reported_.begin(), reported_.end(), input.stuck.begin(), input.stuck.end()))
    return NoTouchTrigger::kStuck;
  if (anomalies_ >= options_.trigger_consecutive) return NoTouchTrigger::kGrowth;
  return std::nullopt;
}

void Monitor::open(NoTouchTrigger trigger, const Input& input) {
  mode_ = NoTouchMode::kTriggered;
  trigger_ = trigger;
  ++trigger_count_;
  until_ = input.now + options_.trigger_window;
  peak_threads_ = threads_;
  peak_delta_ = delta();
  window_sum_ = static_cast<double>(threads_);
  window_count_ = 1;
  if (trigger == NoTouchTrigger::kStuck) reported_ = input.stuck;
}

Monitor::Change Monitor::close(Moment now) {
  if (mode_ != NoTouchMode::kTriggered) return Change::kNone;
  if (trigger_ == NoTouchTrigger::kGrowth) {
    // What is usual now. What grows on grows from there.
    baseline_ = std::max(*baseline_, window_sum_ / static_cast<double>(window_count_));
    anomalies_ = 0;
  }
  mode_ = NoTouchMode::kCooldown;
  until_ = now + options_.cooldown;
  return Change::kClosed;
}

std::optional<std::size_t> Monitor::baseline() const {
  if (!baseline_) return std::nullopt;
  return static_cast<std::size_t>(std::lround(*baseline_));
}

std::ptrdiff_t Monitor::delta() const {
  if (!baseline_) return 0;
  return static_cast<std::ptrdiff_t>(threads_) - static_cast<std::ptrdiff_t>(*baseline());
}

}  // namespace chantrace::notouch
