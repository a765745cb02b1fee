/// \file
/// One picture of a terminal: characters in rows and columns, and how each is painted. Plain data,
/// which is compared, tested, and copied to the terminal that there is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/printable.h"

namespace chantrace::view {

/// What a character is, from which its colour follows. No meaning is carried by colour alone.
enum class Ink : std::uint8_t {
  kPlain,
  kFaint,    ///< Places, lines that lead the eye.
  kHeading,  ///< Names of panels and columns.
  kGood,
  kBad,
  kWarning,
  kBar,       ///< The bar at the top.
  kSelected,  ///< Where the cursor is.
  kMatch,     ///< What is searched for.
  kLink,      ///< What led to the selected step, and what it led to.
  kParked,    ///< In the colour of what is waited for.
  kBlocked,   ///< Waits for ever.
};

struct Paint {
  Ink ink = Ink::kPlain;
  std::uint8_t hue = 0;  ///< Of `kParked`: objects are told apart by it.

  friend bool operator==(const Paint&, const Paint&) = default;
};

struct Place {
  std::size_t row = 0;
  std::size_t column = 0;
};

struct Area {
  Place at;
  std::size_t rows = 0;
  std::size_t columns = 0;

  std::size_t end_row() const { return at.row + rows; }
  std::size_t end_column() const { return at.column + columns; }
};

/// Threads: a plain value.
class Frame {
 public:
  /// A character with what is drawn over it.
  struct Cell {
    std::string text = " ";  ///< Empty: the second column of a wide character.
    Paint paint;

    friend bool operator==(const Cell&, const Cell&) = default;
  };

  Frame(std::size_t rows, std::size_t columns, Charset charset);

  std::size_t rows() const { return rows_; }
  std::size_t columns() const { return columns_; }
  Charset charset() const { return charset_; }
  Area area() const { return {{0, 0}, rows_, columns_}; }

  /// Writes printable text in at most `columns_max` columns, cut off with a mark where it needs
  /// more; what is outside of the frame is left out. Returns: the columns that it takes.
  std::size_t put(Place at, std::string_view text, std::size_t columns_max, Paint paint = {});
  /// One character of one column.
  void put_character(Place at, std::string_view character, Paint paint);
  /// How a character is painted, without what it is.
  void paint(Place at, Paint paint);
  /// Blank.
  void fill(const Area& area, Paint paint = {});

  /// Requires: both have as many columns, and such a row.
  bool has_same_row(const Frame& other, std::size_t row) const;

  const Cell& cell(Place at) const { return cells_[at.row * columns_ + at.column]; }
  /// A row as text, without the blanks at its end.
  std::string text(std::size_t row) const;
  /// All rows, each with its newline.
  std::string text() const;

  friend bool operator==(const Frame&, const Frame&) = default;

 private:
  Cell& at(Place place) { return cells_[place.row * columns_ + place.column]; }
  /// A wide character of which half is written over is gone.
  void make_room(Place place);

  std::size_t rows_;
  std::size_t columns_;
  Charset charset_;
  std::vector<Cell> cells_;
};

}  // namespace chantrace::view
