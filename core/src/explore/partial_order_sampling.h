/// \file
/// Partial order sampling: every pending operation has a random priority, drawn anew when an
/// operation that it conflicts with was made.
#pragma once

#include <vector>

#include "../runtime/strategy.h"
#include "random.h"

namespace chantrace::detail {

/// Samples partial orders more evenly than the random walk does, as a task that was passed over is
/// not passed over for good.
///
/// Source: Yuan, Yang and Gu, "Partial Order Aware Concurrency Sampling", CAV 2018, algorithm 1.
/// Cost: linear in the tasks that can go on, at each step.
class PartialOrderSampling final : public Strategy {
 public:
  void begin(std::uint64_t seed) override;
  std::size_t pick(std::span<const Runnable> runnable, std::size_t current) override;
  std::uint32_t choose(std::uint32_t count) override { return random_.below(count); }
  std::string_view name() const override { return "pos"; }

 private:
  struct Pending {
    std::uint32_t index = 0xffffffff;  ///< Which of its task's operations the priority is for.
    std::uint64_t priority = 0;
  };

  Pending& pending(const Runnable& runnable);

  Random random_;
  std::vector<Pending> pending_;  ///< By task number.
};

}  // namespace chantrace::detail
