#include <pthread.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <deque>
#include <exception>
#include <filesystem>
#include <mutex>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#include "chantrace/detail/printable.h"
#include "chantrace/no_touch.h"
#include "monitor.h"
#include "own_files.h"
#include "process.h"
#include "watcher.h"

namespace chantrace {
namespace {

using std::chrono::nanoseconds;
using std::chrono::steady_clock;
using std::chrono::system_clock;

constexpr std::size_t kHotspotsMax = 20;
constexpr std::size_t kStackBytes = 1024 * 1024;
/// Looks at all threads take at most one part in so many of a processor's time: with very many
/// threads, looks are made less often.
constexpr int kLookShare = 400;
/// The looks in the time after which a thread counts as stalled.
constexpr int kLooksUntilStalled = 5;
/// For as long the end of a program waits for the probe at most.
constexpr std::time_t kJoinSecondsMax = 2;

nanoseconds thread_cpu() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + nanoseconds(time.tv_nsec);
}

/// Where the report goes, whatever folder the program goes to.
std::string report_path_of(const std::string& option) {
  if (option.empty() || option == "stderr") return option;
  std::string path = option;
  const std::string process = std::to_string(getpid());
  for (std::size_t at = 0; (at = path.find("%p", at)) != std::string::npos; at += process.size())
    path.replace(at, 2, process);
  std::error_code error;
  const std::filesystem::path whole = std::filesystem::absolute(path, error);
  return error ? path : whole.string();
}

}  // namespace

