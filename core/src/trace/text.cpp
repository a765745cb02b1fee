#include "text.h"

#include <cstdint>
#include <cstring>

namespace chantrace::detail {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

bool is_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

/// The bytes of the character at the head of `text`; 0 if there is none.
///
/// Source: The Unicode Standard, table 3-7.
std::size_t character_bytes(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x80) return first == 0 ? 0 : 1;

  const std::size_t bytes = first < 0xC2   ? 0
                            : first < 0xE0 ? 2
                            : first < 0xF0 ? 3
                            : first < 0xF5 ? 4
                                           : 0;
  if (bytes == 0 || text.size() < bytes) return 0;
  for (std::size_t i = 1; i < bytes; ++i)
    if (!is_continuation(text[i])) return 0;

  const auto second = static_cast<unsigned char>(text[1]);
  const bool is_overlong = (first == 0xE0 && second < 0xA0) || (first == 0xF0 && second < 0x90);
  const bool is_surrogate = first == 0xED && second >= 0xA0;
  const bool is_beyond = first == 0xF4 && second >= 0x90;
  return is_overlong || is_surrogate || is_beyond ? 0 : bytes;
}

/// The length of the clean text at the head of `text`. Most text is ASCII and goes by words.
std::size_t clean_bytes(std::string_view text) {
  std::size_t done = 0;
  while (done < text.size()) {
    if (text.size() - done >= sizeof(std::uint64_t)) {
      constexpr std::uint64_t kOnes = 0x0101010101010101;
      constexpr std::uint64_t kHighBits = 0x8080808080808080;
      std::uint64_t word = 0;
      std::memcpy(&word, text.data() + done, sizeof word);
      const std::uint64_t has_zero = (word - kOnes) & ~word & kHighBits;
      if (((word & kHighBits) | has_zero) == 0) {
        done += sizeof word;
        continue;
      }
    }
    const std::size_t bytes = character_bytes(text.substr(done));
    if (bytes == 0) break;
    done += bytes;
  }
  return done;
}

}  // namespace

bool is_clean(std::string_view text) { return clean_bytes(text) == text.size(); }

std::string_view cut(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  std::size_t bytes = bytes_max;
  while (bytes > 0 && is_continuation(text[bytes])) --bytes;
  return text.substr(0, bytes);
}

std::string_view clean(std::string_view text, std::size_t bytes_max, std::string& scratch) {
  // Cutting first bounds the work; a replacement is longer than what it stands for, hence the
  // second.
  text = text.substr(0, bytes_max + 4);
  std::size_t good = clean_bytes(text);
  if (good == text.size()) return cut(text, bytes_max);

  scratch.clear();
  while (!text.empty() && scratch.size() <= bytes_max) {
    scratch.append(text.substr(0, good));
    text.remove_prefix(good);
    if (text.empty()) break;
    scratch.append(kReplacement);
    text.remove_prefix(1);
    good = clean_bytes(text);
  }
  return cut(scratch, bytes_max);
}

}  // namespace chantrace::detail
