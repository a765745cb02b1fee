#include "plan.h"

#include <algorithm>

namespace chantrace::detail {
std::size_t find_first(std::span<const Runnable> runnable, std::size_t current) {
  if (current != kNobody) return current;
  // The clock's number, which is 0, becomes the highest one.
  const auto first = std::min_element(
      runnable.begin(), runnable.end(),
      [](const Runnable& left, const Runnable& right) { return left.task - 1 < right.task - 1; });
  return static_cast<std::size_t>(first - runnable.begin());
}

// PlanRecord.

void PlanRecord::begin() {
  plan_.turns.clear();
  plan_.choices.clear();
  preemptions_ = 0;
  made_.clear();
}

std::uint32_t PlanRecord::next_operation(const Runnable& runnable) const {
  if (runnable.operation != Operation::kNone) return runnable.index;
  // It does not know yet. Whoever does not look ahead is asked at each step.
  return runnable.task < made_.size() ? made_[runnable.task] + 1 : 1;
}

void PlanRecord::note(std::span<const Runnable> runnable, std::size_t current, std::size_t chosen) {
  const Runnable& next = runnable[chosen];
  if (next.task != kClockTask) {
    // One that was woken runs up to its next operation, and is not to make it before it is picked
    // once more.
    if (next.operation == Operation::kNone) return;
    if (next.task >= made_.size()) made_.resize(next.task + 1);
    made_[next.task] = next.index;
  }
  // Where there is no choice a follower is not asked.
  if (runnable.size() == 1) return;
  std::vector<Turn>& turns = plan_.turns;
  if (current != kNobody) {
    // It went on without a choice, since nobody else could.
    if (turns.empty() || runnable[current].task != turns.back().task)
      turns.push_back({runnable[current].task});
    if (chosen != current) {
      turns.back().until = next_operation(runnable[current]);
      ++preemptions_;
    }
  }
  if (chosen != current) turns.push_back({next.task});
}

void PlanRecord::note_choice(std::uint32_t choice) { plan_.choices.push_back(choice); }

ScheduleCost PlanRecord::cost(std::uint64_t steps) const {
  std::uint64_t switches = 0;
  for (std::size_t i = 1; i < plan_.turns.size(); ++i)
    switches += plan_.turns[i].task != plan_.turns[i - 1].task ? 1 : 0;
  const auto choices = plan_.choices.size() - static_cast<std::size_t>(std::count(
                                                  plan_.choices.begin(), plan_.choices.end(), 0u));
  return {.preemptions = preemptions_, .switches = switches, .choices = choices, .steps = steps};
}

// PlanFollower.

void PlanFollower::begin(std::uint64_t) {
  turn_ = 0;
  has_begun_ = false;
  choice_ = 0;
  record_.begin();
}

std::size_t PlanFollower::find_planned(std::span<const Runnable> runnable, std::size_t current) {
  for (; turn_ < plan_->turns.size(); ++turn_, has_begun_ = false) {
    const Turn& turn = plan_->turns[turn_];
    const std::size_t place = find_task(runnable, turn.task);
    if (place == kNobody) continue;
    if (turn.task == kClockTask) {
      if (has_begun_) continue;
    } else {
      const bool has_waited = has_begun_ && place != current;
      if (has_waited || runnable[place].index >= turn.until) continue;
    }
    has_begun_ = true;
    return place;
  }
  return kNobody;
}

std::size_t PlanFollower::pick(std::span<const Runnable> runnable, std::size_t current) {
  // No choice, and no turn either: a plan is the same whether or not one is asked here.
  if (runnable.size() == 1) return 0;
  const std::size_t planned = find_planned(runnable, current);
  const std::size_t chosen = planned != kNobody ? planned : find_first(runnable, current);
  record_.note(runnable, current, chosen);
  return chosen;
}

std::uint32_t PlanFollower::choose(std::uint32_t count) {
  std::uint32_t choice = choice_ < plan_->choices.size() ? plan_->choices[choice_++] : 0;
  if (choice >= count) choice = 0;
  record_.note_choice(choice);
  return choice;
}

// PlanRecorder.

void PlanRecorder::begin(std::uint64_t seed) {
  record_.begin();
  decides_.begin(seed);
}

std::size_t PlanRecorder::pick(std::span<const Runnable> runnable, std::size_t current) {
  const std::size_t chosen = decides_.pick(runnable, current);
  record_.note(runnable, current, chosen);
  return chosen;
}

std::uint32_t PlanRecorder::choose(std::uint32_t count) {
  const std::uint32_t choice = decides_.choose(count);
  record_.note_choice(choice);
  return choice;
}

std::uint32_t PlanRecorder::choose_case(std::uint32_t task, std::span<const std::uint16_t> cases) {
  const std::uint32_t choice = decides_.choose_case(task, cases);
  record_.note_choice(choice);
  return choice;
}

}  // namespace chantrace::detail
