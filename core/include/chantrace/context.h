/// \file
/// Telling a tree of tasks to stop.
#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include "chantrace/channel.h"
#include "chantrace/time.h"

namespace chantrace {

/// A value without content, for channels that only say that something happened.
struct Unit {
  friend bool operator==(const Unit&, const Unit&) = default;
};

/// Why a context is over.
enum class ContextError : std::uint8_t { kNone, kCancelled, kDeadlineExceeded };

namespace detail {
struct ContextState;
std::shared_ptr<ContextState> make_context(const std::shared_ptr<ContextState>& parent,
                                           std::optional<std::int64_t> timeout_ns,
                                           const Location& site);
}  // namespace detail

/// Carries the request to stop from a task to those it started. A handle, copied freely.
///
/// Threads: any thread.
/// Source: the Go standard library's context.
class Context {
 public:
  /// Never over; its `done()` is the nil channel.
  static Context background() { return Context(nullptr); }

  /// For the library's own use.
  explicit Context(std::shared_ptr<detail::ContextState> state) : state_(std::move(state)) {}
  const std::shared_ptr<detail::ContextState>& state() const { return state_; }

  /// Closed once this context is over.
  RecvChannel<Unit> done() const;
  ContextError error() const;
  /// When it will be over by itself.
  std::optional<TimePoint> deadline() const;
  /// Makes it and all made from it be over. Does nothing a second time, nor on the background.
  void cancel(Location site = Location::current()) const;

 private:
  std::shared_ptr<detail::ContextState> state_;
};

/// A context that is over when `parent` is, or when it is cancelled.
inline Context with_cancel(const Context& parent, Location site = Location::current()) {
  return Context(detail::make_context(parent.state(), std::nullopt, site));
}

/// ... or when `timeout` has passed.
template <typename Rep, typename Period>
Context with_timeout(const Context& parent, std::chrono::duration<Rep, Period> timeout,
                     Location site = Location::current()) {
  return Context(detail::make_context(parent.state(), detail::to_ns(timeout), site));
}

}  // namespace chantrace
