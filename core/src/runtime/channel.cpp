#include "chantrace/channel.h"

#include <algorithm>
#include <memory>
#include <new>
#include <string>
#include <type_traits>

#include "channel_list.h"
#include "chantrace/detail/channel_state.h"
#include "controlled_step.h"
#include "runtime.h"

namespace chantrace::detail {
namespace {

std::uint16_t to_detail(std::size_t count) {
  return static_cast<std::uint16_t>(std::min<std::size_t>(count, 0xfffe));
}

/// More than the addresses of any 64-bit process: refused without asking the system.
constexpr std::size_t kBufferBytesMax = std::size_t{1} << 47;

/// Gives back a block that no channel came to be in.
struct BlockEnd {
  void operator()(void* block) const { ::operator delete(block); }
};

/// The same as `AnyWay` where the task is known to be under control, and has met the channel: in
/// the caller's frame.
struct ControlledWay {
  static void unlock(ObjectLock& latch) CHANTRACE_RELEASE(latch) { latch.unlock_alone(); }
  static void meet(TaskControl&, Object&) {}
  static Waiter* pop(WaiterQueue& queue) { return queue.pop_claimed_alone(); }
  [[gnu::always_inline]] static void park(TaskControl& self, ParkedOperation& operation,
                                          Instant deadline) {
    under_control(self).park_here(self, operation, deadline);
  }
  static void unpark(TaskControl& task) {
    // A thread may have come here before any task did.
    if (task.clock == nullptr) return task.executor->unpark(task);
    under_control(task).unpark_here(task);
  }
};

/// Keeps a channel alive while a task waits there, also where the frames with its handles go.
template <typename Way>
class KeptChannel {
 public:
  explicit KeptChannel(ChannelState& channel) : channel_(channel) {
    const WithoutRaces scope;
    if (is_alone())
      ++channel.parked;
    else
      channel.references.fetch_add(1, std::memory_order_relaxed);
  }
  ~KeptChannel() {
    const WithoutRaces scope;
    if (!is_alone())
      static_cast<void>(ChannelPointer(&channel_));
    else if (--channel_.parked == 0 && channel_.is_orphan)
      delete &channel_;
  }
  KeptChannel(const KeptChannel&) = delete;
  KeptChannel& operator=(const KeptChannel&) = delete;

 private:
  static bool is_alone() { return std::is_same_v<Way, ControlledWay> || runs_alone; }

