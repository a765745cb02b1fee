#include "frame.h"

#include <algorithm>

namespace chantrace::view {

Frame::Frame(std::size_t rows, std::size_t columns, Charset charset)
    : rows_(rows), columns_(columns), charset_(charset), cells_(rows * columns) {}

std::size_t Frame::put(Place place, std::string_view text, std::size_t columns_max, Paint paint) {
  if (place.row >= rows_ || place.column >= columns_) return 0;
  const std::size_t begin = place.column;
  const std::string fitting = fit(text, std::min(columns_max, columns_ - begin), charset_);
  std::string_view rest = fitting;
  while (!rest.empty()) {
    const std::string_view character = rest.substr(0, detail::first_character(rest).bytes);
    rest.remove_prefix(character.size());
    const std::size_t width = width_of(character);
    if (width == 0) {
      // Over the one before; what stands over nothing is left out.
      if (place.column == begin) continue;
      Cell* before = &at({place.row, place.column - 1});
      if (before->text.empty()) --before;
      before->text += character;
      continue;
    }
    put_character(place, character, paint);
    if (width == 2) {
      make_room({place.row, place.column + 1});
      at({place.row, place.column + 1}) = {"", paint};
    }
    place.column += width;
  }
  return place.column - begin;
}

void Frame::put_character(Place place, std::string_view character, Paint paint) {
  if (place.row >= rows_ || place.column >= columns_) return;
  make_room(place);
  Cell& cell = at(place);
  cell.text = character;
  cell.paint = paint;
}

void Frame::make_room(Place place) {
  if (at(place).text.empty() && place.column > 0) at({place.row, place.column - 1}).text = " ";
  if (place.column + 1 < columns_ && at({place.row, place.column + 1}).text.empty())
    at({place.row, place.column + 1}).text = " ";
}

void Frame::paint(Place place, Paint paint) {
  if (place.row < rows_ && place.column < columns_) at(place).paint = paint;
}

void Frame::fill(const Area& area, Paint paint) {
  for (std::size_t row = area.at.row; row < std::min(area.end_row(), rows_); ++row)
    for (std::size_t column = area.at.column; column < std::min(area.end_column(), columns_);
         ++column)
      put_character({row, column}, " ", paint);
}

bool Frame::has_same_row(const Frame& other, std::size_t row) const {
  const auto begin = static_cast<std::ptrdiff_t>(row * columns_);
  const auto end = begin + static_cast<std::ptrdiff_t>(columns_);
  return std::equal(cells_.begin() + begin, cells_.begin() + end, other.cells_.begin() + begin);
}

std::string Frame::text(std::size_t row) const {
  std::string line;
  for (std::size_t column = 0; column < columns_; ++column) line += cell({row, column}).text;
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

std::string Frame::text() const {
  std::string lines;
  for (std::size_t row = 0; row < rows_; ++row) lines += text(row) + "\n";
  return lines;
}

}  // namespace chantrace::view
