#include "priority_schedule.h"

#include <algorithm>

namespace chantrace::detail {
namespace {

/// Initial priorities are above this, those of demoted tasks below.
constexpr std::uint64_t kMiddle = std::uint64_t{1} << 63;

}  // namespace

void PrioritySchedule::begin(std::uint64_t seed) {
  random_.reset(seed);
  std::fill(priorities_.begin(), priorities_.end(), kNone);
  changes_.clear();
  for (std::uint32_t i = 1; i < depth_; ++i)
    changes_.push_back(1 + random_.next() % std::max<std::uint64_t>(steps_seen_, 1));
  std::sort(changes_.begin(), changes_.end());
  next_change_ = 0;
  lowest_ = kMiddle;
  step_ = 0;
  last_ = 0;
  run_ = 0;
}

bool PrioritySchedule::end(bool) {
  steps_seen_ = std::max(steps_seen_, step_);
  return true;
}

void PrioritySchedule::demote(std::uint32_t task) { priorities_[task] = --lowest_; }

std::size_t PrioritySchedule::pick(std::span<const Runnable> runnable, std::size_t) {
  const auto find_best = [&] {
    std::size_t best = 0;
    for (std::size_t i = 0; i < runnable.size(); ++i) {
      const std::uint32_t task = runnable[i].task;
      if (task >= priorities_.size()) priorities_.resize(task + 1);
      if (priorities_[task] == kNone) priorities_[task] = random_.next() | kMiddle;
      if (priorities_[task] > priorities_[runnable[best].task]) best = i;
    }
    return best;
  };
  ++step_;
  std::size_t best = find_best();
  while (next_change_ < changes_.size() && changes_[next_change_] == step_) {
    ++next_change_;
    demote(runnable[best].task);
    best = find_best();
  }
  if (runnable[best].task == last_ && ++run_ > kRunMax) {
    demote(last_);
    best = find_best();
  }
  if (runnable[best].task != last_) run_ = 0;
  last_ = runnable[best].task;
  return best;
}

}  // namespace chantrace::detail
