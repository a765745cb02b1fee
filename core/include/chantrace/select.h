/// \file
/// Waiting for one of several channel operations, with Go's semantics.
#pragma once

#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <functional>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

#include "chantrace/channel.h"

namespace chantrace {

/// What `select` returns when the calling task is being unwound and no case was taken.
inline constexpr std::size_t kNothingSelected = static_cast<std::size_t>(-1);

namespace detail {

template <typename T, typename Handler>
class RecvCase {
 public:
  RecvCase(ChannelPointer channel, Handler handler, const Location& place)
      : site(place), channel_(std::move(channel)), handler_(std::move(handler)) {}
  SelectCase start() { return {channel_.get(), false, slot_.room(), &kElementType<T>, &site}; }
  void finish(Outcome outcome) {
    std::optional<T> value;
    if (outcome == Outcome::kOk) slot_.move_to(value);
    if constexpr (std::invocable<Handler&, std::optional<T>>)
      handler_(std::move(value));
    else
      handler_();
  }

  Location site;

 private:
  ChannelPointer channel_;
  ElementSlot<T> slot_;
  Handler handler_;
};

template <typename T, typename Handler>
class SendCase {
 public:
  SendCase(ChannelPointer channel, T value, Handler handler, const Location& place)
      : site(place),
        channel_(std::move(channel)),
        value_(std::move(value)),
        handler_(std::move(handler)) {}
  SelectCase start() { return {channel_.get(), true, &value_, &kElementType<T>, &site}; }
  void finish(Outcome) { handler_(); }

  Location site;

