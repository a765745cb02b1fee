/// \file
/// Text that may go into a trace, or come out of one: whole UTF-8 without NUL, of limited length.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace chantrace::detail {

/// The longest name or text that is written, in bytes. Longer ones are cut.
inline constexpr std::size_t kTextBytesMax = 1 << 20;

/// True for whole UTF-8 without NUL. Surrogates, overlong forms and numbers beyond U+10FFFF are
/// none.
bool is_clean(std::string_view text);

/// The longest beginning of `text` with at most `bytes_max` bytes that does not end inside a
/// character.
std::string_view cut(std::string_view text, std::size_t bytes_max);

/// `text` if it is clean, otherwise a copy in `scratch` with U+FFFD for each byte that belongs to
/// no character; at most `bytes_max` bytes long.
std::string_view clean(std::string_view text, std::size_t bytes_max, std::string& scratch);

}  // namespace chantrace::detail
