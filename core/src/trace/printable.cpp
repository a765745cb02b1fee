#include "chantrace/detail/printable.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>

namespace chantrace::detail {
namespace {

struct Range {
  char32_t first;
  char32_t last;
};

// Characters that no one sees and that change what stands beside them: soft hyphen, joiners,
// directional marks and overrides, line separators, the byte order mark, tags.
constexpr std::array kInvisible = {
    Range{0x0000, 0x001f},   Range{0x007f, 0x009f},   Range{0x00ad, 0x00ad}, Range{0x061c, 0x061c},
    Range{0x180e, 0x180e},   Range{0x200b, 0x200f},   Range{0x2028, 0x202e}, Range{0x2060, 0x206f},
    Range{0xe000, 0xf8ff},   Range{0xfeff, 0xfeff},   Range{0xfff9, 0xfffb}, Range{0xfffe, 0xffff},
    Range{0xe0000, 0xe0fff}, Range{0xf0000, 0x10ffff}};

bool is_invisible(char32_t code) {
  return std::any_of(kInvisible.begin(), kInvisible.end(), [code](const Range& range) {
    return range.first <= code && code <= range.last;
  });
}

template <typename Number>
std::string hexadecimal(const char* format, Number number) {
  char text[16];
  std::snprintf(text, sizeof text, format, static_cast<unsigned>(number));
  return text;
}

std::string escape(char32_t code) {
  switch (code) {
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    default:
      break;
  }
  if (code < 0x80) return hexadecimal("\\x%02x", code);
  return hexadecimal("\\u{%x}", code);
}

}  // namespace

Character first_character(std::string_view text) {
  const auto byte = [&](std::size_t index) { return static_cast<unsigned char>(text[index]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {lead, 1, true};

  const std::size_t bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < bytes) return {};
  char32_t code = lead & (0xffu >> (bytes + 1));
  for (std::size_t index = 1; index < bytes; ++index) {
    if ((byte(index) & 0xc0) != 0x80) return {};
    code = (code << 6) | (byte(index) & 0x3fu);
  }
  constexpr std::array<char32_t, 5> kSmallest = {0, 0, 0x80, 0x800, 0x10000};
  if (code < kSmallest[bytes] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return {};
  return {code, bytes, true};
}

std::string printable(std::string_view text, Charset charset) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const Character character = first_character(text);
    if (!character.is_valid) {
      result += hexadecimal("\\x%02x", static_cast<unsigned char>(text[0]));
    } else if (is_invisible(character.code) ||
               (charset == Charset::kAscii && character.code >= 0x80)) {
      result += escape(character.code);
    } else {
      result += text.substr(0, character.bytes);
    }
    text.remove_prefix(character.bytes);
  }
  return result;
}

std::string cut_to_code_points(std::string_view text, std::size_t count_max) {
  constexpr std::string_view kDots = "...";
  std::size_t count = 0;
  std::size_t cut = text.size();
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_start = (static_cast<unsigned char>(text[i]) & 0xc0) != 0x80;
    if (!is_start) continue;
    if (count == count_max - kDots.size()) cut = i;
    if (count == count_max) return std::string(text.substr(0, cut)).append(kDots);
    ++count;
  }
  return std::string(text);
}

}  // namespace chantrace::detail
