/// \file
/// What a function returns when the world may be at fault: a value, or the error that explains.
#pragma once

#include <utility>
#include <variant>

#include "chantrace/detail/assert.h"

namespace chantrace {

/// A value of type `T`, or an error of type `E`.
///
/// Threads: a plain value.
template <typename T, typename E>
class [[nodiscard]] Result {
 public:
  Result(T value) : content_(std::in_place_index<0>, std::move(value)) {}
  Result(E error) : content_(std::in_place_index<1>, std::move(error)) {}

  bool has_value() const { return content_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  /// Requires: `has_value()`.
  T& value() & { return checked<0>(content_); }
  const T& value() const& { return checked<0>(content_); }
  T&& value() && { return std::move(checked<0>(content_)); }

  /// Requires: `!has_value()`.
  const E& error() const { return checked<1>(content_); }

 private:
  template <std::size_t index, typename Content>
  static auto& checked(Content& content) {
    CHANTRACE_ASSERT(content.index() == index);
    return *std::get_if<index>(&content);
  }

  std::variant<T, E> content_;
};

}  // namespace chantrace
