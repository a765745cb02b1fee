/// \file
/// What a person types, whichever way a terminal sends it.
#pragma once

#include <cstdint>

namespace chantrace::view {

struct Key {
  enum class Kind : std::uint8_t {
    kCharacter,
    kLeft,
    kRight,
    kUp,
    kDown,
    kHome,
    kEnd,
    kPageUp,
    kPageDown,
    kEnter,
    kEscape,
    kTab,
    kBackspace,
    kOther,
  };
  Kind kind = Kind::kOther;
  char32_t character = 0;  ///< Of `kCharacter`.

  friend bool operator==(const Key&, const Key&) = default;
};

constexpr Key key_of(char32_t character) { return {Key::Kind::kCharacter, character}; }

}  // namespace chantrace::view
