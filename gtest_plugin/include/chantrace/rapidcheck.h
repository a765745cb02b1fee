/// \file
/// What RapidCheck has to know of chantrace's values: schedules are drawn, shown and made small.
///
/// Needs RapidCheck: link `chantrace::rapidcheck`.
#pragma once

#include <rapidcheck.h>

#include <cstdint>
#include <limits>
#include <ostream>
#include <string>
#include <type_traits>
#include <utility>

#include "chantrace/explore.h"
#include "chantrace/schedule.h"

namespace chantrace {

/// A number from `least` to `most`, for an argument of a property. Shrinks to `least`.
template <auto least, auto most>
struct Between {
  using Number = decltype(least);
  static_assert(std::is_same_v<Number, decltype(most)> && least <= most);
  static_assert(std::in_range<std::int64_t>(least) && std::in_range<std::int64_t>(most) &&
                    most < std::numeric_limits<std::int64_t>::max(),
                "the bounds have to be 64-bit numbers below the largest one");

  Number value = least;

  constexpr Between() = default;
  constexpr Between(Number number) : value(number) {}  // NOLINT: it stands for one.
  constexpr operator Number() const { return value; }  // NOLINT

  friend std::ostream& operator<<(std::ostream& out, const Between& number) {
    return out << +number.value;
  }
  friend std::string chantrace_literal(const Between& number) {
    return std::to_string(number.value);
  }
};

/// Its token.
void showValue(const Schedule& schedule, std::ostream& out);

}  // namespace chantrace

namespace rc {

template <auto least, auto most>
struct Arbitrary<chantrace::Between<least, most>> {
  static Gen<chantrace::Between<least, most>> arbitrary() {
    using Between = chantrace::Between<least, most>;
    // All numbers whatever the size, as RapidCheck's range keeps close to its start at first.
    const auto number = gen::resize(
        kNominalSize, gen::inRange<std::int64_t>(least, static_cast<std::int64_t>(most) + 1));
    return gen::map(number, [](std::int64_t drawn) {
      return Between(static_cast<typename Between::Number>(drawn));
    });
  }
};

/// A schedule for any program, to be given to `chantrace::run`, which passes over what it cannot
/// follow. Shrinks to schedules that decide less.
template <>
struct Arbitrary<chantrace::Schedule> {
  static Gen<chantrace::Schedule> arbitrary();
};

}  // namespace rc
