/// \file
/// Channels: typed queues at which tasks meet, with Go's semantics.
#pragma once

#include <chrono>
#include <cstddef>
#include <iterator>
#include <optional>
#include <string_view>
#include <utility>

#include "chantrace/detail/channel_state.h"
#include "chantrace/location.h"
#include "chantrace/misuse.h"

namespace chantrace {

/// How a receive ended.
enum class RecvStatus : std::uint8_t {
  kReceived,
  kEmpty,     ///< `try_recv` only.
  kTimedOut,  ///< `recv_for` only.
  kClosed,    ///< Closed and drained.
};

/// A received value, or why there is none.
template <typename T>
class RecvResult {
 public:
  explicit RecvResult(RecvStatus status) : status_(status) {}
  explicit RecvResult(std::optional<T> value, RecvStatus status)
      : value_(std::move(value)), status_(status) {}

  RecvStatus status() const { return status_; }
  explicit operator bool() const { return status_ == RecvStatus::kReceived; }
  /// Requires: `status() == RecvStatus::kReceived`.
  T& value() & { return *value_; }
  const T& value() const& { return *value_; }
  T&& value() && { return *std::move(value_); }
  std::optional<T>& optional() { return value_; }

 private:
  std::optional<T> value_;
  RecvStatus status_;
};

template <typename T>
class Channel;
template <typename T>
class SendChannel;
template <typename T>
class RecvChannel;

namespace detail {

/// Room for one element on the stack of a task that receives.
template <typename T>
class ElementSlot {
 public:
  ElementSlot() {}  // NOLINT: leaves the element unmade.
  ~ElementSlot() {}
  ElementSlot(const ElementSlot&) = delete;
  ElementSlot& operator=(const ElementSlot&) = delete;

  void* room() { return &element_; }
  /// Requires: an element was made in `room()`.
  void move_to(std::optional<T>& to) {
    to.emplace(std::move(element_));
    element_.~T();
  }

 private:
  union {
    T element_;
  };
};

/// What all forms of a channel's handle share.
class ChannelHandle {
 public:
  /// True for Go's nil channel: no operation on it ever becomes ready.
  bool is_nil() const { return pointer_.get() == nullptr; }
  /// Values in the buffer at this moment.
  std::size_t size() const { return channel_size(pointer_.get()); }
  std::size_t capacity() const { return is_nil() ? 0 : pointer_.get()->capacity; }
  std::string_view name() const {
    return is_nil() ? std::string_view() : pointer_.get()->given_name.view();
  }

  friend bool operator==(const ChannelHandle&, const ChannelHandle&) = default;

  /// For the library's own use.
  ChannelState* state() const { return pointer_.get(); }

 protected:
  ChannelHandle() = default;
  explicit ChannelHandle(ChannelPointer pointer) : pointer_(std::move(pointer)) {}

