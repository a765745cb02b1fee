#include "greybox.h"

#include <algorithm>
#include <utility>

namespace chantrace::detail {
namespace {

// One of so many executions begins from nothing.
constexpr std::uint32_t kFreshOneOf = 4;
constexpr std::uint32_t kEnergy = 16;
constexpr std::uint32_t kEnergyOfNew = 32;
constexpr std::size_t kNewestDrawn = 16;
// A search that sees nothing new for so long begins anew.
constexpr std::uint32_t kPatience = 4'000;
constexpr std::size_t kKeptMax = 1'024;
constexpr std::size_t kDecisionsMax = 1u << 20;
constexpr std::uint32_t kShortRunMax = 8;

}  // namespace

void Greybox::begin(std::uint64_t seed) {
  random_.reset(seed);
  sampling_.begin(random_.next());
  plan_.clear();
  planned_ = 0;
  made_.clear();
  if (kept_.empty() || random_.below(kFreshOneOf) == 0) return;
  draw();
  const std::uint32_t mutation = random_.below(3);
  if (mutation != 0) {
    pull_forward();
    if (random_.below(2) == 0) pull_forward();
  }
  if (mutation != 1) cut();
}

void Greybox::draw() {
  if (energy_left_ == 0) {
    const std::size_t recent = std::min(kNewestDrawn, kept_.size());
    drawn_ = random_.below(2) == 0 ? (newest_ + kept_.size() - random_.below(recent)) % kept_.size()
                                   : random_.below(kept_.size());
    energy_left_ = std::exchange(kept_[drawn_].energy, kEnergy);
  }
  --energy_left_;
  plan_ = kept_[drawn_].decisions;
}

void Greybox::cut() {
  if (!plan_.empty()) plan_.resize(random_.below(plan_.size()));
}

void Greybox::pull_forward() {
  if (plan_.size() < 2) return;
  const std::size_t to = random_.below(plan_.size() - 1);
  const std::size_t from = to + 1 + random_.below(plan_.size() - to - 1);
  const Decision task = plan_[from];
  if ((task & kIsChoice) != 0) return;
  std::uint32_t length = random_.below(2) == 0 ? 1 + random_.below(kShortRunMax)
                                               : static_cast<std::uint32_t>(plan_.size());
  // The next `length` decisions for the task move to `to`, all others behind them.
  moved_.clear();
  std::size_t kept = from;
  for (std::size_t i = from; i < plan_.size(); ++i) {
    if (plan_[i] == task && length > 0) {
      --length;
      moved_.push_back(task);
    } else {
      plan_[kept++] = plan_[i];
    }
  }
  plan_.resize(kept);
  plan_.insert(plan_.begin() + static_cast<std::ptrdiff_t>(to), moved_.begin(), moved_.end());
}

std::size_t Greybox::pick(std::span<const Runnable> runnable, std::size_t current) {
  std::size_t chosen = kNobody;
  while (chosen == kNobody && planned_ < plan_.size()) {
    chosen = find_task(runnable, plan_[planned_++]);
  }
  if (chosen == kNobody) chosen = sampling_.pick(runnable, current);
  if (made_.size() < kDecisionsMax) made_.push_back(runnable[chosen].task);
  return chosen;
}

std::uint32_t Greybox::choose(std::uint32_t count) {
  std::uint32_t chosen = random_.below(count);
  if (planned_ < plan_.size() && (plan_[planned_] & kIsChoice) != 0) {
    const std::uint32_t planned = plan_[planned_++] & ~kIsChoice;
    if (planned < count) chosen = planned;
  }
  if (made_.size() < kDecisionsMax) made_.push_back(chosen | kIsChoice);
  return chosen;
}

void Greybox::keep() {
  if (kept_.size() < kKeptMax) {
    newest_ = kept_.size();
    kept_.emplace_back();
  } else {
    newest_ = (newest_ + 1) % kKeptMax;
  }
  kept_[newest_].decisions = made_;
  kept_[newest_].energy = kEnergyOfNew;
}

bool Greybox::end(bool is_whole) {
  if (pairs_.take_news() > 0) {
    if (is_whole) keep();
    executions_without_news_ = 0;
  } else if (++executions_without_news_ == kPatience) {
    pairs_.clear();
    kept_.clear();
    energy_left_ = 0;
    newest_ = 0;
    executions_without_news_ = 0;
  }
  return true;
}

}  // namespace chantrace::detail
