/// \file
/// Values as they stand in the text of a C++ program.
#pragma once

#include <concepts>
#include <limits>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

namespace chantrace::detail {

/// With what does not print as octal numbers, which end after three digits.
std::string string_literal(std::string_view text);

template <typename T>
std::optional<std::string> to_literal(const T& value);

/// "{1, 2}"
template <typename Values>
std::optional<std::string> to_braces(const Values& values) {
  std::string text;
  for (const auto& value : values) {
    const std::optional<std::string> one = to_literal(value);
    if (!one) return std::nullopt;
    text += (text.empty() ? "" : ", ") + *one;
  }
  return "{" + text + "}";
}

/// "3, {1, 2}"
template <typename... Values>
std::optional<std::string> to_list(const Values&... values) {
  std::string text;
  bool are_known = true;
  const auto add = [&](const std::optional<std::string>& one) {
    are_known = are_known && one.has_value();
    if (are_known) text += (text.empty() ? "" : ", ") + *one;
  };
  (add(to_literal(values)), ...);
  return are_known ? std::optional(text) : std::nullopt;
}

template <typename T>
concept HasLiteral = requires(const T& value) {
  { chantrace_literal(value) } -> std::convertible_to<std::string>;
};
template <typename T>
concept Tuple = requires {
  std::tuple_size<T>::value;
};
template <typename T>
concept Optional = std::same_as<T, std::optional<typename T::value_type>>;

/// What initializes a parameter of that type. nullopt: nothing is known that does. A type of a user
/// has a function `std::string chantrace_literal(const Type&)` beside it.
template <typename T>
std::optional<std::string> to_literal(const T& value) {
  if constexpr (HasLiteral<T>) {
    return chantrace_literal(value);
  } else if constexpr (std::same_as<T, bool>) {
    return value ? "true" : "false";
  } else if constexpr (std::signed_integral<T>) {
    // There is no literal for the least number.
    if (value == std::numeric_limits<long long>::min()) return "-9223372036854775807 - 1";
    return std::to_string(value);
  } else if constexpr (std::unsigned_integral<T>) {
    return std::to_string(value) + (sizeof(T) >= sizeof(long) ? "u" : "");
  } else if constexpr (std::convertible_to<const T&, std::string_view>) {
    return string_literal(value);
  } else if constexpr (Optional<T>) {
    if (!value) return "std::nullopt";
    // Braces, and another nullopt, would be taken for those of the outer one.
    const std::optional<std::string> inner = to_literal(*value);
    const bool is_clear = inner && !inner->starts_with('{') && *inner != "std::nullopt";
    return is_clear ? inner : std::nullopt;
  } else if constexpr (std::ranges::range<const T>) {
    // Behind an `std::array` stands an array.
    const std::optional<std::string> text = to_braces(value);
    return text && Tuple<T> ? "{" + *text + "}" : text;
  } else if constexpr (Tuple<T>) {
    const auto text =
        std::apply([](const auto&... parts) { return detail::to_list(parts...); }, value);
    return text ? std::optional("{" + *text + "}") : std::nullopt;
  } else {
    return std::nullopt;
  }
}

}  // namespace chantrace::detail
