/// \file
/// Where in the user's source an operation was called.
#pragma once

#include <cstdint>

namespace chantrace {

/// A place in source code, as the compiler wrote it down. Costs nothing at run time: the members
/// are constants of the call site. (`std::source_location` is missing in Clang 14 with
/// libstdc++ 12.)
///
/// Threads: a plain value.
struct Location {
  const char* file = "";      ///< As given to the compiler; static text.
  const char* function = "";  ///< Without its parameters; static text.
  std::uint32_t line = 0;     ///< Counted from 1; 0 where nothing is known.

  /// The place where the call stands, when used as a default argument.
  static constexpr Location current(const char* file = __builtin_FILE(),
                                    const char* function = __builtin_FUNCTION(),
                                    std::uint32_t line = __builtin_LINE()) {
    return {file, function, line};
  }
};

}  // namespace chantrace
