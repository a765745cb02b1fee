/// \file
/// Ends a test that is blocked where the library cannot see it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace chantrace {

/// Calls a function when a test takes too long.
///
/// Threads: one thread at a time.
class Watchdog {
 public:
  /// `on_expiry` is called in the watchdog's thread, and does not return to a sound program.
  explicit Watchdog(std::function<void()> on_expiry) : on_expiry_(std::move(on_expiry)) {}
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  /// A test begins. Not positive: it may take for ever.
  void start(std::chrono::nanoseconds limit);
  /// It is over.
  void stop();

 private:
  void watch();

  const std::function<void()> on_expiry_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::chrono::steady_clock::time_point deadline_ = std::chrono::steady_clock::time_point::max();
  bool is_ending_ = false;
  std::thread thread_;
};

/// Writes the call stack of each thread of the process to the standard error. Threads that do not
/// answer within a second are named without one.
void print_thread_stacks();

}  // namespace chantrace
