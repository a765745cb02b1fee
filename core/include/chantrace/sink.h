/// \file
/// Sinks: whoever wants to see events while the program runs.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "chantrace/end_state.h"
#include "chantrace/event.h"

namespace chantrace {

/// An event with everything looked up: what a sink gets.
///
/// Threads: a plain value.
struct Event {
  /// What happened; `Operation::kNone`: events were lost, see `lost`.
  Operation operation = Operation::kNone;
  Phase phase = Phase::kBoth;
  Outcome outcome = Outcome::kOk;
  std::chrono::system_clock::time_point time;
  TaskId task{};
  std::string task_label;
  TaskId other_task{};  ///< For operations on tasks: that task, and its label.
  std::string other_label;
  TaskId parent{};  ///< Of `other_task`.
  ObjectId object{};
  ObjectKind object_kind = ObjectKind::kNone;
  std::string object_name;
  std::string type;   ///< Of a channel's elements.
  std::string value;  ///< Empty where there is none.
  /// The same for an operation's start and its done; unique in a recording.
  std::uint64_t operation_id = 0;
  std::uint64_t buffer_size = 0;  ///< Channels: values in the buffer afterwards.
  std::uint64_t buffer_capacity = 0;
  std::uint32_t sequence = 0;  ///< Counts the object's events.
  std::uint16_t select_case = kNoCase;
  std::uint64_t lost = 0;  ///< Events of `task` that are missing at this place.
  Site site;
};

/// A destination of events.
///
/// Calls come from one thread, one after another, in an order in which the events can have
/// happened. What one sink throws reaches no other sink and no task; it is counted.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual void handle(const Event& event) = 0;
  /// No more will come.
  virtual void close() {}
};

/// Makes a sink from what stands behind "=" in `CHANTRACE=name=argument`, or from "".
using SinkFactory = std::function<std::shared_ptr<Sink>(const std::string& argument)>;

/// Lets `Options::sink_named` and `CHANTRACE=name` find a sink. A second factory of the same name
/// replaces the first.
///
/// Threads: any thread, also before `main`.
void register_sink_factory(std::string name, SinkFactory factory);
/// The names that are registered, sorted.
std::vector<std::string> sink_factory_names();
/// nullptr: no factory of that name.
std::shared_ptr<Sink> make_sink(const std::string& name, const std::string& argument);

/// How lines are coloured.
enum class Color : std::uint8_t {
  kAuto,  ///< On a terminal, unless the environment has `NO_COLOR`.
  kAlways,
  kNever,
};

/// Writes one line for each event to a file descriptor; 2 is the standard error.
std::shared_ptr<Sink> make_log_sink(int file_descriptor = 2, Color color = Color::kAuto);

/// The line that the log sink writes, without its newline. Control characters are escaped.
std::string to_log_line(const Event& event, bool is_colored);

}  // namespace chantrace
