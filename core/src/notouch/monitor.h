/// \file
/// The baseline, the triggers and the modes of the probe: a state machine that is fed samples and
/// knows neither clocks nor threads.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <vector>

#include "chantrace/no_touch.h"
#include "stall.h"

namespace chantrace::notouch {

/// The baseline is the mean of the first samples. From then on
///  - it falls slowly while there are fewer threads, at each sample by a part of the difference
///    that is one by the history's size;
///  - it never rises by itself, so that a slow leak is seen;
///  - at the end of an incident of growth it is what the incident has shown: a level is reported
///    once.
///
/// A set of stuck threads opens one incident. Another one takes a thread that was not stuck when
/// the last was opened, or that has gone on in between.
class Monitor {
 public:
  explicit Monitor(const NoTouchOptions& options) : options_(options) {}

  struct Input {
    Moment now;
    std::size_t threads = 0;
    std::vector<pid_t> stuck;  ///< Ascending.
  };
  enum class Change { kNone, kOpened, kClosed };

  /// Requires: `input.now` does not go back.
  Change step(const Input& input);
  /// Ends an open incident before its time.
  Change close(Moment now);

  NoTouchMode mode() const { return mode_; }
  std::optional<std::size_t> baseline() const;
  /// Threads above the baseline; 0 while there is none.
  std::ptrdiff_t delta() const;
  std::size_t trigger_count() const { return trigger_count_; }

  /// Of the incident that is open, or of the last one.
  NoTouchTrigger trigger() const { return trigger_; }
  std::size_t peak_threads() const { return peak_threads_; }
  std::ptrdiff_t peak_delta() const { return peak_delta_; }

 private:
  void update_baseline();
  std::optional<NoTouchTrigger> due_trigger(const Input& input);
  void open(NoTouchTrigger trigger, const Input& input);

  const NoTouchOptions options_;
  NoTouchMode mode_ = NoTouchMode::kWarmingUp;
  std::size_t threads_ = 0;
  double warm_up_sum_ = 0;
  std::size_t warm_up_count_ = 0;
  std::optional<double> baseline_;
  std::size_t anomalies_ = 0;  ///< One after the other, up to now.
  std::vector<pid_t> reported_;

  NoTouchTrigger trigger_ = NoTouchTrigger::kGrowth;
  std::size_t trigger_count_ = 0;
  Moment until_;  ///< The end of the window, or of the cooldown.
  std::size_t peak_threads_ = 0;
  std::ptrdiff_t peak_delta_ = 0;
  double window_sum_ = 0;
  std::size_t window_count_ = 0;
};

}  // namespace chantrace::notouch
