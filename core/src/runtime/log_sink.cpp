#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>

#include "chantrace/detail/printable.h"
#include "chantrace/sink.h"

namespace chantrace {
namespace {

// What each colour means is said by a word on the same line as well.
constexpr std::string_view kYellow = "\033[33m";
constexpr std::string_view kGreen = "\033[32m";
constexpr std::string_view kBlue = "\033[34m";
constexpr std::string_view kRed = "\033[31m";
constexpr std::string_view kMagenta = "\033[35m";
constexpr std::string_view kCyan = "\033[36m";
constexpr std::string_view kBold = "\033[1m";
constexpr std::string_view kDim = "\033[2m";
constexpr std::string_view kReset = "\033[0m";

/// Puts a line together, with colours where they are wanted.
class Line {
 public:
  explicit Line(bool is_colored) : is_colored_(is_colored) {}
  Line& add(std::string_view text, std::string_view color = {}) {
    if (!text_.empty()) text_ += ' ';
    if (is_colored_ && !color.empty()) text_ += color;
    text_ += detail::printable(text);
    if (is_colored_ && !color.empty()) text_ += kReset;
    return *this;
  }
  std::string take() { return std::move(text_); }

 private:
  const bool is_colored_;
  std::string text_;
};

std::string clock_time(std::chrono::system_clock::time_point time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm local{};
  localtime_r(&seconds, &local);
  const auto milliseconds =
      std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count() % 1000;
  char text[40];
  std::snprintf(text, sizeof text, "%02d:%02d:%02d.%03d", local.tm_hour, local.tm_min, local.tm_sec,
                static_cast<int>((milliseconds + 1000) % 1000));
  return text;
}

std::string place(const Site& site) {
  if (site.line == 0) return {};
  const std::size_t slash = site.file.rfind('/');
  return (slash == std::string::npos ? site.file : site.file.substr(slash + 1)) + ":" +
         std::to_string(site.line);
}

/// An arrow for a start that waits, a tick for what is done.
std::string_view mark(Phase phase) { return phase == Phase::kStart ? "→" : "✓"; }

std::string name_of(const Event& event) {
  if (!event.object_name.empty()) return event.object_name;
  if (event.object == ObjectId{}) return "nil";
  return std::string(to_string(event.object_kind)) + " " + std::to_string(to_number(event.object));
}

std::string in_parentheses(const std::string& text) { return "(" + text + ")"; }

void add_tag(Line& line, const std::string& kind, std::string_view color) {
  line.add("[" + kind + "]", color);
}

std::string task_kind(const Event& event) {
  switch (event.operation) {
    case Operation::kTaskSpawn:
      return "go-spawn";
    case Operation::kTaskBegin:
      return "go-begin";
    case Operation::kTaskEnd:
      return "go-exit";
    default:
      return std::string(to_string(event.operation)) + std::string(mark(event.phase));
  }
}

bool is_range_done(const Event& event) {
  return event.operation == Operation::kRange && event.outcome == Outcome::kClosed;
}

/// How it ended, where the rest of the line does not say so.
std::string_view outcome_word(const Event& event) {
  const bool is_said = event.outcome == Outcome::kOk || event.outcome == Outcome::kDefault;
  // A start has no outcome yet.
  return is_said || event.phase == Phase::kStart || is_range_done(event) ? std::string_view()
                                                                         : to_string(event.outcome);
}

void add_transfer(Line& line, const Event& event) {
  const bool is_send = event.operation == Operation::kSend;
  std::string kind(to_string(event.operation));
  // A loop's receive is told apart from its end, as it is another thing to a reader.
  if (is_range_done(event))
    kind = "range-done";
  else
    kind += mark(event.phase);
  add_tag(line, kind, is_send ? kGreen : kBlue);
  line.add(name_of(event), kBold);
  if (!event.value.empty()) line.add(is_send ? "←" : "→").add(event.value, kCyan);
  if (is_range_done(event))
    line.add("done");
  else if (!event.type.empty())
    line.add(in_parentheses(event.type));
}

}  // namespace

std::string to_log_line(const Event& event, bool is_colored) {
  Line line(is_colored);
  line.add(clock_time(event.time), kDim);
  const std::string number = std::to_string(to_number(event.other_task));
  switch (event.operation) {
    case Operation::kNone:
      add_tag(line, "trace-lost", kRed);
      line.add(std::to_string(event.lost) + " events dropped from backend dispatch");
      break;
    case Operation::kChannelMake:
    case Operation::kChannelRegister:
      add_tag(line, std::string(to_string(event.operation)), kYellow);
      line.add(name_of(event), kBold)
          .add(in_parentheses(event.type))
          .add("cap=" + std::to_string(event.buffer_capacity));
      break;
    case Operation::kSend:
    case Operation::kReceive:
    case Operation::kRange:
      add_transfer(line, event);
      break;
    case Operation::kClose:
      add_tag(line, "close", kRed);
      line.add(name_of(event), kBold)
          .add("buf=" + std::to_string(event.buffer_size) + "/" +
               std::to_string(event.buffer_capacity));
      break;
    case Operation::kSelect:
    case Operation::kSelectCase:
      add_tag(line, std::string(to_string(event.operation)) + std::string(mark(event.phase)),
              kMagenta);
      if (event.select_case != kNoCase) {
        line.add("case=" + std::to_string(event.select_case)).add(name_of(event), kBold);
        if (!event.value.empty()) line.add(event.value, kCyan);
      } else if (event.outcome == Outcome::kDefault) {
        line.add("default");
      }
      break;
    case Operation::kTaskSpawn:
    case Operation::kTaskBegin:
    case Operation::kTaskEnd:
    case Operation::kTaskJoin:
      add_tag(line, task_kind(event), kCyan);
      line.add(event.other_label, kBold).add("g=" + number);
      if (event.operation == Operation::kTaskSpawn && event.parent != TaskId{})
        line.add("parent=" + std::to_string(to_number(event.parent)));
      break;
    default: {
      const bool can_park = event.phase != Phase::kBoth;
      add_tag(line,
              std::string(to_string(event.operation)) +
                  (can_park ? std::string(mark(event.phase)) : ""),
              kMagenta);
      if (event.object != ObjectId{}) line.add(name_of(event), kBold);
      if (!event.value.empty()) line.add(event.value, kCyan);
    }
  }
  if (!outcome_word(event).empty()) line.add(outcome_word(event), kRed);
  // Whose it is, for all but the lines that are about tasks themselves.
  if (!event.task_label.empty() && !is_on_task(event.operation))
    line.add("@" + event.task_label, kDim);
  if (const std::string where = place(event.site); !where.empty()) line.add(where, kDim);
  return line.take();
}

namespace {

class LogSink final : public Sink {
 public:
  LogSink(int file_descriptor, bool is_colored)
      : file_descriptor_(file_descriptor), is_colored_(is_colored) {}

  void handle(const Event& event) override {
    std::string line = to_log_line(event, is_colored_);
    line += '\n';
    // One write a line, so that lines of the program do not end up inside.
    for (std::size_t written = 0; written < line.size();) {
      const ssize_t size = ::write(file_descriptor_, line.data() + written, line.size() - written);
      if (size < 0 && errno == EINTR) continue;
      if (size <= 0) return;  // The reader has gone; that is no reason to stop the program.
      written += static_cast<std::size_t>(size);
    }
  }

 private:
  const int file_descriptor_;
  const bool is_colored_;
};

}  // namespace

std::shared_ptr<Sink> make_log_sink(int file_descriptor, Color color) {
  const char* const no_color = std::getenv("NO_COLOR");
  const bool is_wanted = (no_color == nullptr || *no_color == '\0') && isatty(file_descriptor) == 1;
  return std::make_shared<LogSink>(file_descriptor,
                                   color == Color::kAlways || (color == Color::kAuto && is_wanted));
}

}  // namespace chantrace
