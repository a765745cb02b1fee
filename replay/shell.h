/// \file
/// Words for a POSIX shell.
#pragma once

#include <string>
#include <string_view>

namespace chantrace::replay {

/// `text` in single quotes.
std::string shell_quoted(std::string_view text);
/// The same only where a shell would take it for something else without.
std::string shell_word(std::string_view text);

}  // namespace chantrace::replay
