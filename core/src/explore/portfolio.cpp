#include "portfolio.h"

#include <algorithm>

#include "deviation_sweep.h"
#include "greybox.h"
#include "partial_order_sampling.h"
#include "selective_uniform_walk.h"
#include "site_uniform_walk.h"

namespace chantrace::detail {
namespace {

constexpr std::uint64_t kSweepFirstMax = 2'000;
constexpr std::uint64_t kSweepFirstPercent = 5;
constexpr std::uint32_t kNotWholeMax = 8;
// What an execution costs beside its decisions, in decisions.
constexpr std::uint64_t kExecutionCost = 10;

}  // namespace

Portfolio::Portfolio(std::uint64_t schedules, const Shard& shard)
    : parts_{Part{std::make_unique<DeviationSweep>(shard), 1}, Part{std::make_unique<Greybox>(), 4},
             Part{std::make_unique<PartialOrderSampling>(), 1},
             Part{std::make_unique<SelectiveUniformWalk>(), 1},
             Part{std::make_unique<SiteUniformWalk>(), 1}},
      present_(parts_.data()),
      is_shared_out_(shard.count > 1),
      sweep_first_(std::min(kSweepFirstMax, schedules / 100 * kSweepFirstPercent +
                                                schedules % 100 * kSweepFirstPercent / 100)) {}

Portfolio::~Portfolio() = default;

Portfolio::Part& Portfolio::choose_part() {
  if (executions_ <= sweep_first_ && !is_sweep_done_) return parts_.front();
  const auto first = parts_.begin() + (is_sweep_done_ ? 1 : 0);
  return *std::min_element(first, parts_.end(), [](const Part& left, const Part& right) {
    return left.decisions * right.share < right.decisions * left.share;
  });
}

void Portfolio::begin(std::uint64_t seed) {
  present_ = &choose_part();
  // What the sweep was given before does not count against it.
  if (executions_++ == sweep_first_) parts_.front().decisions = 0;
  present_->decisions += kExecutionCost;
  present_->strategy->begin(seed);
}

std::size_t Portfolio::pick(std::span<const Runnable> runnable, std::size_t current) {
  ++present_->decisions;
  return present_->strategy->pick(runnable, current);
}

std::uint32_t Portfolio::choose(std::uint32_t count) { return present_->strategy->choose(count); }

bool Portfolio::end(bool is_whole) {
  if (!is_whole && present_ == parts_.data() && ++not_whole_ == kNotWholeMax)
    sweep_first_ = std::min(sweep_first_, executions_);
  // Only the sweep can know that there is no other schedule. Where it is shared out, it knows that
  // of its part only, and the others go on.
  is_sweep_done_ |= !present_->strategy->end(is_whole);
  return !is_sweep_done_ || is_shared_out_;
}

void Portfolio::forget_places() {
  is_sweep_done_ = false;
  for (Part& part : parts_) part.strategy->forget_places();
}

}  // namespace chantrace::detail
