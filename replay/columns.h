/// \file
/// Lays out cells in columns that fit the width of a screen.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "terminal.h"

namespace chantrace::replay {

/// What stands in one column of one line: `text` and `mark` at the left, `place` at the right.
///
/// Requires: all texts are printable.
struct Cell {
  std::string text = {};
  std::string brief = {};  ///< Stands in for a text that does not fit; empty: its own beginning.
  std::string mark = {};   ///< A word that is never cut off: "parks".
  std::string place = {};  ///< "pool.cpp:97"; cut off at its front.
  Style style = Style::kPlain;
  Style mark_style = Style::kPlain;

  /// Columns that it takes up when nothing is cut off.
  std::size_t width() const;
};

/// How things are drawn.
struct Drawing {
  std::size_t width = kDefaultWidth;
  Palette palette{false};
  Charset charset = Charset::kUtf8;
};

/// The fewest columns in which a cell can still be read.
inline constexpr std::size_t kColumnWidthMin = 18;
/// Spaces between two columns.
inline constexpr std::size_t kColumnGap = 2;

/// How many columns of at least the least width fit in `width`.
std::size_t columns_that_fit(std::size_t width);

/// Widths that columns get of `width`, gaps included: what they want where there is room, else the
/// widest are made narrower first, down to `kColumnWidthMin`.
std::vector<std::size_t> share_width(std::vector<std::size_t> wanted, std::size_t width);

/// `cell` in exactly `width` columns; in fewer than the least width, without its place.
std::string draw(const Cell& cell, std::size_t width, const Drawing& drawing);

}  // namespace chantrace::replay
