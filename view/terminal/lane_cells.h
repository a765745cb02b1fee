/// \file
/// What of the lanes falls into which column of a screen.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "subject.h"

namespace chantrace::view {

/// Which steps are seen, and how far they are apart. One of the two factors is 1.
///
/// Threads: a plain value.
struct LaneScale {
  std::uint64_t first = 1;  ///< The step at the left edge.
  std::uint64_t columns_per_step = 1;
  std::uint64_t steps_per_column = 1;

  /// Columns from the left edge to that of a step; negative: it is left of it.
  std::int64_t column_of(std::uint64_t step) const;
  /// The first step of a column, and of the one behind it; the same where a column has none.
  std::uint64_t step_at(std::size_t column) const;
  /// Steps that begin in so many columns.
  std::uint64_t steps_in(std::size_t columns) const;

  friend bool operator==(const LaneScale&, const LaneScale&) = default;
};

/// All steps and one more for what never ends, as large as they fit; one step a column where they
/// do not.
LaneScale scale_for(std::uint64_t steps_count, std::size_t columns);
/// Everything, however small; `scale_for` where that fits.
LaneScale scale_for_all(std::uint64_t steps_count, std::size_t columns);
/// One size larger or smaller.
LaneScale zoomed_in(LaneScale scale);
LaneScale zoomed_out(LaneScale scale, std::uint64_t steps_count, std::size_t columns);
/// Moved so that `step` is seen, by as little as may be, or by half a screen where it was out of
/// sight.
LaneScale scrolled_to(LaneScale scale, std::uint64_t step, std::uint64_t steps_count,
                      std::size_t columns);

/// What is in one column of one lane.
struct LaneCell {
  enum class Kind : std::uint8_t {
    kNothing,  ///< The task has not begun, or has ended.
    kRunning,
    kParked,
    kPartlyParked,  ///< Parked at some of the column's steps.
    kBlocked,       ///< Parked, and never woken.
  };
  Kind kind = Kind::kNothing;
  bool has_step = false;     ///< The task makes a step there,
  bool has_steps = false;    ///< or several.
  std::uint32_t object = 0;  ///< On which it is parked; 0: none, or several.

  friend bool operator==(const LaneCell&, const LaneCell&) = default;
};

/// Words in a lane, between its steps.
struct LaneLabel {
  std::size_t column = 0;
  std::size_t columns = 0;  ///< Room for it.
  std::uint64_t step = 0;   ///< Whose words it is.
  bool is_parked = false;   ///< It says what the lane waits for.

  friend bool operator==(const LaneLabel&, const LaneLabel&) = default;
};

struct LaneRow {
  std::vector<LaneCell> cells;
  std::vector<LaneLabel> labels;
};

/// Cost: a few binary searches a column, whatever the trace.
LaneRow lane_row(const Subject& subject, std::uint32_t lane, const LaneScale& scale,
                 std::size_t columns);

}  // namespace chantrace::view
