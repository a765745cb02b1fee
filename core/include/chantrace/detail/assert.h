/// \file
/// Assertions about this library itself, on in every build.
#pragma once

namespace chantrace::detail {

/// Prints where and what, and aborts.
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line);

}  // namespace chantrace::detail

/// States what must hold unless this library has a bug. One condition each.
#define CHANTRACE_ASSERT(condition) \
  (static_cast<bool>(condition)     \
       ? void(0)                    \
       : ::chantrace::detail::assertion_failed(#condition, __FILE__, __LINE__))