 private:
  ChannelPointer channel_;
  T value_;
  Handler handler_;
};

template <typename Handler>
struct TimeoutCase {
  std::int64_t nanoseconds;
  Handler handler;
  Location site;
};

template <typename Handler>
struct DefaultCase {
  Handler handler;
  Location site;
};

struct DoNothing {
  void operator()() const {}
};

template <typename Case>
struct IsTimeout : std::false_type {};
template <typename Handler>
struct IsTimeout<TimeoutCase<Handler>> : std::true_type {};
template <typename Case>
struct IsDefault : std::false_type {};
template <typename Handler>
struct IsDefault<DefaultCase<Handler>> : std::true_type {};
template <typename Case>
inline constexpr bool kIsChannelCase = !IsTimeout<Case>::value && !IsDefault<Case>::value;

}  // namespace detail

/// Receive from `channel`; `handler` is called with `std::optional<T>` (nullopt: closed and
/// drained), or with nothing.
template <typename T, typename Handler = detail::DoNothing>
auto on_recv(const RecvChannel<T>& channel, Handler handler = {},
             Location site = Location::current()) {
  return detail::RecvCase<T, Handler>(detail::share(channel.state()), std::move(handler), site);
}
template <typename T, typename Handler = detail::DoNothing>
auto on_recv(const Channel<T>& channel, Handler handler = {}, Location site = Location::current()) {
  return detail::RecvCase<T, Handler>(detail::share(channel.state()), std::move(handler), site);
}

/// Send `value` to `channel`, then call `handler`.
template <typename T, typename Handler = detail::DoNothing>
auto on_send(const SendChannel<T>& channel, std::type_identity_t<T> value, Handler handler = {},
             Location site = Location::current()) {
  return detail::SendCase<T, Handler>(detail::share(channel.state()), std::move(value),
                                      std::move(handler), site);
}
template <typename T, typename Handler = detail::DoNothing>
auto on_send(const Channel<T>& channel, std::type_identity_t<T> value, Handler handler = {},
             Location site = Location::current()) {
  return detail::SendCase<T, Handler>(detail::share(channel.state()), std::move(value),
                                      std::move(handler), site);
}

/// Give up when nothing has become ready for so long.
template <typename Rep, typename Period, typename Handler = detail::DoNothing>
auto on_timeout(std::chrono::duration<Rep, Period> timeout, Handler handler = {},
                Location site = Location::current()) {
  return detail::TimeoutCase<Handler>{detail::to_ns(timeout), std::move(handler), site};
}

/// Give up at once when nothing is ready.
template <typename Handler = detail::DoNothing>
auto on_default(Handler handler = {}, Location site = Location::current()) {
  return detail::DefaultCase<Handler>{std::move(handler), site};
}

namespace detail {

template <std::size_t... index, typename... Cases>
std::size_t select_among(const Location& site, std::index_sequence<index...>, Cases&... cases) {
  constexpr std::size_t count = (std::size_t{kIsChannelCase<Cases>} + ... + 0);
  static_assert((std::size_t{IsDefault<Cases>::value} + ... + 0) <= 1, "one on_default at most");
  static_assert((std::size_t{IsTimeout<Cases>::value} + ... + 0) <= 1, "one on_timeout at most");

  TaskControl& self = current_task();
  if (!enter_operation(self, Operation::kSelect, nullptr, site)) return kNothingSelected;
  static_assert(count <= kSelectCasesMax, "a select has too many cases");
  std::array<SelectCase, count + 1> list;
  std::array<Waiter, count + 1> waiters;
  std::array<ChannelState*, count + 1> latched;
  std::array<std::uint16_t, count + 1> ready;
  std::array<std::size_t, count + 1> argument_of{};
  Patience patience;
  std::size_t default_argument = kNothingSelected;
  std::size_t timeout_argument = kNothingSelected;
  std::size_t used = 0;
  const auto add = [&](std::size_t argument, auto& one) {
    using Case = std::remove_reference_t<decltype(one)>;
    if constexpr (IsDefault<Case>::value) {
      patience.is_try = true;
      default_argument = argument;
    } else if constexpr (IsTimeout<Case>::value) {
      patience.deadline = patience_for(self, one.nanoseconds).deadline;
      timeout_argument = argument;
    } else {
      argument_of[used] = argument;
      list[used++] = one.start();
    }
  };
  (add(index, cases), ...);

  const Selected selected = select_channels(
      self, {{list.data(), count}, waiters.data(), latched.data(), ready.data()}, patience, site);
  std::size_t fired = kNothingSelected;
  if (selected.index != kNoCase)
    fired = argument_of[selected.index];
  else if (selected.outcome == Outcome::kDefault)
    fired = default_argument;
  else if (selected.outcome == Outcome::kTimedOut)
    fired = timeout_argument;
  const auto finish = [&](std::size_t argument, auto& one) {
    if (argument != fired) return;
    using Case = std::remove_reference_t<decltype(one)>;
    if constexpr (kIsChannelCase<Case>)
      one.finish(selected.outcome);
    else
      one.handler();
  };
  (finish(index, cases), ...);
  return fired;
}

}  // namespace detail

/// Takes one of the cases that are ready, chosen fairly; when none is, waits for the first, unless
/// there is an `on_default` or the time of an `on_timeout` runs out. Calls the handler of what was
/// taken, after the operation.
///
/// `select(on_recv(a, f), on_send(b, 42, g), on_timeout(10ms, h))`. Nil channels are never ready.
///
/// Returns: the position of the case taken among the arguments, from 0.
/// Throws: `ChannelClosed` when it sends on a closed channel; what a handler throws.
/// Source: The Go Programming Language Specification, "Select statements".
template <typename First, typename... Rest>
std::size_t select(First&& first, Rest&&... rest) {
  const Location site = first.site;
  return detail::select_among(site, std::index_sequence_for<First, Rest...>{}, first, rest...);
}

/// A select without cases waits for ever.
inline void select(Location site = Location::current()) {
  detail::TaskControl& self = detail::current_task();
  if (detail::enter_operation(self, Operation::kSelect, nullptr, site))
    detail::park_for_ever(self, Operation::kSelect, site);
}

}  // namespace chantrace
