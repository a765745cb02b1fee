/// \file
/// A channel without its element type: everything about it that needs no template.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include "chantrace/detail/value.h"
#include "chantrace/detail/wait.h"

namespace chantrace::detail {

/// What a channel does with its elements. Moves are taken not to throw; one that does ends the
/// program, since the value would be lost between two tasks.
struct ElementType {
  std::size_t size_bytes;
  std::size_t alignment_bytes;
  void (*move_construct)(void* to, void* from) noexcept;
  void (*destroy)(void* element) noexcept;
  std::uint64_t (*capture)(TaskControl& self, const void* element, std::uint8_t& marks);
  std::string_view name;
  ValueFormat format;
  bool is_trivial;  ///< Its bytes are all there is to it.

  /// `move_construct`, without a call where that is a copy of a register.
  void make(void* to, void* from) const {
    if (!is_trivial) {
      move_construct(to, from);
    } else if (size_bytes == sizeof(std::uint64_t)) {
      std::memcpy(to, from, sizeof(std::uint64_t));
    } else if (size_bytes == sizeof(std::uint32_t)) {
      std::memcpy(to, from, sizeof(std::uint32_t));
    } else {
      std::memcpy(to, from, size_bytes);
    }
  }
  void end(void* element) const {
    if (!is_trivial) destroy(element);
  }
};

template <typename T>
inline constexpr ElementType kElementType = {
    .size_bytes = sizeof(T),
    .alignment_bytes = alignof(T),
    .move_construct = [](void* to,
                         void* from) noexcept { ::new (to) T(std::move(*static_cast<T*>(from))); },
    .destroy = [](void* element) noexcept { static_cast<T*>(element)->~T(); },
    .capture =
        [](TaskControl& self, const void* element, std::uint8_t& marks) {
          return capture_value(self, *static_cast<const T*>(element), marks);
        },
    .name = type_name<T>(),
    .format = value_format<T>(),
    .is_trivial = std::is_trivially_copyable_v<T>,
};

/// Invariants, under the lock: a waiting receiver means an empty buffer and no waiting sender; a
/// waiting sender means a full buffer; a closed channel has nobody waiting. (Waiters of selects
/// that another case has fired do not count.)
///
/// Alone in its cache lines, so that tasks at different channels do not disturb each other.
struct alignas(64) ChannelState final : Object {
  static ChannelState* make(std::string_view name, std::size_t capacity, const ElementType& type,
                            const Location& site);
  ~ChannelState();
  /// Gives back the block that it is in.
  static void operator delete(ChannelState* channel, std::destroying_delete_t);

  void describe(ObjectState& state) const override;
  void enter_execution(ObjectInfo* info) override;

  /// Whether a send needs nobody else: it is known here, there is room, and nobody waits for it.
  bool can_send_shortly(const TaskControl& self) const {
    return givers.is_last(self.id) && can_send_at_once(self);
  }
  bool can_receive_shortly(const TaskControl& self) const {
    return takers.is_last(self.id) && can_receive_at_once(self);
  }
  /// The same where the task may be a new user.
  bool can_send_at_once(const TaskControl& self) const {
    return epoch == self.epoch && count != capacity && !is_closed && receivers.empty();
  }
  bool can_receive_at_once(const TaskControl& self) const {
    return epoch == self.epoch && count != 0 && senders.empty();
  }

  void* element(std::size_t index) {
    if (index >= capacity) index -= capacity;
    return ring + index * type.size_bytes;
  }
  /// Requires: `T` is the channel's type, and there is room.
  template <typename T>
  void push_back(T& value) {
    const std::size_t index = head + count < capacity ? head + count : head + count - capacity;
    kElementType<T>.move_construct(reinterpret_cast<T*>(ring) + index, &value);
    ++count;
  }
  /// Requires: `T` is the channel's type, and there is a value.
  template <typename T>
  void pop_front(std::optional<T>& to) {
    T* const element = reinterpret_cast<T*>(ring) + head;
    to.emplace(std::move(*element));
    element->~T();
    advance_head();
    --count;
  }
  void advance_head() { head = head + 1 == capacity ? 0 : head + 1; }

  const ElementType& type;
  const std::size_t capacity;
  std::size_t head = 0;
  std::size_t count = 0;
  bool is_closed = false;
  WaiterQueue senders;
  WaiterQueue receivers;
  Users givers;
  Users takers;
  std::byte* ring = nullptr;  ///< The buffer, behind this in the same block of memory,
  void* block = nullptr;      ///< which begins here.
  /// Handles that refer to it; the last one deletes it.
  std::atomic<std::uint32_t> references = 1;
  /// Under control: tasks that are in an operation on it and may have parked. Without handles it
  /// lives until the last of them goes on; that takes no locked instruction.
  std::uint32_t parked = 0;
  bool is_orphan = false;  ///< There are no handles any more.
  /// A timer will send on it, or a context's deadline close it. Set by those, for whoever asks why
  /// a task waits; asks nothing of the order of other memory.
  std::atomic<bool> timer_is_pending = false;
  // In the list of all channels, which `channels()` shows.
  ChannelState* previous_channel = nullptr;
  ChannelState* next_channel = nullptr;

