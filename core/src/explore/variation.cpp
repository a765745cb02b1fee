#include "variation.h"

namespace chantrace::detail {

void Variation::begin(std::uint64_t seed) {
  random_.reset(seed);
  follower_.begin(seed);
  has_come_about_ = false;
  is_impossible_ = false;
  steps_.clear();
  choices_.clear();
  choices_made_.clear();
  timers_fired_ = 0;
}

StepOfTask Variation::next_of(const Runnable& one) const {
  return {one.task, one.task == kClockTask ? timers_fired_ + 1 : one.index};
}

bool Variation::is_held(const Runnable& one) const {
  return options_.reversal && !has_come_about_ && !is_impossible_ &&
         next_of(one) == options_.reversal->held;
}

bool Variation::is_left_to_chance() {
  return is_free() || (options_.chance_one_of > 0 && random_.below(options_.chance_one_of) == 0);
}

bool Variation::is_free() const {
  return steps_.size() >= options_.steps_followed || (options_.is_free_behind && has_come_about_);
}

std::size_t Variation::pick(std::span<const Runnable> runnable, std::size_t current) {
  allowed_.clear();
  places_.clear();
  std::size_t allowed_current = kNobody;
  for (std::size_t i = 0; i < runnable.size(); ++i) {
    if (is_held(runnable[i])) continue;
    if (i == current) allowed_current = allowed_.size();
    allowed_.push_back(runnable[i]);
    places_.push_back(i);
  }
  std::size_t chosen = 0;
  if (allowed_.empty()) {
    // Nobody else can go on: what is awaited cannot come first.
    is_impossible_ = true;
  } else {
    std::size_t planned = follower_.pick(allowed_, allowed_current);
    if (is_left_to_chance()) planned = random_.below(allowed_.size());
    chosen = places_[planned];
  }
  const bool is_preemption = current != kNobody && chosen != current;
  const StepOfTask next = next_of(runnable[chosen]);
  has_come_about_ |= options_.reversal && !is_impossible_ && next == options_.reversal->awaited;
  timers_fired_ += next.task == kClockTask ? 1 : 0;
  const Location* const site = runnable[chosen].site;
  steps_.push_back({.who = next,
                    .what = runnable[chosen],
                    .site = site != nullptr ? *site : Location{},
                    .recorded_at = log_.size(),
                    .preempted = is_preemption ? runnable[current].task : 0});
  steps_.back().what.site = nullptr;  // It is in the frame of the task that makes the step.
  return chosen;
}

std::uint32_t Variation::choose(std::uint32_t count) {
  constexpr std::uint32_t kBody = 1;
  return make_choice(steps_.empty() ? kBody : steps_.back().who.task, count, {});
}

std::uint32_t Variation::choose_case(std::uint32_t task, std::span<const std::uint16_t> cases) {
  return make_choice(task, static_cast<std::uint32_t>(cases.size()), cases);
}

void Variation::keep_choices() {
  for (const Choice& choice : choices_) kept_choices_[choice.who] = choice.chosen;
  has_kept_choices_ = true;
}

std::uint32_t Variation::planned_choice(const ChoiceOfTask& who, std::uint32_t count) {
  if (!has_kept_choices_) return follower_.choose(count);
  const auto kept = kept_choices_.find(who);
  return kept != kept_choices_.end() && kept->second < count ? kept->second : 0;
}

std::uint32_t Variation::make_choice(std::uint32_t task, std::uint32_t count,
                                     std::span<const std::uint16_t> cases) {
  if (task >= choices_made_.size()) choices_made_.resize(task + 1);
  const ChoiceOfTask who{task, choices_made_[task]++};
  std::uint32_t chosen = planned_choice(who, count);
  if (options_.changed_choice && !has_come_about_ && who == *options_.changed_choice) {
    chosen = (chosen + 1 + random_.below(count - 1)) % count;
    has_come_about_ = true;
  } else if (is_left_to_chance()) {
    chosen = random_.below(count);
  }
  choices_.push_back(
      {who, count, chosen, {cases.begin(), cases.end()}, steps_.size(), log_.size()});
  return chosen;
}

}  // namespace chantrace::detail
