/// \file
/// Watching a program that is not a test.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "chantrace/no_touch.h"
#include "chantrace/sink.h"
#include "chantrace/trace.h"

namespace chantrace {

/// What a session does. Each function changes one thing and returns the options.
class Options {
 public:
  /// Writes a line for each event to the standard error.
  Options& log_stream() { return sink(make_log_sink()); }
  /// Gives events to `sink`; may be called for several.
  Options& sink(std::shared_ptr<Sink> sink) {
    if (sink != nullptr) sinks_.push_back(std::move(sink));
    return *this;
  }
  /// Gives events to the sink that is registered as `name`. One that is not registered is reported
  /// on the standard error, and the log stream takes its place.
  Options& sink_named(const std::string& name, const std::string& argument = {});
  /// The terminal view and the web view: sinks that `chantrace::view` registers.
  Options& tui() { return sink_named("tui"); }
  Options& web(const std::string& address = {}) { return sink_named("web", address); }
  /// Leaves a trace at `path`.
  Options& trace_file(std::string path) {
    trace_file_ = std::move(path);
    return *this;
  }
  /// Watches all threads of the process with a `NoTouchProbe`. Alone, nothing is recorded.
  Options& no_touch(NoTouchOptions options = NoTouchOptions::from_environment()) {
    no_touch_ = std::move(options);
    return *this;
  }
  /// Events that may wait for slow sinks; what comes beyond is lost to sinks, and counted. It is
  /// never lost to the trace file. Default: 16,384.
  Options& buffer_size(std::size_t events) {
    buffer_size_ = events;
    return *this;
  }
  /// Whether tasks wait for slow sinks once `buffer_size` events do, so that none is lost. A sink
  /// that itself waits for a task, or asks for `channels()` or `current_state()`, can then wait for
  /// ever. Default: no.
  Options& lossless(bool tasks_wait = true) {
    lossless_ = tasks_wait;
    return *this;
  }
  /// Whether values that pass through channels are recorded. Default: yes.
  Options& values(bool are_recorded) {
    values_ = are_recorded;
    return *this;
  }
  /// Whether call stacks are recorded, by frame pointers. Default: no.
  Options& stacks(bool are_recorded) {
    stacks_ = are_recorded;
    return *this;
  }
  /// One of so many operations of a task gets its stack. Default: 1.
  Options& stack_every(std::uint32_t operations) {
    stack_every_ = operations > 0 ? operations : 1;
    return *this;
  }

  /// Options as the environment variable `CHANTRACE` wants them:
  /// unset, empty, `0`, `off`, `no` or `false`: nothing, in any case of letters;
  /// `1`, `on`, `yes`, `true` or `log`: the log stream; `trace` or `trace=PATH`: a trace file;
  /// `notouch`: the no-touch probe, with what CHANTRACE_NOTOUCH_* say;
  /// `name` or `name=argument`: a sink that is registered. Several are separated by commas.
  ///
  /// Returns: whether anything is wanted. Words that mean nothing are reported on the standard
  /// error.
  static bool from_environment(Options& options);
  static bool from_text(const std::string& text, Options& options);

 private:
  friend class Session;
  std::vector<std::shared_ptr<Sink>> sinks_;
  std::string trace_file_;
  std::optional<NoTouchOptions> no_touch_;
  std::size_t buffer_size_ = 16'384;
  std::uint32_t stack_every_ = 1;
  bool lossless_ = false;
  bool values_ = true;
  bool stacks_ = false;
};

/// Records from its construction to its end. Without any sink, trace file or probe it is the log
/// stream.
///
/// One at a time: a second session, or one inside a recorded test, is an error.
///
/// Threads: any thread.
/// Throws: `std::logic_error` when something is already recorded; `std::system_error` when the
/// trace file cannot be written.
class Session {
 public:
  explicit Session(Options options);
  /// What the environment variable `CHANTRACE` says; nothing when it says nothing. What cannot be
  /// done is reported on the standard error: nobody's program ends for a word in the environment.
  Session();
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Ends the recording: all that was recorded has reached the sinks, unless one of them takes
  /// longer than five seconds for it.
  void stop();
  bool is_active() const;
  /// Events that were lost to sinks so far.
  std::uint64_t lost() const;
  /// Exceptions that sinks have thrown so far.
  std::uint64_t sink_errors() const;

 private:
  void start(Options options);
  void start_recording(Options options);
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The last `count` events of what is recorded now, in order; 0: all that are kept (65,536). Empty
/// when nothing is recorded for sinks.
///
/// Threads: any thread.
std::vector<Event> snapshot(std::size_t count = 0);

/// Some of the events of what is recorded now, which are counted from 1.
struct EventBatch {
  std::uint64_t first = 1;    ///< The number of the first of them.
  std::vector<Event> events;  ///< Among them notices of losses.
  std::uint64_t total = 0;    ///< The number of the newest event there is.
};

/// At most `count` events with numbers greater than `number`, the oldest first. Those that are no
/// longer kept are left out: `first` is then greater than `number` + 1.
///
/// Threads: any thread.
EventBatch events_since(std::uint64_t number, std::size_t count);

/// The same events as a trace, which can be written, shown and judged like any other. What was
/// before them is in it as far as it still holds: what each object held, who waits and since where;
/// the rest is counted as lost. It has no end.
///
/// Threads: any thread. Cost: linear in events, tasks and objects that were ever used.
Trace recent_trace(std::size_t count = 0);

/// Whether anything is recorded now.
bool is_recording();

}  // namespace chantrace
