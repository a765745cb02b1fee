#include "partial_order_sampling.h"

namespace chantrace::detail {

void PartialOrderSampling::begin(std::uint64_t seed) {
  random_.reset(seed);
  pending_.assign(pending_.size(), {});
}

PartialOrderSampling::Pending& PartialOrderSampling::pending(const Runnable& runnable) {
  if (runnable.task >= pending_.size()) pending_.resize(runnable.task + 1);
  Pending& pending = pending_[runnable.task];
  if (pending.index != runnable.index) pending = {runnable.index, random_.next()};
  return pending;
}

std::size_t PartialOrderSampling::pick(std::span<const Runnable> runnable, std::size_t) {
  std::size_t best = 0;
  std::uint64_t best_priority = 0;
  for (std::size_t i = 0; i < runnable.size(); ++i) {
    const std::uint64_t priority = pending(runnable[i]).priority;
    if (priority < best_priority) continue;
    best = i;
    best_priority = priority;
  }
  const Runnable& chosen = runnable[best];
  for (const Runnable& other : runnable)
    if (is_conflict(other, chosen)) pending_[other.task].index = 0xffffffff;
  pending_[chosen.task].index = 0xffffffff;
  return best;
}

}  // namespace chantrace::detail
