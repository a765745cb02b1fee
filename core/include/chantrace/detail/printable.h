/// \file
/// Text that came from somewhere, as it may be shown: nothing in it can move a cursor, change a
/// colour, break a line or reorder what stands beside it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace chantrace::detail {

/// Which characters may be printed as they are.
enum class Charset { kUtf8, kAscii };

/// `text` with control characters, invalid UTF-8 and invisible or reordering characters written as
/// `\n`, `\x1b`, `\u{202e}`. What is printable stays as it is, so a second call changes nothing.
std::string printable(std::string_view text, Charset charset = Charset::kUtf8);

/// The first `count_max` code points of `text`; a cut is marked by three dots.
std::string cut_to_code_points(std::string_view text, std::size_t count_max);

/// Code points of a name or a message that are shown.
inline constexpr std::size_t kShownCodePointsMax = 200;

/// The beginning of `text`, printable: as much as belongs into a line.
inline std::string shown(std::string_view text) {
  return printable(cut_to_code_points(text, kShownCodePointsMax));
}

struct Character {
  char32_t code = 0;
  std::size_t bytes = 1;
  bool is_valid = false;
};

/// The character at the start of `text`; not valid for anything that UTF-8 does not allow, overlong
/// forms and surrogates included.
///
/// Requires: `text` is not empty.
Character first_character(std::string_view text);

}  // namespace chantrace::detail
