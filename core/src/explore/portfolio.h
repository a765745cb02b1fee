/// \file
/// The portfolio: several strategies in turn, since none is good at all bugs.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "../runtime/strategy.h"
#include "chantrace/explore.h"

namespace chantrace::detail {

/// First the sweep, up to a bound, or until some of its executions were cut: where tasks poll, one
/// that goes on with the same task as long as it can is of little use. Then whichever strategy has
/// had the least of its share: greybox a half, POS, SURW, the site-uniform walk and the sweep an
/// eighth each. What counts is decisions and not time, so that an exploration is the same wherever
/// it runs.
///
/// Source: measured on 31 programs; of all pairs of strategies sweep and greybox have the best
/// worst case, and the others the best mean beside them.
class Portfolio final : public Strategy {
 public:
  /// `schedules`: how many executions there may be. The sweep is shared out.
  Portfolio(std::uint64_t schedules, const Shard& shard);
  ~Portfolio() override;

  void begin(std::uint64_t seed) override;
  std::size_t pick(std::span<const Runnable> runnable, std::size_t current) override;
  std::uint32_t choose(std::uint32_t count) override;
  void note_start(std::uint32_t parent, std::uint32_t child) override {
    present_->strategy->note_start(parent, child);
  }
  bool end(bool is_whole) override;
  void forget_places() override;
  bool is_of_shard() const override { return present_->strategy->is_of_shard(); }
  ReadsFromPairs* pairs() override { return present_->strategy->pairs(); }
  std::string_view name() const override { return present_->strategy->name(); }

 private:
  struct Part {
    std::unique_ptr<Strategy> strategy;
    std::uint32_t share = 1;  ///< Of eight.
    std::uint64_t decisions = 0;
  };

  Part& choose_part();

  std::array<Part, 5> parts_;  ///< The sweep is the first.
  Part* present_;
  const bool is_shared_out_;
  bool is_sweep_done_ = false;
  std::uint64_t executions_ = 0;
  std::uint64_t sweep_first_;
  std::uint32_t not_whole_ = 0;  ///< Executions of the sweep.
};

}  // namespace chantrace::detail
