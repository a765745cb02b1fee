#include "deviation_sweep.h"

namespace chantrace::detail {
namespace {

/// Tasks in a ring that begins behind `origin`; time passes last of all.
std::uint64_t place_in_ring(std::uint32_t task, std::uint32_t origin) {
  return task == kClockTask ? std::uint64_t{1} << 32 : task - origin - 1;
}

}  // namespace

void DeviationSweep::begin(std::uint64_t) {
  if (begins_anew_) {
    deviations_.clear();
    level_was_reached_ = false;
    begins_anew_ = false;
  }
  next_deviation_ = 0;
  alternatives_.clear();
  last_task_ = 0;
}

std::uint32_t DeviationSweep::decide(std::size_t alternatives) {
  const std::size_t position = alternatives_.size();
  alternatives_.push_back(static_cast<std::uint32_t>(alternatives));
  if (next_deviation_ == deviations_.size() || deviations_[next_deviation_].position != position)
    return 0;
  return deviations_[next_deviation_++].alternative;
}

std::size_t DeviationSweep::pick(std::span<const Runnable> runnable, std::size_t current) {
  // The default goes on with the task that ran last, or else with the next in the ring. What
  // deviates is the others, in the order of the ring.
  const std::uint32_t alternative = decide(runnable.size());
  const std::uint32_t origin = current != kNobody ? runnable[current].task : last_task_;
  std::size_t chosen = current;
  if (alternative > 0 || current == kNobody) {
    std::uint32_t rank = current != kNobody ? alternative - 1 : alternative;
    // The one with `rank` others before it, by as many passes.
    std::uint64_t floor = 0;
    for (;; --rank) {
      std::uint64_t best = ~std::uint64_t{0};
      for (std::size_t i = 0; i < runnable.size(); ++i) {
        if (i == current) continue;
        const std::uint64_t place = place_in_ring(runnable[i].task, origin) + 1;
        if (place <= floor || place >= best) continue;
        best = place;
        chosen = i;
      }
      floor = best;
      if (rank == 0) break;
    }
  }
  last_task_ = runnable[chosen].task;
  return chosen;
}

std::uint32_t DeviationSweep::choose(std::uint32_t count) { return decide(count); }

void DeviationSweep::place_after(std::size_t index) {
  for (std::size_t i = index + 1; i < deviations_.size(); ++i)
    deviations_[i] = {deviations_[i - 1].position + 1, 1};
}

void DeviationSweep::step(Deviation& deviation,
                          const std::vector<std::uint32_t>& alternatives) const {
  if (deviation.alternative + 1 < alternatives[deviation.position])
    ++deviation.alternative;
  else
    deviation = {deviation.position + 1, 1};
}

void DeviationSweep::skip_other_shards() {
  Deviation& first = deviations_.front();
  // Behind the end of the schedule without deviations there is nothing to skip.
  while (first_deviations_ % shard_.count != shard_.index &&
         first.position < default_alternatives_.size()) {
    step(first, default_alternatives_);
    ++first_deviations_;
  }
  place_after(0);
}

bool DeviationSweep::advance() {
  // Deviations from `made` on stand behind the end of an execution with those before.
  const std::size_t made = next_deviation_;
  is_of_shard_ = made > 0 || shard_.index == 0;
  if (deviations_.empty()) default_alternatives_ = alternatives_;
  if (made == deviations_.size()) level_was_reached_ = true;
  if (made > 0) {
    step(deviations_[made - 1], alternatives_);
    place_after(made - 1);
    if (made == 1) {
      ++first_deviations_;
      skip_other_shards();
    }
    return true;
  }
  // All of this level are done.
  if (!level_was_reached_) return false;
  level_was_reached_ = false;
  deviations_.emplace_back();
  deviations_.front() = {0, 1};
  first_deviations_ = 0;
  skip_other_shards();
  return true;
}

bool DeviationSweep::end(bool) { return begins_anew_ || advance(); }

}  // namespace chantrace::detail
