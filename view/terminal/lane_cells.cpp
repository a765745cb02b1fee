#include "lane_cells.h"

#include <algorithm>
#include <iterator>
#include <span>

namespace chantrace::view {
namespace {

constexpr std::uint64_t kColumnsPerStepMax = 16;
/// In fewer columns words are no help.
constexpr std::size_t kLabelColumnsMin = 6;

/// The largest first step that leaves no more blank than one step at the right.
std::uint64_t last_first(const LaneScale& scale, std::uint64_t steps_count, std::size_t columns) {
  const std::uint64_t seen = scale.steps_in(columns);
  return steps_count + 2 > seen ? steps_count + 2 - seen : 1;
}

/// What the columns of a step and those up to the next one look like.
LaneCell cell_between(const Subject& subject, std::uint32_t lane, std::uint64_t begin,
                      std::uint64_t end) {
  LaneCell cell;
  const StepIndex& index = subject.index();
  const Span* span = index.span_at(lane, begin);
  if (span == nullptr && end > begin + 1) {
    // It may begin in the middle of the column.
    const std::uint64_t first = subject.timeline().lanes[lane].first;
    if (first >= begin && first < end) span = index.span_at(lane, first);
  }
  if (span == nullptr) return cell;
  cell.kind = LaneCell::Kind::kRunning;
  if (end <= begin + 1) {
    if (span->kind == Span::Kind::kRunning) return cell;
    cell.kind =
        span->kind == Span::Kind::kBlocked ? LaneCell::Kind::kBlocked : LaneCell::Kind::kParked;
    cell.object = span->object;
    return cell;
  }
  const std::uint64_t parked = index.parked_between(lane, begin, end);
  // Less than one part in 50 cannot be told from none.
  if (parked * 50 < end - begin) return cell;
  cell.kind =
      parked * 10 >= (end - begin) * 9 ? LaneCell::Kind::kParked : LaneCell::Kind::kPartlyParked;
  if (span->kind == Span::Kind::kBlocked && span->begin <= begin)
    cell.kind = LaneCell::Kind::kBlocked;
  if (span->kind != Span::Kind::kRunning) cell.object = span->object;
  return cell;
}

void add_label(LaneRow& row, std::size_t begin, std::size_t end, std::uint64_t step,
               bool is_parked) {
  if (end < begin + kLabelColumnsMin) return;
  row.labels.push_back({begin, end - begin, step, is_parked});
}

/// Labels between the steps that are seen, and of what began left of them.
void add_labels(const Subject& subject, std::uint32_t lane, const LaneScale& scale,
                std::size_t columns, LaneRow& row) {
  const std::span<const std::uint64_t> steps = subject.index().steps_of_lane(lane);
  const auto next = std::lower_bound(steps.begin(), steps.end(), scale.first);
  const auto column_of = [&](std::span<const std::uint64_t>::iterator step) {
    const std::int64_t column =
        step == steps.end() ? static_cast<std::int64_t>(columns) : scale.column_of(*step);
    return static_cast<std::size_t>(std::min(column, static_cast<std::int64_t>(columns)));
  };
  const auto end_of = [&](std::uint64_t step, std::size_t column) {
    const Span* const span = subject.index().span_at(lane, step);
    if (span == nullptr || span->kind == Span::Kind::kBlocked) return column;
    const std::int64_t end = scale.column_of(span->end);
    return std::min(column, static_cast<std::size_t>(std::max(end, std::int64_t{0})));
  };
  const auto is_parked = [&](std::uint64_t step) {
    const Span* const span = subject.index().span_at(lane, step);
    return span != nullptr && span->kind != Span::Kind::kRunning;
  };
  if (next != steps.begin() && is_parked(*std::prev(next)))
    add_label(row, 0, end_of(*std::prev(next), column_of(next)), *std::prev(next), true);
  for (auto step = next; step != steps.end() && column_of(step) < columns; ++step) {
    const std::size_t begin = column_of(step) + 1;
    add_label(row, begin, end_of(*step, column_of(std::next(step))), *step, is_parked(*step));
  }
}

}  // namespace

std::int64_t LaneScale::column_of(std::uint64_t step) const {
  const auto away = static_cast<std::int64_t>(step) - static_cast<std::int64_t>(first);
  if (away < 0) return -1;
  return steps_per_column > 1 ? away / static_cast<std::int64_t>(steps_per_column)
                              : away * static_cast<std::int64_t>(columns_per_step);
}

std::uint64_t LaneScale::step_at(std::size_t column) const {
  return first + (steps_per_column > 1 ? column * steps_per_column
                                       : (column + columns_per_step - 1) / columns_per_step);
}

std::uint64_t LaneScale::steps_in(std::size_t columns) const { return step_at(columns) - first; }

LaneScale scale_for(std::uint64_t steps_count, std::size_t columns) {
  return {.columns_per_step =
              std::clamp<std::uint64_t>(columns / (steps_count + 1), 1, kColumnsPerStepMax)};
}

LaneScale scale_for_all(std::uint64_t steps_count, std::size_t columns) {
  LaneScale scale = scale_for(steps_count, columns);
  while (columns > 0 && scale.steps_in(columns) < steps_count + 1) {
    scale.columns_per_step = 1;
    scale.steps_per_column *= 2;
  }
  return scale;
}

LaneScale zoomed_in(LaneScale scale) {
  if (scale.steps_per_column > 1)
    scale.steps_per_column /= 2;
  else
    scale.columns_per_step = std::min(scale.columns_per_step * 2, kColumnsPerStepMax);
  return scale;
}

LaneScale zoomed_out(LaneScale scale, std::uint64_t steps_count, std::size_t columns) {
  if (scale.columns_per_step > 1)
    scale.columns_per_step /= 2;
  else if (scale.steps_in(columns) < steps_count + 1)
    scale.steps_per_column *= 2;
  return scale;
}

LaneScale scrolled_to(LaneScale scale, std::uint64_t step, std::uint64_t steps_count,
                      std::size_t columns) {
  const std::uint64_t seen = std::max<std::uint64_t>(scale.steps_in(columns), 1);
  // A step or two beyond the cursor are seen, where there is room.
  const std::uint64_t margin = std::min<std::uint64_t>(seen / 8, 4 * scale.steps_per_column);
  const std::uint64_t half = seen / 2;
  const auto from = [&](std::uint64_t back) { return step > back + 1 ? step - back : 1; };
  if (step < scale.first || step >= scale.first + seen) {
    const bool is_near = step + seen / 4 >= scale.first && step < scale.first + seen + seen / 4;
    if (!is_near)
      scale.first = from(half);
    else
      scale.first = step < scale.first ? from(margin) : from(seen - 1 - margin);
  } else if (step < scale.first + margin) {
    scale.first = from(margin);
  } else if (step + margin >= scale.first + seen) {
    scale.first = from(seen - 1 - margin);
  }
  scale.first = std::min(scale.first, last_first(scale, steps_count, columns));
  // Columns of several steps begin at the same ones wherever the window is.
  if (scale.steps_per_column > 1) scale.first -= (scale.first - 1) % scale.steps_per_column;
  return scale;
}

LaneRow lane_row(const Subject& subject, std::uint32_t lane, const LaneScale& scale,
                 std::size_t columns) {
  LaneRow row;
  const std::uint64_t end_of_all = subject.steps_count() + 1;
  const std::span<const std::uint64_t> steps = subject.index().steps_of_lane(lane);
  const std::span<const Span> spans = subject.index().spans_of_lane(lane);
  const bool is_blocked = !spans.empty() && spans.back().kind == Span::Kind::kBlocked;
  row.cells.resize(columns);
  for (std::size_t column = 0; column < columns; ++column) {
    LaneCell& cell = row.cells[column];
    const std::uint64_t begin = scale.step_at(column);
    const std::uint64_t end = scale.step_at(column + 1);
    if (begin == end) {
      // Behind a step, before the next one.
      cell = column > 0 ? row.cells[column - 1] : LaneCell{};
      if (column == 0) cell = cell_between(subject, lane, begin - 1, begin);
      cell.has_step = cell.has_steps = false;
      continue;
    }
    if (begin >= end_of_all) {
      if (is_blocked) cell = {.kind = LaneCell::Kind::kBlocked, .object = spans.back().object};
      continue;
    }
    cell = cell_between(subject, lane, begin, end);
    const auto first = std::lower_bound(steps.begin(), steps.end(), begin);
    const auto last = std::lower_bound(first, steps.end(), end);
    cell.has_step = last - first == 1;
    cell.has_steps = last - first > 1;
  }
  if (scale.steps_per_column == 1) add_labels(subject, lane, scale, columns, row);
  return row;
}

}  // namespace chantrace::view
