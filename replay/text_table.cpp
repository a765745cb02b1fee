#include "text_table.h"

#include <algorithm>
#include <numeric>

#include "chantrace/detail/assert.h"

namespace chantrace::replay {
namespace {

// A column at the left is never made narrower than this.
constexpr std::size_t kTextColumnsMin = 12;

}  // namespace

void TextTable::add(std::vector<std::string> row) {
  CHANTRACE_ASSERT(row.size() == columns_.size());
  rows_.push_back(std::move(row));
}

std::string TextTable::draw(const Drawing& drawing) const {
  std::vector<std::size_t> widths;
  for (std::size_t column = 0; column < columns_.size(); ++column) {
    std::size_t width = width_of(columns_[column].head);
    for (const auto& row : rows_) width = std::max(width, width_of(row[column]));
    widths.push_back(width);
  }

  const std::size_t gaps = kColumnGap * (widths.size() - 1);
  const std::size_t room = drawing.width > gaps ? drawing.width - gaps : 0;
  while (std::accumulate(widths.begin(), widths.end(), std::size_t{0}) > room) {
    std::size_t widest = widths.size();
    for (std::size_t column = 0; column < widths.size(); ++column) {
      if (columns_[column].align == Align::kRight || widths[column] <= kTextColumnsMin) continue;
      if (widest == widths.size() || widths[column] > widths[widest]) widest = column;
    }
    if (widest == widths.size()) break;
    --widths[widest];
  }

  const auto line_of = [&](const std::vector<std::string>& cells, Style style) {
    std::string line;
    for (std::size_t column = 0; column < cells.size(); ++column) {
      if (column > 0) line.append(kColumnGap, ' ');
      const std::string text = fit(cells[column], widths[column], drawing.charset);
      line += columns_[column].align == Align::kLeft ? pad_right(text, widths[column])
                                                     : pad_left(text, widths[column]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    return drawing.palette.paint(style, line) + "\n";
  };
  std::vector<std::string> heads;
  for (const Column& column : columns_) heads.push_back(column.head);
  std::string text = line_of(heads, Style::kHeading);
  for (const auto& row : rows_) text += line_of(row, Style::kPlain);
  return text;
}

}  // namespace chantrace::replay
