#include "replay_schedule.h"

namespace chantrace::detail {

void ReplaySchedule::begin(std::uint64_t) {
  // The body runs from the start, without having been picked.
  visited_ = !schedule_.segments.empty() && schedule_.segments.front().task == 1 ? 1 : 0;
  choice_ = 0;
  made_ = 0;
  step_ = 0;
  divergence_.reset();
}

std::size_t ReplaySchedule::pick(std::span<const Runnable> runnable, std::size_t current) {
  ++step_;
  const std::size_t fallback = current != kNobody ? current : 0;
  if (divergence_) return fallback;
  if (visited_ == 0 || made_ == schedule_.segments[visited_ - 1].operations) {
    if (visited_ == schedule_.segments.size()) return fallback;
    ++visited_;
    made_ = 0;
  }
  const std::uint32_t task = schedule_.segments[visited_ - 1].task;
  for (std::size_t i = 0; i < runnable.size(); ++i) {
    if (runnable[i].task != task) continue;
    // A task that does not know its next operation asks again when it does.
    if (task == kClockTask || runnable[i].operation != Operation::kNone) ++made_;
    return i;
  }
  diverge(task);
  return fallback;
}

std::uint32_t ReplaySchedule::choose(std::uint32_t count) {
  if (divergence_ || choice_ == schedule_.choices.size()) return 0;
  const std::uint32_t choice = schedule_.choices[choice_++];
  if (choice < count) return choice;
  diverge(0);
  return 0;
}

void ReplaySchedule::diverge(std::uint32_t wanted) { divergence_ = {step_, wanted}; }

}  // namespace chantrace::detail