class NoTouchProbe::Impl {
 public:
  explicit Impl(const NoTouchOptions& options)
      : options_(repaired(options)), monitor_(options_), watcher_(options_) {
    report_.is_enabled = true;
    report_.mode = monitor_.mode();
    report_.time = system_clock::now();
    report_.poll_interval = options_.poll_interval;
    start_thread();
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  /// False in a child of the process in which the probe runs.
  bool is_at_home() const { return getpid() == process_; }

  /// Returns: whether the thread has ended.
  bool stop();
  NoTouchReport report() const {
    const std::lock_guard lock(mutex_);
    NoTouchReport copy = report_;
    copy.samples.assign(samples_.begin(), samples_.end());
    copy.incidents.assign(incidents_.begin(), incidents_.end());
    return copy;
  }

 private:
  void start_thread();
  static void* run_thread(void* argument);
  void run();
  void poll();
  void look_if_due(notouch::Moment now);
  void open_incident();
  void close_incident();
  void publish();
  void write_report(bool is_last);
  /// Returns: whether to go on.
  bool wait_for_next_poll();

  const NoTouchOptions options_;
  const std::string report_path_ = report_path_of(options_.report_path);
  const pid_t process_ = getpid();
  const notouch::StandardError standard_error_;
  pthread_t thread_{};
  bool has_stopped_ = false;  ///< Guarded by `stop_mutex_`.

  // The probe's thread only.
  notouch::Monitor monitor_;
  notouch::Watcher watcher_;
  notouch::StuckVerdict verdict_;
  notouch::Moment next_look_;
  std::size_t threads_ = 0;
  notouch::Snapshot first_snapshot_;
  NoTouchIncident incident_;  ///< The open one.
  std::vector<pid_t> stuck_;  ///< When that was opened.
  bool has_report_error_ = false;

  std::mutex stop_mutex_;     ///< Held by who joins the thread.
  mutable std::mutex mutex_;  ///< Guards all below.
  std::condition_variable stop_requested_;
  bool is_stopping_ = false;
  NoTouchReport report_;
  std::deque<NoTouchSample> samples_;
  std::deque<NoTouchIncident> incidents_;
};

void NoTouchProbe::Impl::start_thread() {
  // It gets none of the signals that are meant for the program's threads.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kStackBytes);
  const int error = pthread_create(&thread_, &attributes, run_thread, this);
  pthread_attr_destroy(&attributes);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (error != 0)
    throw std::system_error(error, std::generic_category(), "chantrace::NoTouchProbe");
}

void* NoTouchProbe::Impl::run_thread(void* argument) {
  auto& self = *static_cast<Impl*>(argument);
  pthread_setname_np(pthread_self(), "chantrace-probe");
  try {
    self.run();
  } catch (const std::exception& error) {
    // Whatever happens to the probe, the program goes on.
    self.standard_error_.write(std::string("chantrace: the no-touch probe has ended: ") +
                               error.what() + "\n");
  }
  const std::lock_guard lock(self.mutex_);
  self.report_.is_enabled = false;
  self.report_.mode = NoTouchMode::kDisabled;
  self.report_.is_triggered = false;
  return nullptr;
}

void NoTouchProbe::Impl::run() {
  notouch::leave_descriptors();
  next_look_ = steady_clock::now();
  do poll();
  while (wait_for_next_poll());
  if (monitor_.close(steady_clock::now()) == notouch::Monitor::Change::kClosed) close_incident();
  write_report(true);
}

void NoTouchProbe::Impl::poll() {
  const notouch::Moment now = steady_clock::now();
  look_if_due(now);
  threads_ = notouch::count_other_threads();
  const auto change = monitor_.step({now, threads_, verdict_.threads});
  if (change == notouch::Monitor::Change::kOpened) open_incident();
  publish();
  if (change == notouch::Monitor::Change::kClosed) close_incident();
}

void NoTouchProbe::Impl::look_if_due(notouch::Moment now) {
  if (now < next_look_) return;
  const nanoseconds before = thread_cpu();
  verdict_ = watcher_.look(now);
  const nanoseconds share = (thread_cpu() - before) * kLookShare;
  next_look_ = now + std::max<nanoseconds>(options_.stuck_after / kLooksUntilStalled, share);
}

void NoTouchProbe::Impl::open_incident() {
  first_snapshot_ = watcher_.take_snapshot();
  incident_ = {};
  stuck_ = verdict_.threads;
  incident_.trigger = monitor_.trigger();
  incident_.triggered_at = system_clock::now();
  const std::string threads = std::to_string(monitor_.peak_threads());
  if (incident_.trigger == NoTouchTrigger::kStuck) {
    incident_.stuck_threads = verdict_.threads.size();
    incident_.reason = std::to_string(verdict_.threads.size()) + " of " + threads +
                       " threads make no progress: " + verdict_.reason;
  } else {
    incident_.reason =
        threads + " threads, " + std::to_string(monitor_.peak_delta()) + " more than usual";
  }
}

void NoTouchProbe::Impl::close_incident() {
  const notouch::Snapshot last = watcher_.take_snapshot();
  incident_.resolved_at = system_clock::now();
  incident_.peak_threads = monitor_.peak_threads();
  incident_.peak_delta = monitor_.peak_delta();
  incident_.hotspots = notouch::hotspots(first_snapshot_, last, stuck_, kHotspotsMax);
  incident_.waits = notouch::waits(last, kHotspotsMax);
  first_snapshot_.clear();
  {
    const std::lock_guard lock(mutex_);
    incidents_.push_back(incident_);
    if (incidents_.size() > options_.incidents_max) incidents_.pop_front();
  }
  if (options_.is_printed)
    standard_error_.write("chantrace: process " + std::to_string(process_) + ": " +
                          to_text(incident_));
  write_report(false);
}

void NoTouchProbe::Impl::publish() {
  const std::lock_guard lock(mutex_);
  report_.mode = monitor_.mode();
  report_.time = system_clock::now();
  report_.baseline = monitor_.baseline();
  report_.current_threads = threads_;
  report_.current_delta = monitor_.delta();
  report_.stuck_threads = verdict_.threads.size();
  report_.is_triggered = report_.mode == NoTouchMode::kTriggered;
  if (report_.trigger_count != monitor_.trigger_count())
    report_.last_trigger_at = incident_.triggered_at;
  report_.trigger_count = monitor_.trigger_count();
  report_.probe_cpu = thread_cpu();
  samples_.push_back(
      {report_.time, report_.current_threads, report_.baseline, report_.is_triggered});
  if (samples_.size() > options_.history_size) samples_.pop_front();
}

void NoTouchProbe::Impl::write_report(bool is_last) {
  if (report_path_.empty()) return;
  const std::string json = to_json(report());
  if (report_path_ == "stderr") {
    if (is_last) standard_error_.write(json);
    return;
  }
  const std::string reason = notouch::replace_file(report_path_, json);
  if (reason.empty() || std::exchange(has_report_error_, true)) return;
  standard_error_.write("chantrace: cannot write the no-touch report " +
                        detail::printable(report_path_) + ": " + reason + "\n");
}

bool NoTouchProbe::Impl::wait_for_next_poll() {
  std::unique_lock lock(mutex_);
  return !stop_requested_.wait_for(lock, options_.poll_interval, [this] { return is_stopping_; });
}

bool NoTouchProbe::Impl::stop() {
  const std::lock_guard stopping(stop_mutex_);
  if (has_stopped_) return true;
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  stop_requested_.notify_all();
  timespec until{};
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += kJoinSecondsMax;
  has_stopped_ = pthread_timedjoin_np(thread_, nullptr, &until) == 0;
  return has_stopped_;
}

namespace {

/// The probe of this process, for those who have no other way to it.
struct Registry {
  std::mutex mutex;  ///< Guards `probe`.
  NoTouchProbe* probe = nullptr;
  std::atomic<pid_t> process = 0;  ///< Tells a child, which may take no lock, that it has none.
};

Registry& registry() {
  // Never destroyed: it is asked until the end of the program.
  static Registry& instance = *new Registry;
  return instance;
}

void stop_running_probe() {
  Registry& known = registry();
  if (known.process.load() != getpid()) return;
  const std::lock_guard lock(known.mutex);
  if (known.probe != nullptr) known.probe->stop();
}

}  // namespace

NoTouchProbe::NoTouchProbe(const NoTouchOptions& options) {
  Registry& known = registry();
  const bool is_child = known.process.load() != 0 && known.process.load() != getpid();
  if (is_child)
    throw std::logic_error(
        "chantrace::NoTouchProbe: this process was forked from one with a probe");
  const std::lock_guard lock(known.mutex);
  if (known.probe != nullptr)
    throw std::logic_error("chantrace::NoTouchProbe: one runs already; end that first");
  impl_ = std::make_unique<Impl>(options);
  known.probe = this;
  known.process.store(getpid());
  [[maybe_unused]] static const int registered = std::atexit(stop_running_probe);
}

NoTouchProbe::~NoTouchProbe() {
  if (!impl_->is_at_home()) {
    // Its thread is not here, but what that has locked is locked.
    impl_.release();  // NOLINT(bugprone-unused-return-value)
    return;
  }
  Registry& known = registry();
  {
    const std::lock_guard lock(known.mutex);
    if (known.probe == this) known.probe = nullptr;
  }
  if (!impl_->stop()) impl_.release();  // NOLINT(bugprone-unused-return-value): still in use.
}

void NoTouchProbe::stop() {
  if (impl_->is_at_home()) impl_->stop();
}

NoTouchReport NoTouchProbe::report() const {
  return impl_->is_at_home() ? impl_->report() : NoTouchReport();
}

NoTouchReport no_touch_report() {
  Registry& known = registry();
  if (known.process.load() != getpid()) return {};
  const std::lock_guard lock(known.mutex);
  return known.probe != nullptr ? known.probe->report() : NoTouchReport();
}

}  // namespace chantrace
