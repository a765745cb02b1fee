#include "layout.h"

#include <algorithm>

namespace chantrace::view {
namespace {

/// From here on there is room for the operation beside the lanes.
constexpr std::size_t kWideColumns = 120;

/// Rows of the panels below: what the lanes leave, as long as each keeps a part.
std::size_t rows_below(const LayoutRequest& request, std::size_t rows, std::size_t wanted) {
  const std::size_t least = std::max<std::size_t>(rows * 2 / 5, 4);
  const std::size_t left = rows > request.main_rows ? rows - request.main_rows : 0;
  return std::clamp(std::max(std::min(least, wanted), left), std::size_t{4}, rows - 4);
}

}  // namespace

Layout lay_out(const LayoutRequest& request) {
  const std::size_t columns = request.columns;
  const std::size_t rows = request.rows - 2;  // Between the bar and the status.
  Layout layout;
  layout.bar = {{0, 0}, 1, columns};
  layout.status = {{request.rows - 1, 0}, 1, columns};
  layout.main = {{1, 0}, rows, columns};
  if (request.is_whole) return layout;
  layout.is_wide = columns >= kWideColumns;
  // A line leads from one part to the next.
  if (layout.is_wide) {
    const std::size_t right = std::clamp<std::size_t>(columns * 3 / 10, 38, 64);
    const std::size_t left = columns - right - 1;
    const std::size_t below = rows_below(request, rows, request.state_rows + 1);
    layout.main = {{1, 0}, rows - below, left};
    layout.state = {{1 + rows - below, 0}, below, left};
    layout.detail = {{1, left + 1}, rows, right};
    return layout;
  }
  const std::size_t below = rows_below(request, rows, rows);
  const std::size_t left = (columns - 1) / 2;
  layout.main.rows = rows - below;
  layout.state = {{1 + rows - below, 0}, below, left};
  layout.detail = {{1 + rows - below, left + 1}, below, columns - left - 1};
  return layout;
}

}  // namespace chantrace::view