  ChannelState& channel_;
};

}  // namespace

void lose_last_handle(ChannelState& channel) {
  const WithoutRaces scope;
  if (channel.parked > 0)
    channel.is_orphan = true;
  else
    delete &channel;
}

void throw_send_on_closed(TaskControl& self, const ChannelState& channel, const Location& site) {
  throw_misuse<ChannelClosed>(self, Misuse::Kind::kSendOnClosed, &channel, site,
                              "send on closed " + describe_object(&channel, site));
}

ChannelState* ChannelState::make(std::string_view name, std::size_t capacity,
                                 const ElementType& type, const Location& site) {
  if (capacity > kBufferBytesMax / type.size_bytes) throw std::bad_alloc();
  // One block for the channel and its buffer, which begins in a cache line of its own. Aligned
  // here: an allocator takes ten times as long for a block that it has to align.
  const std::size_t alignment_bytes = std::max(type.alignment_bytes, alignof(ChannelState));
  const std::size_t ring_bytes = capacity * type.size_bytes;
  const std::size_t ring_offset =
      (sizeof(ChannelState) + alignment_bytes - 1) / alignment_bytes * alignment_bytes;
  std::size_t room_bytes = ring_offset + ring_bytes + alignment_bytes;
  std::unique_ptr<void, BlockEnd> block(::operator new(room_bytes));
  void* place = block.get();
  std::align(alignment_bytes, ring_offset + ring_bytes, place, room_bytes);
  std::unique_ptr<ChannelState> channel(::new (place) ChannelState(name, capacity, type, site));
  channel->block = block.release();
  if (capacity > 0) channel->ring = static_cast<std::byte*>(place) + ring_offset;
  add_to_channel_list(*channel);
  TaskControl& self = current_task();
  // Under control it has the same number whether or not anything records.
  if (runs_alone) meet_in_turn(self, *channel);
  if (self.is_recording && self.recording != nullptr) {
    channel->latch.lock();
    meet(self, *channel);
    Happening what = happening(*channel, Operation::kChannelMake);
    channel->latch.unlock();
    what.value = capacity;
    record(self, what, site);
  }
  return channel.release();
}

ChannelState::~ChannelState() {
  // Nobody waits: whoever did would hold a reference.
  remove_from_channel_list(*this);
  for (; count > 0; --count) {
    type.end(element(head));
    advance_head();
  }
}

void ChannelState::operator delete(ChannelState* channel, std::destroying_delete_t) {
  void* const block = channel->block;
  channel->~ChannelState();
  ::operator delete(block);
}

void ChannelState::describe(ObjectState& state) const {
  state.type = type.name;
  state.capacity = capacity;
  state.size = count;
  state.is_closed = is_closed;
  state.timer_is_pending = timer_is_pending.load();
  givers.copy_to(state.givers, state.has_more_givers, state.last_giver);
  takers.copy_to(state.takers, state.has_more_takers, state.last_taker);
}

void ChannelState::enter_execution(ObjectInfo* info) {
  givers.clear();
  takers.clear();
  if (info == nullptr) return;
  info->type = type.name;
  info->format = type.format;
  info->capacity = capacity;
  info->initial_size = count;
  info->initial_count = timer_is_pending.load() ? 1 : 0;
  info->is_initially_closed = is_closed;
}

namespace {

/// `what` has that element. By way of a local, as what is recorded stays in registers.
inline void capture(TaskControl& self, ChannelState& channel, const void* element,
                    Happening& what) {
  std::uint8_t marks = 0;
  what.value = channel.type.capture(self, element, marks);
  what.marks = marks;
}

template <typename Way>
[[gnu::always_inline]] inline Attempt try_send(ChannelState& channel, void* value)
    CHANTRACE_REQUIRES(channel.latch) {
  if (channel.is_closed)
    return {.is_done = true, .outcome = Outcome::kMisuse, .sequence = ++channel.sequence};
  if (Waiter* const receiver = Way::pop(channel.receivers)) {
    channel.type.make(receiver->slot, value);
    const std::uint16_t detail = to_detail(channel.count);
    const std::uint32_t sequence = ++channel.sequence;
    complete(channel, *receiver, Outcome::kOk, detail);
    return {true, Outcome::kOk, sequence, detail, receiver};
  }
  if (channel.count == channel.capacity) return {};
  channel.type.make(channel.element(channel.head + channel.count), value);
  ++channel.count;
  return {true, Outcome::kOk, ++channel.sequence, to_detail(channel.count), nullptr};
}

template <typename Way>
[[gnu::always_inline]] inline Attempt try_receive(ChannelState& channel, void* slot)
    CHANTRACE_REQUIRES(channel.latch) {
  if (channel.count > 0) {
    void* const element = channel.element(channel.head);
    channel.type.make(slot, element);
    channel.type.end(element);
    channel.advance_head();
    --channel.count;
    const std::uint32_t sequence = ++channel.sequence;
    const std::uint16_t detail = to_detail(channel.count);
    Waiter* const sender = Way::pop(channel.senders);
    if (sender != nullptr) {
      channel.type.make(channel.element(channel.head + channel.count), sender->slot);
      ++channel.count;
      complete(channel, *sender, Outcome::kOk, to_detail(channel.count));
    }
    return {true, Outcome::kOk, sequence, detail, sender};
  }
  if (Waiter* const sender = Way::pop(channel.senders)) {
    channel.type.make(slot, sender->slot);
    const std::uint32_t sequence = ++channel.sequence;
    complete(channel, *sender);
    return {true, Outcome::kOk, sequence, 0, sender};
  }
  if (channel.is_closed)
    return {.is_done = true, .outcome = Outcome::kClosed, .sequence = ++channel.sequence};
  return {};
}

/// Requires: the channel's latch, which is given back.
template <typename Way>
[[gnu::always_inline]] inline Outcome send_in(TaskControl& self, ChannelState& channel, void* value,
                                              Happening& what, const Location& site,
                                              Patience patience) CHANTRACE_RELEASE(channel.latch) {
  Way::meet(self, channel);
  channel.givers.add(self.id);
  const Attempt attempt = try_send<Way>(channel, value);
  what.object = to_number(channel.id);
  if (attempt.is_done || patience.is_try || patience.deadline == 0) {
    what.outcome = attempt.is_done   ? attempt.outcome
                   : patience.is_try ? Outcome::kNotReady
                                     : Outcome::kTimedOut;
    what.sequence = attempt.is_done ? attempt.sequence : ++channel.sequence;
    what.detail = attempt.is_done ? attempt.detail : to_detail(channel.count);
    Way::unlock(channel.latch);
    record(self, what, site);
    if (attempt.woken != nullptr) Way::unpark(*attempt.woken->operation->task);
    if (what.outcome == Outcome::kMisuse) throw_send_on_closed(self, channel, site);
    return what.outcome;
  }
  // The channel stays alive while the task waits, even where the frames with its handles do not.
  const KeptChannel<Way> keep(channel);
  ParkedOperation operation(self, Operation::kSend, site);
  Waiter waiter(operation, channel);
  waiter.slot = value;
  channel.senders.push_back(waiter);
  what.phase = Phase::kStart;
  what.sequence = ++channel.sequence;
  what.detail = to_detail(channel.count);
  const WaitEnd end =
      wait_in<Way>(self, channel, channel.senders, waiter, what, site, patience.deadline);
  if (end.claim != Claim::kCompleted) return end.outcome;
  what.phase = Phase::kDone;
  what.outcome = end.outcome;
  what.sequence = operation.done_sequence;
  what.detail = end.detail;
  record(self, what, site);
  if (end.outcome == Outcome::kMisuse) throw_send_on_closed(self, channel, site);
  return end.outcome;
}

/// The same for a receive.
template <typename Way>
[[gnu::always_inline]] inline Outcome receive_in(TaskControl& self, ChannelState& channel,
                                                 void* slot, Operation kind, const Location& site,
                                                 Patience patience)
    CHANTRACE_RELEASE(channel.latch) {
  Way::meet(self, channel);
  channel.takers.add(self.id);
  Happening what{.operation = kind, .object = to_number(channel.id)};
  const Attempt attempt = try_receive<Way>(channel, slot);
  if (attempt.is_done || patience.is_try || patience.deadline == 0) {
    what.outcome = attempt.is_done   ? attempt.outcome
                   : patience.is_try ? Outcome::kNotReady
                                     : Outcome::kTimedOut;
    what.sequence = attempt.is_done ? attempt.sequence : ++channel.sequence;
    what.detail = attempt.detail;
    Way::unlock(channel.latch);
    if (what.outcome == Outcome::kOk && self.has_values) capture(self, channel, slot, what);
    record(self, what, site);
    if (attempt.woken != nullptr) Way::unpark(*attempt.woken->operation->task);
    return what.outcome;
  }
  const KeptChannel<Way> keep(channel);
  ParkedOperation operation(self, kind, site);
  Waiter waiter(operation, channel);
  waiter.slot = slot;
  channel.receivers.push_back(waiter);
  what.phase = Phase::kStart;
  what.sequence = ++channel.sequence;
  const WaitEnd end =
      wait_in<Way>(self, channel, channel.receivers, waiter, what, site, patience.deadline);
  if (end.claim != Claim::kCompleted) return end.outcome;
  what.phase = Phase::kDone;
  what.outcome = end.outcome;
  what.sequence = operation.done_sequence;
  what.detail = end.detail;
  if (end.outcome == Outcome::kOk && self.has_values) capture(self, channel, slot, what);
  record(self, what, site);
  return end.outcome;
}

}  // namespace

Attempt try_send_locked(ChannelState& channel, void* value) {
  return try_send<AnyWay>(channel, value);
}

Attempt try_receive_locked(ChannelState& channel, void* slot) {
  return try_receive<AnyWay>(channel, slot);
}

Outcome send_slowly(TaskControl& self, ChannelState& channel, void* value, Happening&& what,
                    const Location& site, Patience patience) {
  return send_in<AnyWay>(self, channel, value, what, site, patience);
}

Outcome receive_slowly(TaskControl& self, ChannelState& channel, void* slot, Operation operation,
                       const Location& site, Patience patience) {
  return receive_in<AnyWay>(self, channel, slot, operation, site, patience);
}

Outcome send_under_control(TaskControl& self, ChannelState& channel, void* value,
                           const Location& site) {
  if (!under_control(self).pass_point(self, Operation::kSend, &channel, site)) {
    throw_cancelled(self);
    return Outcome::kCancelled;
  }
  Happening what{.operation = Operation::kSend};
  if (self.has_values) capture(self, channel, value, what);
  channel.latch.lock_alone();
  return send_in<ControlledWay>(self, channel, value, what, site, {});
}

namespace {

/// Which operation it is is known when this is compiled.
template <Operation kOperation>
Outcome receive_alone_as(TaskControl& self, ChannelState& channel, void* slot,
                         const Location& site) {
  if (!under_control(self).pass_point(self, kOperation, &channel, site)) {
    throw_cancelled(self);
    return Outcome::kCancelled;
  }
  channel.latch.lock_alone();
  return receive_in<ControlledWay>(self, channel, slot, kOperation, site, {});
}

}  // namespace

Outcome receive_under_control(TaskControl& self, ChannelState& channel, void* slot,
                              Operation operation, const Location& site) {
  return operation == Operation::kReceive
             ? receive_alone_as<Operation::kReceive>(self, channel, slot, site)
             : receive_alone_as<Operation::kRange>(self, channel, slot, site);
}

Outcome wait_at_nil_channel(TaskControl& self, Operation operation, const Location& site,
                            Patience patience) {
  if (patience.is_try || patience.deadline == 0) {
    const Outcome outcome = patience.is_try ? Outcome::kNotReady : Outcome::kTimedOut;
    record(self, {.operation = operation, .outcome = outcome}, site);
    return outcome;
  }
  if (patience.deadline == kNever) {
    park_for_ever(self, operation, site);
    return Outcome::kCancelled;
  }
  ParkedOperation parked(self, operation, site);
  record(self, {.operation = operation, .phase = Phase::kStart, .outcome = Outcome::kTimedOut},
         site);
  self.executor->park(self, parked, patience.deadline);
  const bool has_timed_out = parked.claim.load() == Claim::kTimedOut;
  const Outcome outcome = has_timed_out ? Outcome::kTimedOut : Outcome::kCancelled;
  record(self, {.operation = operation, .phase = Phase::kDone, .outcome = outcome}, site);
  if (!has_timed_out) throw_cancelled(self);
  return outcome;
}

void close_channel(ChannelState* channel, const Location& site) {
  TaskControl& self = current_task();
  if (!enter_giving_operation(self, Operation::kClose, channel, site)) return;
  if (channel == nullptr) {
    record(self, {.operation = Operation::kClose, .outcome = Outcome::kMisuse}, site);
    throw_misuse<ChannelNil>(self, Misuse::Kind::kCloseOfNil, nullptr, site,
                             "close of " + describe_object(nullptr, site));
  }
  Wakeups woken;
  Happening what;
  {
    const ScopedLock lock(channel->latch);
    meet(self, *channel);
    channel->givers.add(self.id);
    what = happening(*channel, Operation::kClose);
    what.detail = to_detail(channel->count);
    if (channel->is_closed) {
      what.outcome = Outcome::kMisuse;
    } else {
      channel->is_closed = true;
      while (Waiter* const receiver = channel->receivers.pop_claimed()) {
        complete(*channel, *receiver, Outcome::kClosed);
        woken.add(*receiver);
      }
      while (Waiter* const sender = channel->senders.pop_claimed()) {
        complete(*channel, *sender, Outcome::kMisuse, to_detail(channel->count));
        woken.add(*sender);
      }
    }
  }
  record(self, what, site);
  if (what.outcome == Outcome::kMisuse) {
    throw_misuse<ChannelClosed>(self, Misuse::Kind::kCloseOfClosed, channel, site,
                                "close of closed " + describe_object(channel, site));
  }
  woken.unpark_all();
}

std::size_t channel_size(ChannelState* channel) {
  if (channel == nullptr) return 0;
  note_look(*channel);
  const ScopedLock lock(channel->latch);
  return channel->count;
}

}  // namespace chantrace::detail