 private:
  ChannelPointer pointer_;
};

// A send and a receive each come in three lengths. The short way is for a task without hooks that
// was the last to use the channel so, and finds room or a value: it costs a locked instruction and
// a move, as it would in a library that cannot record. All its exits are calls in its last place,
// so that it needs no frame of its own. The full way records; the slow way, without the element's
// type, meets other tasks. Under control there is one way, in as few frames as can be.

/// Every send. Not inline, for the sake of the short way.
template <typename T>
[[gnu::noinline]] Outcome send_fully(ChannelState* channel, T& value, const Location& site,
                                     Patience patience) {
  TaskControl& self = current_task();
  if (!(patience.is_endless() ? enter_operation(self, Operation::kSend, channel, site)
                              : enter_polling_operation(self, Operation::kSend, channel, site)))
    return Outcome::kCancelled;
  if (channel == nullptr) return wait_at_nil_channel(self, Operation::kSend, site, patience);
  Happening what{.operation = Operation::kSend};
  const std::uint64_t time = record_time(self);
  // Before the latch: it may call the element's `operator<<`.
  if (self.has_values) what.value = capture_value(self, value, what.marks);
  channel->latch.lock();
  if (!channel->can_send_at_once(self))
    return send_slowly(self, *channel, &value, std::move(what), site, patience);
  channel->givers.add(self.id);
  channel->push_back(value);
  note_buffered(*channel, what);
  channel->latch.unlock();
  record(self, what, site, time);
  return Outcome::kOk;
}

template <typename T>
Outcome send_value(ChannelState* channel, T& value, const Location& site, Patience patience) {
  TaskControl* const self = current_task_if_known();
  if (self == nullptr || channel == nullptr) [[unlikely]]
    return send_fully(channel, value, site, patience);
  if (self->hooks.load(std::memory_order_relaxed) != 0) [[unlikely]] {
    if (patience.is_endless() && is_only_controlled(*self))
      return send_under_control(*self, *channel, &value, site);
    return send_fully(channel, value, site, patience);
  }
  if (!channel->latch.try_lock_among_threads()) [[unlikely]]
    return send_fully(channel, value, site, patience);
  if (!channel->can_send_shortly(*self)) [[unlikely]]
    return send_slowly(*self, *channel, &value, {.operation = Operation::kSend}, site, patience);
  channel->push_back(value);
  channel->latch.unlock_among_threads();
  return Outcome::kOk;
}

/// A receive that has taken the latch and cannot go the short way. All receives fill `to` where
/// they are kOk: the caller's result, so that no value is copied on its way there.
template <typename T>
[[gnu::noinline]] Outcome receive_with_latch(TaskControl& self, ChannelState& channel,
                                             std::optional<T>& to, Operation operation,
                                             const Location& site, Patience patience)
    CHANTRACE_RELEASE(channel.latch) {
  ElementSlot<T> slot;
  const Outcome outcome = receive_slowly(self, channel, slot.room(), operation, site, patience);
  if (outcome == Outcome::kOk) slot.move_to(to);
  return outcome;
}

/// A receive by a task under control.
template <typename T>
[[gnu::noinline]] Outcome receive_alone(TaskControl& self, ChannelState& channel,
                                        std::optional<T>& to, Operation operation,
                                        const Location& site) {
  ElementSlot<T> slot;
  const Outcome outcome = receive_under_control(self, channel, slot.room(), operation, site);
  if (outcome == Outcome::kOk) slot.move_to(to);
  return outcome;
}

/// Every receive.
template <typename T>
[[gnu::noinline]] Outcome receive_fully(ChannelState* channel, std::optional<T>& to,
                                        Operation operation, const Location& site,
                                        Patience patience) {
  TaskControl& self = current_task();
  if (!(patience.is_endless() ? enter_operation(self, operation, channel, site)
                              : enter_polling_operation(self, operation, channel, site)))
    return Outcome::kCancelled;
  if (channel == nullptr) return wait_at_nil_channel(self, operation, site, patience);
  const std::uint64_t time = record_time(self);
  channel->latch.lock();
  if (!channel->can_receive_at_once(self))
    return receive_with_latch(self, *channel, to, operation, site, patience);
  channel->takers.add(self.id);
  channel->pop_front(to);
  Happening what{.operation = operation};
  note_buffered(*channel, what);
  channel->latch.unlock();
  if (self.has_values) what.value = capture_value(self, *to, what.marks);
  record(self, what, site, time);
  return Outcome::kOk;
}

template <typename T>
Outcome receive_value(ChannelState* channel, std::optional<T>& to, Operation operation,
                      const Location& site, Patience patience) {
  TaskControl* const self = current_task_if_known();
  if (self == nullptr || channel == nullptr) [[unlikely]]
    return receive_fully(channel, to, operation, site, patience);
  if (self->hooks.load(std::memory_order_relaxed) != 0) [[unlikely]] {
    if (patience.is_endless() && is_only_controlled(*self))
      return receive_alone(*self, *channel, to, operation, site);
    return receive_fully(channel, to, operation, site, patience);
  }
  if (!channel->latch.try_lock_among_threads()) [[unlikely]]
    return receive_fully(channel, to, operation, site, patience);
  if (!channel->can_receive_shortly(*self)) [[unlikely]]
    return receive_with_latch(*self, *channel, to, operation, site, patience);
  channel->pop_front(to);
  channel->latch.unlock_among_threads();
  return Outcome::kOk;
}

}  // namespace detail

/// The sending side of a channel.
///
/// Threads: any thread; handles are copied freely and share the channel.
template <typename T>
class SendChannel : public detail::ChannelHandle {
 public:
  /// The nil channel.
  SendChannel() = default;

