/// \file
/// Looks after tests while they run, and ends one that is blocked where the library cannot see it.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

namespace chantrace {

/// Calls a function when a test takes too long, and another one every quarter of a second.
///
/// A child process that is forked may destroy it: it has no thread there, and nothing is done.
///
/// Threads: one thread at a time.
class Watchdog {
 public:
  /// `on_expiry` is called in the watchdog's thread, and does not return to a sound program.
  Watchdog(std::function<void()> on_expiry, std::function<void()> on_look);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  /// A test begins. Not positive: it may take for ever.
  void start(std::chrono::nanoseconds limit);
  /// It is over.
  void stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Writes the call stack of each thread of the process to the standard error. Threads that do not
/// answer within a second are named without one.
void print_thread_stacks();

}  // namespace chantrace
