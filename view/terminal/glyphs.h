/// \file
/// The characters that lines and bars are made of.
#pragma once

#include <string_view>

#include "model/printable.h"

namespace chantrace::view {

struct Glyphs {
  std::string_view running, busy, step, parked, partly, blocked, forever;
  std::string_view cursor, chosen, link, crossed, partner, arrow;
  std::string_view rule, column, omission;
};

constexpr Glyphs glyphs_of(Charset charset) {
  if (charset == Charset::kUtf8)
    return {.running = "─",
            .busy = "━",
            .step = "●",
            .parked = "▒",
            .partly = "░",
            .blocked = "▓",
            .forever = "✗",
            .cursor = "▼",
            .chosen = "▸",
            .link = "│",
            .crossed = "┼",
            .partner = "◆",
            .arrow = "→",
            .rule = "─",
            .column = "│",
            .omission = "…"};
  return {.running = "-",
          .busy = "+",
          .step = "o",
          .parked = "=",
          .partly = "~",
          .blocked = "#",
          .forever = "X",
          .cursor = "v",
          .chosen = ">",
          .link = "|",
          .crossed = "+",
          .partner = "*",
          .arrow = ">",
          .rule = "-",
          .column = "|",
          .omission = "~"};
}

}  // namespace chantrace::view