  /// Sends `value`.
  ///
  /// Blocks: until there is room in the buffer, or for an unbuffered channel until a receiver takes
  /// it. On the nil channel for ever.
  /// Throws: `ChannelClosed`.
  void send(T value, Location site = Location::current()) const {
    detail::send_value(state(), value, site, {});
  }

  /// Sends if that needs no waiting. The value is lost where it does not.
  ///
  /// Throws: `ChannelClosed`.
  bool try_send(T value, Location site = Location::current()) const {
    return detail::send_value(state(), value, site, {.is_try = true}) == Outcome::kOk;
  }

  /// Sends, or gives up after `timeout`.
  ///
  /// Throws: `ChannelClosed`.
  template <typename Rep, typename Period>
  bool send_for(T value, std::chrono::duration<Rep, Period> timeout,
                Location site = Location::current()) const {
    const std::int64_t nanoseconds = detail::to_ns(timeout);
    return detail::send_value(state(), value, site,
                              detail::patience_for(detail::current_task(), nanoseconds)) ==
           Outcome::kOk;
  }

  /// No more will be sent. Values in the buffer can still be received; all who wait to receive, and
  /// all later receives from the drained channel, get nothing.
  ///
  /// Throws: `ChannelClosed` when it is closed already, `ChannelNil` on the nil channel. Senders
  /// that wait get `ChannelClosed` as well.
  void close(Location site = Location::current()) const { detail::close_channel(state(), site); }

 protected:
  explicit SendChannel(detail::ChannelPointer pointer) : ChannelHandle(std::move(pointer)) {}
  friend class Channel<T>;
};

/// The receiving side of a channel.
///
/// Threads: any thread; handles are copied freely and share the channel.
template <typename T>
class RecvChannel : public detail::ChannelHandle {
 public:
  /// The nil channel.
  RecvChannel() = default;

  /// The next value; nullopt once the channel is closed and drained.
  ///
  /// Blocks: until a value is there or the channel is closed. On the nil channel for ever.
  std::optional<T> recv(Location site = Location::current()) const {
    std::optional<T> value;
    detail::receive_value(state(), value, Operation::kReceive, site, {});
    return value;
  }

  /// Receives if that needs no waiting.
  RecvResult<T> try_recv(Location site = Location::current()) const {
    return receive(site, {.is_try = true});
  }

  /// Receives, or gives up after `timeout`.
  template <typename Rep, typename Period>
  RecvResult<T> recv_for(std::chrono::duration<Rep, Period> timeout,
                         Location site = Location::current()) const {
    const std::int64_t nanoseconds = detail::to_ns(timeout);
    return receive(site, detail::patience_for(detail::current_task(), nanoseconds));
  }

  /// Receives for each step of a `for` loop, until the channel is closed and drained.
  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    using pointer = T*;
    using reference = T&;

    Iterator(const RecvChannel& channel, const Location& site) : channel_(channel), site_(site) {
      ++*this;
    }
    T& operator*() { return *value_; }
    T* operator->() { return &*value_; }
    Iterator& operator++() {
      value_.reset();
      detail::receive_value(channel_.state(), value_, Operation::kRange, site_, {});
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const Iterator& left, std::default_sentinel_t) {
      return !left.value_.has_value();
    }

