#include "quantity.h"

#include <fmt/format.h>

#include <limits>

namespace chantrace::view {
namespace {

constexpr std::uint64_t kNanosecondsPerSecond = 1'000'000'000;

std::uint64_t unit_of(const Trace& trace) {
  const bool is_measured = trace.end && trace.end->ticks_per_second > 0;
  const std::uint64_t unit =
      is_measured ? trace.end->ticks_per_second : trace.header.ticks_per_second;
  // A unit of 0 would be a division by it; files come from anyone.
  return unit == 0 ? kNanosecondsPerSecond : unit;
}

}  // namespace

std::string grouped(std::uint64_t number) {
  std::string text = fmt::format("{}", number);
  for (std::size_t place = text.size(); place > 3; place -= 3) text.insert(place - 3, 1, ',');
  return text;
}

std::string counted(std::uint64_t number, std::string_view singular, std::string_view plural) {
  if (number == 1) return fmt::format("1 {}", singular);
  return plural.empty() ? fmt::format("{} {}s", grouped(number), singular)
                        : fmt::format("{} {}", grouped(number), plural);
}

std::string percentage(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return "0 %";
  return fmt::format("{:.0f} %", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

TraceClock::TraceClock(const Trace& trace)
    : started_ticks_(trace.header.started_ticks),
      ticks_per_second_(unit_of(trace)),
      is_steps_(trace.header.is_controlled) {}

std::uint64_t TraceClock::nanoseconds(std::uint64_t ticks) const {
  if (ticks_per_second_ == kNanosecondsPerSecond) return ticks;
  const long double exact = static_cast<long double>(ticks) * kNanosecondsPerSecond /
                            static_cast<long double>(ticks_per_second_);
  constexpr auto kMost = std::numeric_limits<std::uint64_t>::max();
  return exact >= static_cast<long double>(kMost) ? kMost : static_cast<std::uint64_t>(exact);
}

std::uint64_t TraceClock::since_start(std::uint64_t time) const {
  return time > started_ticks_ ? time - started_ticks_ : 0;
}

std::string TraceClock::text(std::uint64_t ticks) const {
  return is_steps_ ? counted(ticks, "step") : duration(nanoseconds(ticks));
}

std::string duration(std::uint64_t nanoseconds) {
  const auto number = static_cast<double>(nanoseconds);
  if (nanoseconds < 1'000) return fmt::format("{} ns", nanoseconds);
  if (nanoseconds < 1'000'000) return fmt::format("{:.1f} us", number / 1e3);
  if (nanoseconds < 1'000'000'000) return fmt::format("{:.1f} ms", number / 1e6);
  return fmt::format("{:.1f} s", number / 1e9);
}

}  // namespace chantrace::view
