/// \file
/// The random walk: any task that can go on is next, each as likely as the others.
#pragma once

#include "../runtime/strategy.h"
#include "random.h"

namespace chantrace::detail {

class RandomWalk final : public Strategy {
 public:
  void begin(std::uint64_t seed) override { random_.reset(seed); }
  std::size_t pick(std::span<const Runnable> runnable, std::size_t) override {
    return random_.below(runnable.size());
  }
  std::uint32_t choose(std::uint32_t count) override { return random_.below(count); }
  bool looks_ahead() const override { return false; }
  std::string_view name() const override { return "random"; }

 private:
  Random random_;
};

}  // namespace chantrace::detail
