#include "selective_uniform_walk.h"

#include <algorithm>

namespace chantrace::detail {
namespace {

// How much an execution with fewer operations than those before weighs. Little: most have fewer
// because a task that is left alone at the end has no choice any more, and is not seen.
constexpr double kFewer = 1.0 / 1024;

}  // namespace

void SelectiveUniformWalk::choose_families() {
  bool has_any = false;
  for (const std::uint32_t family : families_) {
    is_chosen_[family] = random_.below(2) == 0;
    has_any |= is_chosen_[family];
  }
  if (!has_any && !families_.empty()) is_chosen_[families_[random_.below(families_.size())]] = true;
}

void SelectiveUniformWalk::begin(std::uint64_t seed) {
  random_.reset(seed);
  intended_ = kNobodyIntended;
  choose_families();
  for (Profile& profile : profiles_) {
    profile.left = profile.of_children = 0;
    for (std::size_t family = 0; family < profile.counts.size(); ++family) {
      Count& count = profile.counts[family];
      count.seen = 0;
      if (family < is_chosen_.size() && is_chosen_[family]) profile.left += count.average;
    }
  }
  // A child's number is greater than its parent's.
  for (std::size_t task = profiles_.size(); task-- > 1;)
    if (const std::uint32_t parent = profiles_[task].parent; parent != 0)
      profiles_[parent].of_children += profiles_[task].weight();
}

void SelectiveUniformWalk::note_start(std::uint32_t parent, std::uint32_t child) {
  profile(std::max(parent, child));
  Profile& its_parent = profiles_[parent];
  Profile& mine = profiles_[child];
  // Where another task started it before, the weights were off this time.
  if (mine.parent == parent)
    its_parent.of_children = std::max(0.0, its_parent.of_children - mine.weight());
  mine.parent = parent;
  if (intended_ != parent) return;
  const double sum = its_parent.weight() + mine.weight();
  if (random_.unit() * sum < mine.weight()) intended_ = child;
}

SelectiveUniformWalk::Profile& SelectiveUniformWalk::profile(std::uint32_t task) {
  if (task >= profiles_.size()) profiles_.resize(task + 1);
  return profiles_[task];
}

bool SelectiveUniformWalk::counts(const Runnable& runnable) const {
  return runnable.task != kClockTask && runnable.family < is_chosen_.size() &&
         is_chosen_[runnable.family];
}

std::uint32_t SelectiveUniformWalk::draw(std::span<const Runnable> runnable) {
  // Of a task whose count was too low, one more operation is taken to come. Time makes none that
  // counts: others would wait for it for ever.
  const auto weight = [&](const Runnable& one) {
    return one.task == kClockTask ? 0.0 : std::max(profile(one.task).weight(), 1.0);
  };
  double sum = 0;
  for (const Runnable& one : runnable) sum += weight(one);
  double point = sum * random_.unit();
  for (const Runnable& one : runnable) {
    point -= weight(one);
    if (point < 0) return one.task;
  }
  return runnable.back().task != kClockTask ? runnable.back().task : runnable.front().task;
}

std::size_t SelectiveUniformWalk::pick(std::span<const Runnable> runnable, std::size_t) {
  const auto is_intended = [&](const Runnable& one) { return one.task == intended_; };
  if (std::none_of(runnable.begin(), runnable.end(), is_intended)) intended_ = draw(runnable);
  candidates_.clear();
  for (std::uint32_t i = 0; i < runnable.size(); ++i)
    if (!counts(runnable[i]) || is_intended(runnable[i])) candidates_.push_back(i);
  const std::size_t chosen = candidates_[random_.below(candidates_.size())];
  note(runnable[chosen]);
  return chosen;
}

void SelectiveUniformWalk::note(const Runnable& made) {
  if (made.family >= is_chosen_.size()) is_chosen_.resize(made.family + 1);
  Profile& mine = profile(made.task);
  if (made.family >= mine.counts.size()) mine.counts.resize(made.family + 1);
  if (mine.counts[made.family].seen++ == 0 &&
      std::find(families_.begin(), families_.end(), made.family) == families_.end())
    families_.push_back(made.family);
  if (counts(made)) {
    mine.left -= 1;
    intended_ = kNobodyIntended;
  }
}

bool SelectiveUniformWalk::end(bool is_whole) {
  // One that was cut, or stopped by a bug, says nothing of how long executions are.
  if (!is_whole) return true;
  for (Profile& profile : profiles_) {
    for (Count& count : profile.counts) {
      const double seen = count.seen;
      count.average = std::max(seen, count.average + kFewer * (seen - count.average));
    }
  }
  return true;
}

}  // namespace chantrace::detail
