#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <string_view>
#include <system_error>

#include "chantrace/detail/printable.h"
#include "chantrace/no_touch.h"

namespace chantrace {
namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t kDayMilliseconds = 24ull * 60 * 60 * 1000;
constexpr std::uint64_t kCountMax = 1'000'000;

struct Bounds {
  std::uint64_t min = 1;
  std::uint64_t max = kCountMax;
};
constexpr Bounds kTimeBounds{1, kDayMilliseconds};
// No cooldown at all, and a window of no length, make sense.
constexpr Bounds kPauseBounds{0, kDayMilliseconds};
constexpr Bounds kCountBounds{1, kCountMax};

void report(const char* name, const char* value, const std::string& expected) {
  std::fprintf(stderr, "chantrace: %s=%s: expected %s; the default is used\n", name,
               detail::shown(value).c_str(), expected.c_str());
}

/// The number that the variable says; nothing where it is unset or, after telling so, makes no
/// sense.
std::optional<std::uint64_t> read_number(const char* name, const char* unit, Bounds bounds) {
  const char* const value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  const std::string_view text(value);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc{} && end == text.data() + text.size() && number >= bounds.min &&
      number <= bounds.max)
    return number;
  report(name, value,
         "a number of " + std::string(unit) + " from " + std::to_string(bounds.min) + " to " +
             std::to_string(bounds.max));
  return std::nullopt;
}

void read(const char* name, Bounds bounds, milliseconds& value) {
  if (const auto number = read_number(name, "milliseconds", bounds))
    value = milliseconds(static_cast<milliseconds::rep>(*number));
}

void read(const char* name, const char* unit, std::size_t& value) {
  if (const auto number = read_number(name, unit, kCountBounds))
    value = static_cast<std::size_t>(*number);
}

void read_stuck_on(StuckOn& value) {
  constexpr const char* kName = "CHANTRACE_NOTOUCH_STUCK_ON";
  const char* const text = std::getenv(kName);
  if (text == nullptr || *text == '\0') return;
  const std::string_view word(text);
  if (word == "locks")
    value = StuckOn::kLocks;
  else if (word == "any")
    value = StuckOn::kAnyWait;
  else if (word == "nothing")
    value = StuckOn::kNothing;
  else
    report(kName, text, "locks, any or nothing");
}

void read_is_printed(bool& value) {
  constexpr const char* kName = "CHANTRACE_NOTOUCH_PRINT";
  const char* const text = std::getenv(kName);
  if (text == nullptr || *text == '\0') return;
  const std::string_view word(text);
  if (word == "1" || word == "on")
    value = true;
  else if (word == "0" || word == "off")
    value = false;
  else
    report(kName, text, "on or off");
}

void repair(milliseconds& value, Bounds bounds, milliseconds otherwise) {
  const auto count = value.count();
  if (count < static_cast<milliseconds::rep>(bounds.min) ||
      count > static_cast<milliseconds::rep>(bounds.max))
    value = otherwise;
}

void repair(std::size_t& value, std::size_t otherwise) {
  if (value < kCountBounds.min || value > kCountBounds.max) value = otherwise;
}

}  // namespace

NoTouchOptions NoTouchOptions::from_environment() {
  NoTouchOptions options;
  read("CHANTRACE_NOTOUCH_POLL_MS", kTimeBounds, options.poll_interval);
  read("CHANTRACE_NOTOUCH_HISTORY", "samples", options.history_size);
  read("CHANTRACE_NOTOUCH_BASELINE_SAMPLES", "samples", options.baseline_samples);
  read("CHANTRACE_NOTOUCH_TRIGGER_DELTA", "threads", options.trigger_delta);
  read("CHANTRACE_NOTOUCH_TRIGGER_CONSECUTIVE", "samples", options.trigger_consecutive);
  read("CHANTRACE_NOTOUCH_TRIGGER_WINDOW_MS", kPauseBounds, options.trigger_window);
  read("CHANTRACE_NOTOUCH_COOLDOWN_MS", kPauseBounds, options.cooldown);
  read_stuck_on(options.stuck_on);
  read("CHANTRACE_NOTOUCH_STUCK_MS", kTimeBounds, options.stuck_after);
  read("CHANTRACE_NOTOUCH_INCIDENTS", "incidents", options.incidents_max);
  read_is_printed(options.is_printed);
  if (const char* const path = std::getenv("CHANTRACE_NOTOUCH_REPORT")) options.report_path = path;
  return options;
}

NoTouchOptions repaired(NoTouchOptions options) {
  const NoTouchOptions defaults;
  repair(options.poll_interval, kTimeBounds, defaults.poll_interval);
  repair(options.history_size, defaults.history_size);
  repair(options.baseline_samples, defaults.baseline_samples);
  repair(options.trigger_delta, defaults.trigger_delta);
  repair(options.trigger_consecutive, defaults.trigger_consecutive);
  repair(options.trigger_window, kPauseBounds, defaults.trigger_window);
  repair(options.cooldown, kPauseBounds, defaults.cooldown);
  repair(options.stuck_after, kTimeBounds, defaults.stuck_after);
  repair(options.incidents_max, defaults.incidents_max);
  return options;
}

}  // namespace chantrace
