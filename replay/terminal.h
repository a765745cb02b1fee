/// \file
/// What a stream is connected to, and the colours that suit it.
#pragma once

#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>

#include "printable.h"

namespace chantrace::replay {

/// What the user asked for with `--color`.
enum class ColorChoice { kAuto, kAlways, kNever };

/// Width of a stream that is no terminal and for which `COLUMNS` says nothing, in columns.
inline constexpr std::size_t kDefaultWidth = 100;

/// True when a person reads `stream` on a terminal.
bool is_terminal(std::FILE* stream);

/// Columns of the terminal behind `stream`: what the terminal says, else `COLUMNS`, else
/// `kDefaultWidth`.
std::size_t terminal_width(std::FILE* stream);

/// UTF-8, unless the environment names a locale of another encoding.
Charset terminal_charset();

/// True when colours suit `stream`: asked for, or a terminal without `NO_COLOR`.
bool wants_color(ColorChoice choice, std::FILE* stream);

/// What a piece of text is, from which its colour follows. No meaning is carried by colour alone.
enum class Style {
  kPlain,
  kHeading,  ///< Names at the head of a column.
  kGood,
  kBad,
  kWarning,
  kFaint,  ///< Places, counts, lines that lead the eye.
};

/// Puts text in colour, or leaves it.
///
/// Threads: a plain value.
class Palette {
 public:
  explicit Palette(bool is_colored) : is_colored_(is_colored) {}

  bool is_colored() const { return is_colored_; }
  std::string paint(Style style, std::string_view text) const;

 private:
  bool is_colored_;
};

}  // namespace chantrace::replay