   private:
    RecvChannel channel_;
    Location site_;
    std::optional<T> value_;
  };

  Iterator begin(Location site = Location::current()) const { return {*this, site}; }
  std::default_sentinel_t end() const { return {}; }

 protected:
  explicit RecvChannel(detail::ChannelPointer pointer) : ChannelHandle(std::move(pointer)) {}
  friend class Channel<T>;

 private:
  RecvResult<T> receive(const Location& site, detail::Patience patience) const {
    std::optional<T> value;
    switch (detail::receive_value(state(), value, Operation::kReceive, site, patience)) {
      case Outcome::kOk:
        return RecvResult<T>(std::move(value), RecvStatus::kReceived);
      case Outcome::kNotReady:
        return RecvResult<T>(RecvStatus::kEmpty);
      case Outcome::kTimedOut:
        return RecvResult<T>(RecvStatus::kTimedOut);
      default:
        return RecvResult<T>(RecvStatus::kClosed);
    }
  }
};

/// Both sides of a channel: a handle, copied freely. `Channel<T>{}` is Go's nil channel.
///
/// Elements need not be copyable or default-constructible; moving one must not throw.
///
/// Threads: any thread.
/// Source: The Go Programming Language Specification, "Channel types" to "Select statements";
/// The Go Memory Model, "Channel communication".
template <typename T>
class Channel : public detail::ChannelHandle {
 public:
  /// The nil channel.
  Channel() = default;

  /// A channel named `name` that holds `capacity` values; 0: unbuffered, a send waits for its
  /// receive.
  explicit Channel(std::string_view name, std::size_t capacity = 0,
                   Location site = Location::current())
      : Channel(detail::ChannelPointer(
            detail::ChannelState::make(name, capacity, detail::kElementType<T>, site))) {}

  /// A channel without a name.
  explicit Channel(std::size_t capacity, Location site = Location::current())
      : Channel(std::string_view(), capacity, site) {}

  operator SendChannel<T>() const { return SendChannel<T>(detail::share(state())); }
  operator RecvChannel<T>() const { return RecvChannel<T>(detail::share(state())); }

  /// See `SendChannel::send`.
  void send(T value, Location site = Location::current()) const {
    detail::send_value(state(), value, site, {});
  }
  /// See `SendChannel::try_send`.
  bool try_send(T value, Location site = Location::current()) const {
    return detail::send_value(state(), value, site, {.is_try = true}) == Outcome::kOk;
  }
  /// See `SendChannel::send_for`.
  template <typename Rep, typename Period>
  bool send_for(T value, std::chrono::duration<Rep, Period> timeout,
                Location site = Location::current()) const {
    return SendChannel<T>(*this).send_for(std::move(value), timeout, site);
  }
  /// See `SendChannel::close`.
  void close(Location site = Location::current()) const { detail::close_channel(state(), site); }

  /// See `RecvChannel::recv`.
  std::optional<T> recv(Location site = Location::current()) const {
    std::optional<T> value;
    detail::receive_value(state(), value, Operation::kReceive, site, {});
    return value;
  }
  /// See `RecvChannel::try_recv`.
  RecvResult<T> try_recv(Location site = Location::current()) const {
    return RecvChannel<T>(*this).try_recv(site);
  }
  /// See `RecvChannel::recv_for`.
  template <typename Rep, typename Period>
  RecvResult<T> recv_for(std::chrono::duration<Rep, Period> timeout,
                         Location site = Location::current()) const {
    return RecvChannel<T>(*this).recv_for(timeout, site);
  }
  /// See `RecvChannel::begin`.
  typename RecvChannel<T>::Iterator begin(Location site = Location::current()) const {
    return RecvChannel<T>(*this).begin(site);
  }
  std::default_sentinel_t end() const { return {}; }

 private:
  explicit Channel(detail::ChannelPointer pointer) : ChannelHandle(std::move(pointer)) {}
};

}  // namespace chantrace
