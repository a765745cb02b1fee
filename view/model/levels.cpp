#include "levels.h"

#include <algorithm>

namespace chantrace::view {
namespace {

/// Cells of all lanes together, at 12 bytes each.
constexpr std::uint64_t kCellsMax = 2'000'000;
constexpr std::uint64_t kViewCellsMax = 1'000'000;
/// Finer ones are worth nothing: so many steps are shown one by one.
constexpr std::uint64_t kEveryMin = 256;

}  // namespace

Levels::Levels(std::size_t lanes_count, std::uint64_t steps_max) : cells_(lanes_count) {
  every_ = kEveryMin;
  while (std::max<std::uint64_t>(lanes_count, 1) * (steps_max / every_) > kCellsMax) every_ *= 2;
}

std::vector<LevelCell>& Levels::cells_of(std::uint32_t lane, std::size_t cell) {
  std::vector<LevelCell>& cells = cells_[lane];
  if (cells.size() <= cell) cells.resize(cell + 1);
  return cells;
}

void Levels::add_step(std::uint32_t lane, std::uint64_t step, std::uint64_t time) {
  const std::size_t cell = cell_of(step);
  ++cells_of(lane, cell)[cell].steps;
  // Clocks of two tasks may differ a little.
  const std::uint64_t before = times_.empty() ? 0 : times_.back();
  while (times_.size() <= cell) times_.push_back(std::max(before, time));
}

void Levels::add_span(const Span& span) {
  if (span.kind == Span::Kind::kRunning || span.begin >= span.end) return;
  const std::size_t last = cell_of(span.end - 1);
  std::vector<LevelCell>& cells = cells_of(span.lane, last);
  for (std::size_t cell = cell_of(span.begin); cell <= last; ++cell) {
    const std::uint64_t begin = std::max(span.begin, cell * every_ + 1);
    const std::uint64_t end = std::min(span.end, (cell + 1) * every_ + 1);
    const auto parked = static_cast<std::uint32_t>(end - begin);
    // The longest of a cell is not kept: one that is half of what came before is more than most.
    if (parked >= cells[cell].parked / 2)
      cells[cell].object = is_on_task(span.operation) ? 0 : span.object;
    cells[cell].parked += parked;
  }
}

void Levels::finish(std::uint64_t steps_count, std::uint64_t end_time) {
  steps_count_ = steps_count;
  end_time_ = std::max(end_time, times_.empty() ? 0 : times_.back());
}

bool Levels::has_steps(std::uint32_t lane, std::uint64_t from, std::uint64_t to) const {
  const std::vector<LevelCell>& cells = cells_[lane];
  const std::size_t end = std::min(cells.size(), cell_of(to) + 1);
  for (std::size_t cell = cell_of(from); cell < end; ++cell)
    if (cells[cell].steps > 0) return true;
  return false;
}

LevelView Levels::view(std::uint64_t from, std::uint64_t to, std::size_t cells_max,
                       std::uint32_t lane, std::uint32_t lanes_count) const {
  LevelView view;
  const auto all = static_cast<std::uint32_t>(cells_.size());
  view.lane = std::min(lane, all);
  lanes_count = std::min(lanes_count, all - view.lane);
  from = std::clamp<std::uint64_t>(from, 1, std::max<std::uint64_t>(steps_count_, 1));
  to = std::clamp(to, from, std::max<std::uint64_t>(steps_count_, 1));
  const std::uint64_t most = std::clamp<std::uint64_t>(kViewCellsMax / std::max(lanes_count, 1u), 1,
                                                       std::max<std::uint64_t>(cells_max, 1));
  const std::size_t first = cell_of(from);
  const std::size_t last = cell_of(to);
  const std::size_t group = static_cast<std::size_t>((last - first) / most + 1);
  const std::size_t count = (last - first) / group + 1;
  view.from = first * every_ + 1;
  view.every = every_ * group;

  for (std::size_t cell = 0; cell <= count; ++cell) {
    const std::size_t at = first + cell * group;
    view.times.push_back(at < times_.size() ? times_[at] : end_time_);
  }
  view.lanes.resize(lanes_count, std::vector<LevelCell>(count));
  for (std::uint32_t i = 0; i < lanes_count; ++i) {
    const std::vector<LevelCell>& cells = cells_[view.lane + i];
    const std::size_t end = std::min(cells.size(), first + count * group);
    std::uint32_t longest = 0;
    for (std::size_t at = first; at < end; ++at) {
      LevelCell& sum = view.lanes[i][(at - first) / group];
      if ((at - first) % group == 0) longest = 0;
      if (cells[at].parked > longest) {
        longest = cells[at].parked;
        sum.object = cells[at].object;
      }
      sum.parked += cells[at].parked;
      sum.steps += cells[at].steps;
    }
  }
  return view;
}

}  // namespace chantrace::view
