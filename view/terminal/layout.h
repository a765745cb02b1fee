/// \file
/// Which part of a screen shows what.
#pragma once

#include <cstddef>

#include "frame.h"

namespace chantrace::view {

/// The least screen on which everything can be used.
inline constexpr std::size_t kRowsMin = 12;
inline constexpr std::size_t kColumnsMin = 50;

struct Layout {
  Area bar;              ///< The name, the verdict, the step.
  Area main;             ///< Lanes, list, findings or help.
  Area state;            ///< How the objects stand; no rows: not shown.
  Area detail;           ///< The selected operation; no rows: not shown.
  Area status;           ///< Keys, or what is typed.
  bool is_wide = false;  ///< The detail stands at the right of all else, not of the state alone.
};

/// What is to be laid out.
struct LayoutRequest {
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::size_t main_rows = 0;   ///< As many as the lanes would like to have.
  std::size_t state_rows = 0;  ///< As many as the objects would like to have.
  bool is_whole = false;       ///< The main part is all there is.
};

/// Requires: at least `kRowsMin` rows and `kColumnsMin` columns.
Layout lay_out(const LayoutRequest& request);

}  // namespace chantrace::view