 private:
  ChannelState(std::string_view channel_name, std::size_t channel_capacity,
               const ElementType& element_type, const Location& site)
      : Object(ObjectKind::kChannel, channel_name, site),
        type(element_type),
        capacity(channel_capacity) {}
};

/// Completes the record of an operation that went through the buffer. Requires: the latch.
inline void note_buffered(ChannelState& channel, Happening& what) {
  what.object = to_number(channel.id);
  what.sequence = ++channel.sequence;
  what.detail = static_cast<std::uint16_t>(channel.count < kNoCase ? channel.count : kNoCase - 1);
}

/// Deletes the channel, or has the last of those do it who wait there.
void lose_last_handle(ChannelState& channel);

/// Shares ownership of a channel. Empty: the nil channel.
class ChannelPointer {
 public:
  ChannelPointer() = default;
  /// Takes over one reference.
  explicit ChannelPointer(ChannelState* state) : state_(state) {}
  ChannelPointer(const ChannelPointer& other) : state_(other.state_) {
    if (state_ != nullptr) state_->references.fetch_add(1, std::memory_order_relaxed);
  }
  ChannelPointer(ChannelPointer&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  ChannelPointer& operator=(ChannelPointer other) noexcept {
    std::swap(state_, other.state_);
    return *this;
  }
  ~ChannelPointer() {
    if (state_ != nullptr && state_->references.fetch_sub(1, std::memory_order_acq_rel) == 1)
      lose_last_handle(*state_);
  }
  ChannelState* get() const { return state_; }
  friend bool operator==(const ChannelPointer&, const ChannelPointer&) = default;

 private:
  ChannelState* state_ = nullptr;
};

/// One more reference.
inline ChannelPointer share(ChannelState* channel) {
  if (channel != nullptr) channel->references.fetch_add(1, std::memory_order_relaxed);
  return ChannelPointer(channel);
}

/// How long an operation may take.
struct Patience {
  bool is_try = false;        ///< Not at all.
  Instant deadline = kNever;  ///< 0: it is over already.

  bool is_endless() const { return !is_try && deadline == kNever; }
};

/// `patience` until `nanoseconds` from now.
Patience patience_for(TaskControl& self, std::int64_t nanoseconds);

/// What becomes of a send or a receive that cannot go the short way. `what`: its operation and
/// value. Requires: the channel's latch, which is given back. Throws: `Cancelled`, `ChannelClosed`.
Outcome send_slowly(TaskControl& self, ChannelState& channel, void* value, Happening&& what,
                    const Location& site, Patience patience) CHANTRACE_RELEASE(channel.latch);
/// A send without a limit of time by a task under control, and nothing else to do.
Outcome send_under_control(TaskControl& self, ChannelState& channel, void* value,
                           const Location& site);
/// kOk: an element was constructed in `slot`.
Outcome receive_under_control(TaskControl& self, ChannelState& channel, void* slot,
                              Operation operation, const Location& site);
/// kOk: an element was constructed in `slot`.
Outcome receive_slowly(TaskControl& self, ChannelState& channel, void* slot, Operation operation,
                       const Location& site, Patience patience) CHANTRACE_RELEASE(channel.latch);
/// The same on the nil channel: nothing ever comes.
Outcome wait_at_nil_channel(TaskControl& self, Operation operation, const Location& site,
                            Patience patience);
/// Throws: `ChannelClosed`, `ChannelNil`.
void close_channel(ChannelState* channel, const Location& site);
std::size_t channel_size(ChannelState* channel);

/// One case of a select.
struct SelectCase {
  ChannelState* channel = nullptr;  ///< nullptr: never ready.
  bool is_send = false;
  void* slot = nullptr;
  const ElementType* type = nullptr;
  const Location* site = nullptr;
  std::uint64_t value = 0;  ///< With `marks`: what is recorded of the value that it sends.
  std::uint8_t marks = 0;
};

/// The cases of a select, and room for as many of what it works with, all in the caller's frame:
/// a select allocates nothing.
struct SelectRoom {
  std::span<SelectCase> cases;
  Waiter* waiters;
  ChannelState** latched;
  std::uint16_t* ready;
};

/// Which case was taken: its index among `cases`, or `kNoCase` for the default and the timeout.
struct Selected {
  std::uint16_t index = kNoCase;
  Outcome outcome = Outcome::kOk;
};

/// Throws: `Cancelled`, `ChannelClosed`.
Selected select_channels(TaskControl& self, const SelectRoom& room, Patience patience,
                         const Location& site);

}  // namespace chantrace::detail
