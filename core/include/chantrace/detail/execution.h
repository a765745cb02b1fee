/// \file
/// One execution, on threads or under control: a test's run, from its first operation to its
/// verdict. What the GoogleTest listener is made from.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "chantrace/detail/control_options.h"
#include "chantrace/end_state.h"
#include "chantrace/explanation.h"
#include "chantrace/finding.h"

namespace chantrace {
class Sink;
}

namespace chantrace::detail {

class Strategy;

/// What to record, and how.
struct RecordingOptions {
  std::filesystem::path path;  ///< Empty: in memory only.
  std::string test;            ///< For the header.
  bool has_values = true;
  bool has_stacks = false;
  std::uint32_t stack_every = 1;  ///< One of so many operations gets its stack.
  /// Sinks are served from a queue of so many events; 0: there is no queue and no drain.
  std::size_t queue_events_max = 0;
  bool tasks_wait_for_sinks = false;  ///< Once so many wait, instead of losing events.
  bool is_controlled = false;         ///< For the header: times are steps.
  /// For the header: what the test was called with, and the like.
  std::vector<std::pair<std::string, std::string>> notes = {};
  std::vector<std::shared_ptr<Sink>> sinks;
};

struct ExecutionOptions {
  bool is_recorded = true;
  /// When nothing can go on, how long threads that the library has never seen get to change that.
  /// Not asked for where no thread could.
  std::chrono::nanoseconds foreign_patience = std::chrono::seconds(1);
  RecordingOptions recording;
  /// Called in the body's thread when the body waits and nothing can go on. Afterwards all other
  /// tasks are unwound, and then the body's operation throws what `throw_in_body` throws.
  std::function<void(const EndState&)> on_deadlock;
  std::function<void()> throw_in_body;
  /// Who decides, where the execution runs under control; must outlive it. nullptr: on threads.
  Strategy* strategy = nullptr;
  ControlOptions control = {};
  /// Why an execution like this one failed, for its trace.
  std::optional<Explanation> explanation = {};
};

/// How an execution ended.
struct ExecutionEnd {
  EndState state;
  std::uint64_t abandoned = 0;  ///< Tasks that could not be unwound.
  /// Under control: it was cut, and so the tasks in `state` may only wait for each other's turn.
  std::optional<Finding> cut;
  /// Under control: what was decided.
  std::optional<Schedule> schedule;
};

/// What was recorded.
struct RecordingSummary {
  bool is_on_disk = false;  ///< The trace stays at its path.
  std::uint64_t events = 0;
  std::uint64_t tasks = 0;
  std::uint64_t objects = 0;
  bool is_whole = true;  ///< Nothing that was to be written could not be.
};

/// Says how to run a schedule again, lines with their ends, where a fault ends the program under
/// it.
using RerunWords = std::function<std::string(const std::string& token)>;

/// Sets what says so; none: a line that names the listener's flag. It is called while the fault is
/// handled.
///
/// Threads: the one that runs the bodies.
void set_rerun_words(RerunWords words);

/// Threads: made, used and destroyed by the thread that runs the body.
class Execution {
 public:
  /// The calling thread becomes the body.
  explicit Execution(ExecutionOptions options);
  ~Execution();
  Execution(const Execution&) = delete;
  Execution& operator=(const Execution&) = delete;

  /// The body has ended: waits until all tasks have, or nothing can go on, or `patience` is over,
  /// and tells the state. Then unwinds what is left.
  ExecutionEnd settle(std::chrono::nanoseconds patience);

  /// An exception left the body, and `text` tells of it. Where that was a misuse, it is a finding
  /// and no longer a note.
  void note_body_exception(const std::string& text);

  /// What only the events show, from those recorded on disk so far: orders of taking locks that can
  /// deadlock in another schedule, where some task has held two at once; and races, where there is
  /// a `Shared`.
  ///
  /// Requires: `settle` has been called.
  std::vector<Finding> find_in_trace() const;

  /// Ends the recording. `keep`: its trace stays.
  RecordingSummary finish(bool keep, bool passed, const std::vector<Finding>& findings);

  /// The state as it is now, from the runtime itself. Any thread.
  static EndState current_state();
  /// For whoever watches a test, now and then and from any thread: where the body waits for what
  /// certainly cannot come, although other tasks go on, `on_deadlock` is called as at quiescence.
  static void look_for_stuck_body();
  /// No task can go on, and no execution is there to say so.
  static bool is_quiet_outside();

 private:
  ExecutionEnd settle_controlled();

  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace chantrace::detail
