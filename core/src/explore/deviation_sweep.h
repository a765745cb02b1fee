/// \file
/// The deviation sweep: the schedule in which each task runs as long as it can, then all that
/// differ from it in one decision, then all that differ in two, and so on.
#pragma once

#include <cstdint>
#include <vector>

#include "../runtime/strategy.h"
#include "chantrace/explore.h"

namespace chantrace::detail {

/// What it finds first has the fewest deviations possible. All schedules are tried in the end.
///
/// Source: in the manner of Wen et al., "Controlled Concurrency Testing via Periodical Scheduling",
/// ICSE 2022, which sorts schedules by how often they leave a fixed order.
/// Cost: with d deviations in the order of (steps x tasks)^d executions.
class DeviationSweep final : public Strategy {
 public:
  /// Of several shards the first takes the schedule without deviations, and each those with every
  /// so manyth first deviation.
  explicit DeviationSweep(const Shard& shard = {}) : shard_(shard) {}

  void begin(std::uint64_t) override;
  std::size_t pick(std::span<const Runnable> runnable, std::size_t current) override;
  std::uint32_t choose(std::uint32_t count) override;
  bool end(bool) override;
  void forget_places() override { begins_anew_ = true; }
  bool is_of_shard() const override { return is_of_shard_; }
  std::string_view name() const override { return "sweep"; }

 private:
  struct Deviation {
    std::uint32_t position = 0;     ///< Of the decision, from 0.
    std::uint32_t alternative = 1;  ///< 0 would be no deviation.
  };

  std::uint32_t decide(std::size_t alternatives);
  void step(Deviation& deviation, const std::vector<std::uint32_t>& alternatives) const;
  void skip_other_shards();
  bool advance();
  void place_after(std::size_t index);

  const Shard shard_;
  bool is_of_shard_ = true;
  std::vector<Deviation> deviations_;  ///< By position.
  std::size_t next_deviation_ = 0;
  std::vector<std::uint32_t> alternatives_;          ///< How many there were at each decision.
  std::vector<std::uint32_t> default_alternatives_;  ///< The same, without deviations.
  std::uint64_t first_deviations_ = 0;               ///< Of this level, before the present one.
  std::uint32_t last_task_ = 0;
  bool begins_anew_ = false;
  bool level_was_reached_ =
      false;  ///< By an execution of this level: all its deviations were made.
};

}  // namespace chantrace::detail
