#include "chantrace/schedule.h"

#include <charconv>
#include <cstdio>

namespace chantrace {
namespace {

/// So many segments, and choices, are read from one token.
constexpr std::size_t kEntriesMax = 10'000'000;

void append_run(std::string& text, char separator, std::uint32_t value, std::uint64_t count) {
  if (!text.empty() && text.back() != ':') text += separator;
  text += std::to_string(value);
  if (count != 1) text += "x" + std::to_string(count);
}

/// Reads a token from the left, and remembers what went wrong first.
class TokenReader {
 public:
  explicit TokenReader(std::string_view text) : text_(text) {}

  bool take(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  template <typename Number>
  bool number(Number& value, int base = 10) {
    const auto [end, error] =
        std::from_chars(text_.data() + at_, text_.data() + text_.size(), value, base);
    if (error != std::errc()) return false;
    at_ = static_cast<std::size_t>(end - text_.data());
    return true;
  }
  bool at_end() const { return at_ == text_.size(); }
  ScheduleError error(const std::string& expected) const {
    return {"not a schedule: expected " + expected + " at character " + std::to_string(at_ + 1) +
            " of '" + std::string(text_.substr(0, 60)) + (text_.size() > 60 ? "..." : "") + "'"};
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::string Schedule::to_string() const {
  std::string text = "c1";
  if (rules.time_mode == TimeMode::kQuiescence) text += 'q';
  if (rules.spawn_is_step) text += 's';
  if (rules.unlock_is_step) text += 'u';
  if (rules.end_is_step) text += 'e';
  char number[24];
  std::snprintf(number, sizeof number, "%llx", static_cast<unsigned long long>(fingerprint));
  text += ":" + std::string(number) + ":";
  for (const Segment& segment : segments) append_run(text, '.', segment.task, segment.operations);
  if (choices.empty()) return text;
  text += ":";
  for (std::size_t i = 0; i < choices.size();) {
    std::size_t end = i + 1;
    while (end < choices.size() && choices[end] == choices[i]) ++end;
    append_run(text, '.', choices[i], end - i);
    i = end;
  }
  return text;
}

Result<Schedule, ScheduleError> Schedule::parse(std::string_view token) {
  Schedule schedule;
  TokenReader reader(token);
  if (!reader.take('c') || !reader.take('1')) return reader.error("'c1'");
  while (!reader.take(':')) {
    if (reader.take('q'))
      schedule.rules.time_mode = TimeMode::kQuiescence;
    else if (reader.take('s'))
      schedule.rules.spawn_is_step = true;
    else if (reader.take('u'))
      schedule.rules.unlock_is_step = true;
    else if (reader.take('e'))
      schedule.rules.end_is_step = true;
    else
      return reader.error("one of the rules q, s, u and e, or ':'");
  }
  if (!reader.number(schedule.fingerprint, 16)) return reader.error("a hexadecimal number");
  if (!reader.take(':')) return reader.error("':'");
  if (reader.at_end()) return schedule;
  if (!reader.take(':')) {
    do {
      Segment segment{0, 1};
      if (!reader.number(segment.task)) return reader.error("a task's number");
      if (reader.take('x') && !reader.number(segment.operations))
        return reader.error("a number of operations");
      if (schedule.segments.size() == kEntriesMax) return reader.error("no more segments");
      schedule.segments.push_back(segment);
    } while (reader.take('.'));
    if (reader.at_end()) return schedule;
    if (!reader.take(':')) return reader.error("'.', ':' or the end");
  }
  do {
    std::uint32_t choice = 0;
    std::uint32_t count = 1;
    if (!reader.number(choice)) return reader.error("a choice");
    if (reader.take('x') && !reader.number(count)) return reader.error("a number of choices");
    if (count > kEntriesMax - schedule.choices.size()) return reader.error("no more choices");
    schedule.choices.insert(schedule.choices.end(), count, choice);
  } while (reader.take('.'));
  if (!reader.at_end()) return reader.error("'.' or the end");
  return schedule;
}

}  // namespace chantrace
