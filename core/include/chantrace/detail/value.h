/// \file
/// How values that pass through channels are put into records: raw bits when they fit, text
/// otherwise.
#pragma once

#include <cstdint>
#include <cstring>
#include <ostream>
#include <sstream>
#include <string>
#include <string_view>
#include <type_traits>

#include "chantrace/detail/record.h"

namespace chantrace::detail {

/// The name of `T` as the compiler writes it; static text.
template <typename T>
constexpr std::string_view type_name() {
  // What people write, for the type whose full name nobody recognises.
  if constexpr (std::is_same_v<T, std::string>) return "std::string";
  constexpr std::string_view text = __PRETTY_FUNCTION__;
  constexpr std::size_t start = text.find("T = ") + 4;
  constexpr std::size_t end = text.find_first_of(";]", start);
  return text.substr(start, end - start);
}

template <typename T>
concept Printable = requires(std::ostream& out, const T& value) {
  out << value;
};

template <typename T>
constexpr ValueFormat value_format() {
  if constexpr (std::is_same_v<T, bool>)
    return ValueFormat::kBool;
  else if constexpr (std::is_same_v<T, char>)
    return ValueFormat::kCharacter;
  else if constexpr (std::is_same_v<T, float>)
    return ValueFormat::kFloat;
  else if constexpr (std::is_same_v<T, double>)
    return ValueFormat::kDouble;
  else if constexpr (std::is_enum_v<T>)
    return value_format<std::underlying_type_t<T>>();
  else if constexpr (std::is_integral_v<T> && sizeof(T) <= 8)
    return std::is_signed_v<T> ? ValueFormat::kSigned : ValueFormat::kUnsigned;
  else if constexpr (std::is_null_pointer_v<T>)
    return ValueFormat::kPointer;
  else if constexpr (std::is_convertible_v<const T&, std::string_view>)
    return ValueFormat::kText;
  else if constexpr (std::is_pointer_v<T>)
    return ValueFormat::kPointer;
  else if constexpr (Printable<T>)
    return ValueFormat::kText;
  else
    return ValueFormat::kOpaque;
}

/// Stores `text`, cut to 64 code points, in the recording and returns its id.
std::uint64_t record_text(TaskControl& self, std::string_view text);

/// The bits of `value` for a record; sets `marks`. Never throws: an `operator<<` that does is noted
/// in the text.
///
/// Requires: `self.has_values`.
template <typename T>
std::uint64_t capture_value(TaskControl& self, const T& value, std::uint8_t& marks) {
  constexpr ValueFormat format = value_format<T>();
  if constexpr (std::is_null_pointer_v<T>) {
    marks = kHasValue;
    return 0;
  } else if constexpr (format == ValueFormat::kText) {
    marks = kHasValue | kValueIsText;
    if constexpr (std::is_convertible_v<const T&, std::string_view>) {
      if constexpr (std::is_pointer_v<T>)
        if (value == nullptr) return record_text(self, "nullptr");
      return record_text(self, std::string_view(value));
    } else {
      try {
        std::ostringstream out;
        out << value;
        return record_text(self, out.str());
      } catch (...) {
        return record_text(self, "(its operator<< threw)");
      }
    }
  } else if constexpr (format == ValueFormat::kSigned) {
    marks = kHasValue;
    return static_cast<std::uint64_t>(static_cast<std::int64_t>(value));
  } else if constexpr (format != ValueFormat::kOpaque ||
                       (std::is_trivially_copyable_v<T> &&
                        std::has_unique_object_representations_v<T> && sizeof(T) <= 8 &&
                        !std::is_empty_v<T>)) {
    marks = kHasValue;
    std::uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof value);
    return bits;
  } else {
    return 0;
  }
}

}  // namespace chantrace::detail
