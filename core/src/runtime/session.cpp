#include "chantrace/session.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "chantrace/finding.h"
#include "drain.h"
#include "recording.h"
#include "runtime.h"

namespace chantrace {
namespace {

std::string lower_case(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return result;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool is_one_of(const std::string& word, std::initializer_list<const char*> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::string known_names() {
  std::string text = "log, trace, notouch";
  for (const std::string& name : sink_factory_names()) text += ", " + name;
  return text;
}

/// A program in which nothing can go on is told so, once. Nothing else is done: it may be meant to
/// be ended by a signal.
void report_quiescence() {
  std::string text = "chantrace: nothing can go on\n";
  for (const Finding& finding : analyze(detail::Runtime::instance().end_state()))
    text += to_text(finding);
  std::fputs(text.c_str(), stderr);
}

}  // namespace

Options& Options::sink_named(const std::string& name, const std::string& argument) {
  if (auto made = make_sink(name, argument)) return sink(std::move(made));
  std::fprintf(stderr,
               "chantrace: there is no sink named \"%s\" in this program (known: %s); the log "
               "stream takes its place%s\n",
               name.c_str(), known_names().c_str(),
               name == "web" || name == "tui" ? "; link chantrace::view to have it" : "");
  return log_stream();
}

bool Options::from_environment(Options& options) {
  const char* const text = std::getenv("CHANTRACE");
  return text != nullptr && from_text(text, options);
}

bool Options::from_text(const std::string& text, Options& options) {
  bool wants_any = false;
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t comma = std::min(text.find(',', start), text.size());
    const std::string_view item = trim(std::string_view(text).substr(start, comma - start));
    start = comma + 1;
    const std::size_t equals = std::min(item.find('='), item.size());
    const std::string name = lower_case(trim(item.substr(0, equals)));
    const std::string argument(equals < item.size() ? item.substr(equals + 1) : "");
    if (is_one_of(name, {"", "0", "off", "no", "false"})) continue;
    if (is_one_of(name, {"1", "on", "yes", "true", "log"})) {
      options.log_stream();
    } else if (name == "trace") {
      options.trace_file(!argument.empty() ? argument : std::to_string(getpid()) + ".chantrace");
    } else if (name == "notouch") {
      options.no_touch();
    } else if (auto made = make_sink(name, argument)) {
      options.sink(std::move(made));
    } else if (is_one_of(name, {"web", "tui"})) {
      options.sink_named(name, argument);
    } else {
      std::fprintf(
          stderr,
          "chantrace: CHANTRACE=%.*s: \"%s\" is no sink in this program (known: %s, or off)\n",
          static_cast<int>(item.size()), item.data(), name.c_str(), known_names().c_str());
      continue;
    }
    wants_any = true;
  }
  return wants_any;
}

namespace {

/// The session that runs, for `exit`, which destroys no local variables.
std::atomic<Session*> running_session = nullptr;

/// What it records, until its sinks have had all of it: longer than the runtime records.
struct ServedRecording {
  detail::OsMutex mutex;
  std::shared_ptr<detail::Recording> recording CHANTRACE_GUARDED_BY(mutex);
};

ServedRecording& served_recording() {
  // Never destroyed: sinks may be served when the program ends.
  static ServedRecording& served = *new ServedRecording;
  return served;
}

void serve_recording(std::shared_ptr<detail::Recording> recording, std::uint32_t epoch) {
  ServedRecording& served = served_recording();
  const detail::ScopedLock lock(served.mutex);
  detail::served_epoch.store(epoch, std::memory_order_relaxed);
  served.recording.swap(recording);
}

/// nullptr: nothing is recorded for sinks.
std::shared_ptr<detail::Recording> recording_for_sinks() {
  ServedRecording& served = served_recording();
  const detail::ScopedLock lock(served.mutex);
  return served.recording;
}

void stop_running_session() {
  if (Session* const session = running_session.load()) session->stop();
}

}  // namespace

namespace detail {

constinit std::atomic<std::uint32_t> served_epoch = 0;

void tell_end(const Object& object) {
  const auto recording = recording_for_sinks();
  if (recording == nullptr || object.epoch != served_epoch.load()) return;
  recording->drain()->forget(
      {.is_task = false, .id = to_number(object.id), .last_sequence = object.sequence});
}

}  // namespace detail

struct Session::Impl {
  std::shared_ptr<detail::Recording> recording;  ///< Null where only the probe runs.
  std::unique_ptr<NoTouchProbe> probe;
  std::atomic<bool> is_active = false;  ///< Read by anyone who asks.
  const pid_t process = getpid();       ///< A child that was forked has none of the threads.
};

Session::Session(Options options) : impl_(std::make_unique<Impl>()) { start(std::move(options)); }

Session::Session() : impl_(std::make_unique<Impl>()) {
  try {
    Options options;
    if (Options::from_environment(options)) start(std::move(options));
  } catch (const std::exception& error) {
    impl_->probe.reset();
    std::fprintf(stderr, "%s (CHANTRACE=%s)\n", error.what(), std::getenv("CHANTRACE"));
  }
}

void Session::start(Options options) {
  if (detail::Runtime::instance().is_in_execution())
    throw std::logic_error(
        "chantrace::Session: something is recorded already; end that session first, or run this "
        "outside a recorded test");
  const bool is_recorded = !options.sinks_.empty() || !options.trace_file_.empty();
  if (options.no_touch_) impl_->probe = std::make_unique<NoTouchProbe>(*options.no_touch_);
  if (is_recorded || !options.no_touch_) start_recording(std::move(options));
  impl_->is_active = true;
  running_session.store(this);
  [[maybe_unused]] static const int registered = std::atexit(stop_running_session);
}

void Session::start_recording(Options options) {
  if (options.sinks_.empty() && options.trace_file_.empty()) options.log_stream();
  detail::RecordingOptions recording_options;
  recording_options.path = options.trace_file_;
  recording_options.has_values = options.values_;
  recording_options.has_stacks = options.stacks_;
  recording_options.stack_every = options.stack_every_;
  recording_options.queue_events_max = std::max<std::size_t>(options.buffer_size_, 1);
  recording_options.tasks_wait_for_sinks = options.lossless_;
  recording_options.sinks = options.sinks_;
  auto recording = detail::Recording::create(recording_options);
  if (!recording)
    throw std::system_error(std::make_error_code(std::errc::io_error),
                            "chantrace::Session: " + recording.error().to_string());
  impl_->recording = std::move(recording).value();
  detail::Runtime::instance().begin_execution(nullptr, impl_->recording, report_quiescence, false);
  if (impl_->recording->drain() != nullptr)
    serve_recording(impl_->recording, detail::current_epoch.load());
}

Session::~Session() { stop(); }

void Session::stop() {
  if (!impl_->is_active.exchange(false)) return;
  Session* self = this;
  running_session.compare_exchange_strong(self, nullptr);
  if (getpid() != impl_->process) return;
  if (impl_->probe != nullptr) impl_->probe->stop();
  if (impl_->recording == nullptr) return;
  detail::Runtime& runtime = detail::Runtime::instance();
  TraceEnd end;
  end.passed = true;
  end.ended_ticks = detail::ticks();
  end.body_ended = false;
  runtime.end_execution();
  impl_->recording->close(true, end);
  serve_recording(nullptr, 0);
  if (impl_->recording->write_errors() > 0)
    std::fprintf(stderr,
                 "chantrace: the trace could not be written whole; what is missing may be in the "
                 ".spool beside it\n");
}

bool Session::is_active() const { return impl_->is_active.load(); }

std::uint64_t Session::lost() const {
  return impl_->recording != nullptr && impl_->recording->drain() != nullptr
             ? impl_->recording->drain()->lost()
             : 0;
}

std::uint64_t Session::sink_errors() const {
  return impl_->recording != nullptr && impl_->recording->drain() != nullptr
             ? impl_->recording->drain()->sink_errors()
             : 0;
}

std::vector<Event> snapshot(std::size_t count) {
  const auto recording = recording_for_sinks();
  return recording == nullptr ? std::vector<Event>{} : recording->drain()->snapshot(count);
}

EventBatch events_since(std::uint64_t number, std::size_t count) {
  const auto recording = recording_for_sinks();
  return recording == nullptr ? EventBatch{} : recording->drain()->events_since(number, count);
}

Trace recent_trace(std::size_t count) {
  const auto recording = recording_for_sinks();
  return recording == nullptr ? Trace{} : recording->drain()->recent_trace(count);
}

bool is_recording() { return detail::Runtime::instance().recording() != nullptr; }

}  // namespace chantrace
