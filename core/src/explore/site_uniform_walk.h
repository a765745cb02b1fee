/// \file
/// The site-uniform walk: a place in the code is drawn first, then one of the tasks that are there.
#pragma once

#include <vector>

#include "../runtime/strategy.h"
#include "random.h"

namespace chantrace::detail {

/// Many tasks that are about to do the same count as one, so that the cost of finding a bug among
/// workers does not grow with their number.
///
/// Source: measured; on programs of 3 to 100 equal workers it needs about as many schedules for
/// all. Cost: linear in the tasks that can go on times the places where they are, at each step.
class SiteUniformWalk final : public Strategy {
 public:
  void begin(std::uint64_t seed) override { random_.reset(seed); }
  std::size_t pick(std::span<const Runnable> runnable, std::size_t current) override;
  std::uint32_t choose(std::uint32_t count) override { return random_.below(count); }
  std::string_view name() const override { return "site"; }

 private:
  struct Place {
    const Runnable* first;
    std::uint32_t tasks;
  };

  Random random_;
  std::vector<Place> places_;
};

}  // namespace chantrace::detail
