#include "columns.h"

#include <algorithm>
#include <numeric>

namespace chantrace::replay {

std::size_t Cell::width() const {
  return width_of(text) + (mark.empty() ? 0 : 1 + width_of(mark)) +
         (place.empty() ? 0 : 2 + width_of(place));
}

std::size_t columns_that_fit(std::size_t width) {
  return (width + kColumnGap) / (kColumnWidthMin + kColumnGap);
}

std::vector<std::size_t> share_width(std::vector<std::size_t> wanted, std::size_t width) {
  if (wanted.empty()) return wanted;
  const std::size_t gaps = (wanted.size() - 1) * kColumnGap;
  const std::size_t room = width > gaps ? width - gaps : 0;
  for (std::size_t& column : wanted) column = std::max(column, kColumnWidthMin);
  // The most columns any may have, such that all fit: between the least width and the widest.
  std::size_t low = kColumnWidthMin;
  std::size_t high = *std::max_element(wanted.begin(), wanted.end());
  const auto needed = [&](std::size_t limit) {
    return std::accumulate(
        wanted.begin(), wanted.end(), std::size_t{0},
        [&](std::size_t sum, std::size_t column) { return sum + std::min(column, limit); });
  };
  while (low < high) {
    const std::size_t middle = (low + high + 1) / 2;
    if (needed(middle) <= room) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  std::size_t spare = room > needed(low) ? room - needed(low) : 0;
  for (std::size_t& column : wanted) {
    const std::size_t more = column > low && spare > 0 ? 1 : 0;
    column = std::min(column, low + more);
    spare -= more;
  }
  return wanted;
}

std::string draw(const Cell& cell, std::size_t width, const Drawing& drawing) {
  const Palette& palette = drawing.palette;
  if (width < kColumnWidthMin) {
    const std::string words = cell.mark.empty() ? cell.text : cell.text + " " + cell.mark;
    return pad_right(fit(words, width, drawing.charset), width);
  }
  // The place is the first to give way, but a reader wants to see at least its line.
  const std::size_t mark_columns = cell.mark.empty() ? 0 : 1 + width_of(cell.mark);
  const std::size_t wanted = width_of(cell.text) + mark_columns;
  const std::size_t place_columns_max =
      std::max(width / 3, wanted + 2 < width ? width - wanted - 2 : 0);
  const std::string place = fit_end(cell.place, place_columns_max, drawing.charset);
  // One space will do where a second one would cost a letter.
  const std::size_t gap = wanted + 2 + width_of(place) <= width ? 2 : 1;
  const std::size_t place_columns = place.empty() ? 0 : gap + width_of(place);
  const std::size_t left = width > place_columns ? width - place_columns : 0;
  const std::size_t room = left > mark_columns ? left - mark_columns : 0;
  const bool is_brief = width_of(cell.text) > room && !cell.brief.empty();
  const std::string text = fit(is_brief ? cell.brief : cell.text, room, drawing.charset);

  std::string drawn = palette.paint(cell.style, text);
  if (!cell.mark.empty()) drawn += " " + palette.paint(cell.mark_style, cell.mark);
  const std::size_t used = width_of(text) + mark_columns + width_of(place);
  drawn.append(used < width ? width - used : 0, ' ');
  return drawn + palette.paint(Style::kFaint, place);
}

}  // namespace chantrace::replay
