/// \file
/// How a user names what is meant: patterns with wildcards, and the nearest word to a mistyped one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace chantrace::replay {

/// True when `text` is of the form `pattern`, in which `*` stands for any characters and `?` for
/// one.
///
/// Cost: linear in text times pattern, whatever the pattern.
bool matches(std::string_view pattern, std::string_view text);

/// True when one of `patterns` matches `name`, or is `id`.
bool matches_any(const std::vector<std::string>& patterns, std::string_view name, std::uint32_t id);

/// The one of `words` that is most like `word`, or empty when none is like it.
std::string nearest(std::string_view word, const std::vector<std::string>& words);

}  // namespace chantrace::replay
