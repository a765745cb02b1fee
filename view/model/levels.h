/// \file
/// A long timeline from afar: what each lane does in so many steps at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "timeline.h"

namespace chantrace::view {

/// What a lane does in some steps that follow each other.
struct LevelCell {
  std::uint32_t steps = 0;   ///< So many of them are its own.
  std::uint32_t parked = 0;  ///< At so many of them it is parked,
  std::uint32_t object = 0;  ///< on that for longest, as far as is kept; 0: on several, or a task.

  friend bool operator==(const LevelCell&, const LevelCell&) = default;
};

/// Some lanes from one step to another.
struct LevelView {
  std::uint64_t from = 1;   ///< The first step of the first cell.
  std::uint64_t every = 1;  ///< Steps of a cell. The last one may have fewer.
  std::uint32_t lane = 0;   ///< The first lane.
  std::vector<std::vector<LevelCell>> lanes;
  std::vector<std::uint64_t> times;  ///< At the edges of the cells: one more than there are.
};

/// Adds up what lanes do.
///
/// Threads: one at a time while steps are added, any thread afterwards.
/// Cost: some millions of cells at most, however many lanes and steps there are.
class Levels {
 public:
  /// Of some `steps_max` steps at most.
  Levels(std::size_t lanes_count, std::uint64_t steps_max);

  /// Step number `step`, of that lane and at that time; they come in their order.
  void add_step(std::uint32_t lane, std::uint64_t step, std::uint64_t time);
  /// Of each lane in their order. Spans that run are not needed.
  void add_span(const Span& span);
  /// There are no more steps.
  void finish(std::uint64_t steps_count, std::uint64_t end_time);

  /// Whether a lane makes a step between these, or near them.
  bool has_steps(std::uint32_t lane, std::uint64_t from, std::uint64_t to) const;
  /// Those steps of those lanes, in at most `cells_max` cells for each and about a million in all:
  /// the finest there are, or coarser ones.
  LevelView view(std::uint64_t from, std::uint64_t to, std::size_t cells_max, std::uint32_t lane,
                 std::uint32_t lanes_count) const;

 private:
  std::size_t cell_of(std::uint64_t step) const {
    return static_cast<std::size_t>((step - 1) / every_);
  }
  std::vector<LevelCell>& cells_of(std::uint32_t lane, std::size_t cell);

  std::uint64_t every_ = 1;
  std::uint64_t steps_count_ = 0;
  std::vector<std::vector<LevelCell>> cells_;  ///< By lane, up to the last that is not empty.
  std::vector<std::uint64_t> times_;           ///< Of the first step of each cell.
  std::uint64_t end_time_ = 0;
};

}  // namespace chantrace::view
