#include "replay_schedule.h"

namespace chantrace::detail {
namespace {

/// The first of those that do not know their next operation. What such a one does up to there may
/// be nobody's visit, and still the task that is wanted may wait for it: time does not pass before,
/// where it passes only when nothing else can go on.
std::size_t find_woken(std::span<const Runnable> runnable) {
  std::size_t first = kNobody;
  for (std::size_t i = 0; i < runnable.size(); ++i) {
    if (runnable[i].task == kClockTask || runnable[i].operation != Operation::kNone) continue;
    if (first == kNobody || runnable[i].task < runnable[first].task) first = i;
  }
  return first;
}

}  // namespace

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
  for (;;) {
    const bool is_next = visited_ == 0 || made_ >= schedule_.segments[visited_ - 1].operations;
    if (is_next && visited_ == schedule_.segments.size()) return find_default(runnable, current);
    const std::uint32_t task = schedule_.segments[is_next ? visited_ : visited_ - 1].task;
    const std::size_t place = find_task(runnable, task);
    if (place == kNobody) {
      const std::size_t woken = find_woken(runnable);
      if (woken != kNobody) return woken;
      diverge(task);
      pass_over(is_next);
      continue;
    }
    if (is_next) {
      ++visited_;
      made_ = 0;
    }
    // A task that does not know its next operation asks again when it does.
    if (task == kClockTask || runnable[place].operation != Operation::kNone) ++made_;
    return place;
  }
}

std::uint32_t ReplaySchedule::choose(std::uint32_t count) {
  if (choice_ == schedule_.choices.size()) return 0;
  const std::uint32_t choice = schedule_.choices[choice_++];
  if (choice < count) return choice;
  diverge(0);
  return 0;
}

void ReplaySchedule::diverge(std::uint32_t wanted) {
  if (!divergence_) divergence_ = {step_, wanted};
}

void ReplaySchedule::pass_over(bool is_next) {
  if (is_next) ++visited_;
  made_ = schedule_.segments[visited_ - 1].operations;
}

}  // namespace chantrace::detail
