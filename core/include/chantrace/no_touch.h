/// \file
/// The no-touch probe: watches the threads of this process from one thread of its own, whatever
/// they use. It reads /proc and the memory of stacks; it replaces nothing, sends no signals and
/// stops nobody.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace chantrace {

/// Which waits without an end make an incident.
enum class StuckOn : std::uint8_t {
  kNothing,  ///< None: growth alone is looked for.
  kLocks,    ///< Waits for locks that nobody will give back; and a process in which no thread can
             ///< wake another.
  kAnyWait,  ///< Also condition variables, semaphores, joins and other futexes without a timeout.
};

/// How the probe looks, and what it takes for worth a closer look.
///
/// Threads: a plain value.
struct NoTouchOptions {
  /// Between two counts of the threads.
  std::chrono::milliseconds poll_interval{250};
  /// Samples that are kept.
  std::size_t history_size = 256;
  /// Samples whose mean is the first baseline.
  std::size_t baseline_samples = 12;
  /// So many threads above the baseline are too many,
  std::size_t trigger_delta = 32;
  /// and in so many samples one after the other they open an incident.
  std::size_t trigger_consecutive = 3;
  /// From an incident's first look at all stacks to its last.
  std::chrono::milliseconds trigger_window{3000};
  /// After an incident, no other is opened for so long.
  std::chrono::milliseconds cooldown{5000};
  StuckOn stuck_on = StuckOn::kLocks;
  /// A thread that has not run for so long makes no progress.
  std::chrono::milliseconds stuck_after{5000};
  /// Incidents that are kept; the oldest go first.
  std::size_t incidents_max = 5;
  /// Whether each incident is written to the standard error.
  bool is_printed = true;
  /// Where the report is kept as JSON, written anew at each incident and at the end; `%p` in it is
  /// the process's number. Empty: nowhere. "stderr": to the standard error, at the end.
  std::string report_path;

  /// The defaults, changed by what the environment variables CHANTRACE_NOTOUCH_* say. A value that
  /// makes no sense is reported on the standard error, and the default stays. What code sets
  /// afterwards counts more than either.
  static NoTouchOptions from_environment();
};

/// `options` with the default in place of each value that cannot be used: an interval or a number
/// of samples that is not positive, or larger than a day, or than a million.
NoTouchOptions repaired(NoTouchOptions options);

enum class NoTouchMode : std::uint8_t {
  kDisabled,   ///< No probe runs.
  kWarmingUp,  ///< There is no baseline yet.
  kPassive,    ///< Threads are counted, and whether they run is looked at.
  kTriggered,  ///< An incident is open.
  kCooldown,   ///< One has been closed just now.
};
std::string_view to_string(NoTouchMode mode);

/// What opened an incident.
enum class NoTouchTrigger : std::uint8_t { kGrowth, kStuck };
std::string_view to_string(NoTouchTrigger trigger);

using NoTouchTime = std::chrono::system_clock::time_point;

/// Threads that were in the same state in the same functions.
struct NoTouchHotspot {
  /// What they did: `lock`, `condition`, `semaphore`, `join`, `barrier`, `futex`, `sleep`, `poll`,
  /// `input/output`, `child`, `signal`, `running`, `other`.
  std::string state;
  /// The innermost function that belongs to the program, not to the system's libraries; without
  /// arguments and addresses. Empty where it is not known.
  std::string top_frame;
  /// All functions of the program, the innermost first.
  std::vector<std::string> frames;
  /// Where in `top_frame`, as file:line, at most four; empty without debug information.
  std::vector<std::string> places;
  std::size_t count = 0;
  /// True where the same threads were here from the incident's start to its end, without running.
  bool is_persistent = false;
  /// The lock or descriptor that all of them wait for, or how many different ones.
  std::string waits_on;

  friend bool operator==(const NoTouchHotspot&, const NoTouchHotspot&) = default;
};

/// A lock or a descriptor that threads wait for.
struct NoTouchWait {
  std::string state;  ///< As in a hotspot.
  std::string name;   ///< The global variable's, the file's, or a number within the incident.
  std::size_t count = 0;
  /// Who has the lock, and what that thread does; empty where it is not known.
  std::string holder;

  friend bool operator==(const NoTouchWait&, const NoTouchWait&) = default;
};

struct NoTouchIncident {
  NoTouchTrigger trigger = NoTouchTrigger::kGrowth;
  std::string reason;  ///< In a sentence.
  NoTouchTime triggered_at;
  NoTouchTime resolved_at;  ///< When its window was closed.
  std::size_t peak_threads = 0;
  std::ptrdiff_t peak_delta = 0;
  std::size_t stuck_threads = 0;         ///< 0 for growth.
  std::vector<NoTouchHotspot> hotspots;  ///< With stuck threads first, then the largest.
  std::vector<NoTouchWait> waits;        ///< The largest first.

  friend bool operator==(const NoTouchIncident&, const NoTouchIncident&) = default;
};

struct NoTouchSample {
  NoTouchTime time;
  std::size_t threads = 0;
  std::optional<std::size_t> baseline;
  bool is_triggered = false;

  friend bool operator==(const NoTouchSample&, const NoTouchSample&) = default;
};

/// What the probe has seen so far. The probe's own thread is in none of the numbers.
///
/// Threads: a plain value.
struct NoTouchReport {
  bool is_enabled = false;
  NoTouchMode mode = NoTouchMode::kDisabled;
  NoTouchTime time;
  std::chrono::milliseconds poll_interval{0};
  std::optional<std::size_t> baseline;
  std::size_t current_threads = 0;
  std::ptrdiff_t current_delta = 0;  ///< 0 while there is no baseline.
  std::size_t stuck_threads = 0;     ///< As of the last look.
  bool is_triggered = false;
  std::size_t trigger_count = 0;
  std::optional<NoTouchTime> last_trigger_at;
  std::chrono::nanoseconds probe_cpu{0};   ///< What the probe's thread has used.
  std::vector<NoTouchSample> samples;      ///< The oldest first.
  std::vector<NoTouchIncident> incidents;  ///< The oldest first.
};

/// As people read it: several lines, each ending in a line feed.
std::string to_text(const NoTouchIncident& incident);
std::string to_text(const NoTouchReport& report);
/// One JSON object; docs/no_touch.md has its keys.
std::string to_json(const NoTouchReport& report);

/// A probe that runs from its construction to its end. An open incident is closed at the end.
///
/// A child process that was forked has none, and destroying this object there does nothing.
///
/// Threads: any thread.
/// Throws: `std::logic_error` when another one runs; `std::system_error` when no thread can be
/// started.
class NoTouchProbe {
 public:
  explicit NoTouchProbe(const NoTouchOptions& options = NoTouchOptions::from_environment());
  ~NoTouchProbe();
  NoTouchProbe(const NoTouchProbe&) = delete;
  NoTouchProbe& operator=(const NoTouchProbe&) = delete;

  /// Ends it; afterwards the report stays as it was.
  void stop();
  NoTouchReport report() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// What the probe of this process has seen; `is_enabled` is false where none runs.
///
/// Threads: any thread.
NoTouchReport no_touch_report();

}  // namespace chantrace
