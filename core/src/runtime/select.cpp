#include "chantrace/select.h"

#include <algorithm>
#include <string>

#include "channel_list.h"
#include "runtime.h"

namespace chantrace::detail {
namespace {

/// Takes the latches of all channels of a select in the order of their addresses, each once, so
/// that two selects over the same channels cannot wait for each other.
class ChannelLatches {
 public:
  explicit ChannelLatches(const SelectRoom& room) CHANTRACE_NO_THREAD_SAFETY_ANALYSIS
      : first_(room.latched),
        last_(first_) {
    for (const SelectCase& one : room.cases)
      if (one.channel != nullptr) *last_++ = one.channel;
    std::sort(first_, last_);
    last_ = std::unique(first_, last_);
    for (ChannelState** channel = first_; channel != last_; ++channel) (*channel)->latch.lock();
  }
  ~ChannelLatches() { unlock(); }
  ChannelLatches(const ChannelLatches&) = delete;
  ChannelLatches& operator=(const ChannelLatches&) = delete;

  void unlock() CHANTRACE_NO_THREAD_SAFETY_ANALYSIS {
    while (last_ != first_) (*--last_)->latch.unlock();
  }

 private:
  ChannelState** first_;
  ChannelState** last_;
};

WaiterQueue& queue_of(const SelectCase& one) {
  return one.is_send ? one.channel->senders : one.channel->receivers;
}

bool is_ready(const SelectCase& one) CHANTRACE_NO_THREAD_SAFETY_ANALYSIS {
  if (one.channel == nullptr) return false;
  const ChannelState& channel = *one.channel;
  if (channel.is_closed) return true;
  return one.is_send ? channel.count < channel.capacity || !channel.receivers.empty()
                     : channel.count > 0 || !channel.senders.empty();
}

/// Tries the cases in a fair order. Requires: all latches.
Attempt try_cases(TaskControl& self, const SelectRoom& room,
                  std::uint16_t& taken) CHANTRACE_NO_THREAD_SAFETY_ANALYSIS {
  // The choice is among those that are ready, so that it is uniform; one that turns out not to be
  // (its peer was a select that another case just fired) is taken out.
  std::uint32_t ready_count = 0;
  for (std::size_t i = 0; i < room.cases.size(); ++i)
    if (is_ready(room.cases[i])) room.ready[ready_count++] = static_cast<std::uint16_t>(i);
  while (ready_count > 0) {
    const std::uint32_t chosen =
        ready_count == 1 ? 0 : self.executor->choose_case(self, {room.ready, ready_count});
    taken = room.ready[chosen];
    const SelectCase& one = room.cases[taken];
    const Attempt attempt = one.is_send ? try_send_locked(*one.channel, one.slot)
                                        : try_receive_locked(*one.channel, one.slot);
    if (attempt.is_done) {
      (one.is_send ? one.channel->givers : one.channel->takers).add(self.id);
      return attempt;
    }
    room.ready[chosen] = room.ready[--ready_count];
  }
  return {};
}

/// What a record says of the case.
std::uint16_t case_detail(const SelectCase& one, std::uint16_t index) {
  return static_cast<std::uint16_t>(index | (one.is_send ? kSendCase : 0));
}

/// The record of a select that took this case, but for its object: the case, and the value that
/// moved.
Happening happening_of(TaskControl& self, const SelectCase& one, std::uint16_t index, Phase phase,
                       Outcome outcome) {
  Happening what{.operation = Operation::kSelect, .phase = phase, .outcome = outcome};
  what.detail = case_detail(one, index);
  what.value = one.value;
  what.marks = one.marks;
  if (!one.is_send && outcome == Outcome::kOk && self.has_values)
    what.value = one.type->capture(self, one.slot, what.marks);
  return what;
}

/// Takes what is left of a parked select out of its channels' queues. The waiters that were
/// completed or dropped by others are out already.
void leave_channels(const SelectRoom& room) {
  for (std::size_t i = 0; i < room.cases.size(); ++i) {
    if (room.cases[i].channel == nullptr) continue;
    const ScopedLock lock(room.cases[i].channel->latch);
    queue_of(room.cases[i]).remove(room.waiters[i]);
  }
}

/// Waits in all queues. Requires: all latches.
void join_queues(TaskControl& self, const SelectRoom& room, ParkedOperation& operation,
                 const Location& site) CHANTRACE_NO_THREAD_SAFETY_ANALYSIS {
  operation.waiters = room.waiters;
  operation.waiters_count = room.cases.size();
  for (std::size_t i = 0; i < room.cases.size(); ++i) {
    const SelectCase& one = room.cases[i];
    Waiter& waiter = room.waiters[i];
    waiter.operation = &operation;
    waiter.index = static_cast<std::uint16_t>(i);
    waiter.kind = one.is_send ? Operation::kSend : Operation::kReceive;
    waiter.slot = one.slot;
    Happening queued{.operation = Operation::kSelectCase,
                     .phase = Phase::kStart,
                     .detail = case_detail(one, waiter.index)};
    if (one.channel != nullptr) {
      waiter.object = one.channel;
      waiter.object_id = one.channel->id;
      queue_of(one).push_back(waiter);
      (one.is_send ? one.channel->givers : one.channel->takers).add(self.id);
      queued.object = to_number(one.channel->id);
      queued.sequence = ++one.channel->sequence;
    }
    record_note(self, queued, one.site != nullptr ? *one.site : site);
  }
}

}  // namespace

Selected select_channels(TaskControl& self, const SelectRoom& room, Patience patience,
                         const Location& site) CHANTRACE_NO_THREAD_SAFETY_ANALYSIS {
  // A value that is sent must be looked at before it is gone.
  if (self.has_values)
    for (SelectCase& one : room.cases)
      if (one.is_send) one.value = one.type->capture(self, one.slot, one.marks);

  ChannelLatches latches(room);
  for (const SelectCase& one : room.cases) {
    if (one.channel == nullptr) continue;
    meet(self, *one.channel);
    if (runs_alone) [[unlikely]]
      Runtime::instance().controlled_now().note_select(self, *one.channel);
  }
  std::uint16_t taken = kNoCase;
  const Attempt attempt = try_cases(self, room, taken);
  if (attempt.is_done) {
    latches.unlock();
    const SelectCase& one = room.cases[taken];
    Happening done = happening_of(self, one, taken, Phase::kBoth, attempt.outcome);
    done.object = to_number(one.channel->id);
    done.sequence = attempt.sequence;
    record(self, done, site);
    if (attempt.woken != nullptr) {
      TaskControl& peer = *attempt.woken->operation->task;
      peer.executor->unpark(peer);
    }
    if (attempt.outcome == Outcome::kMisuse) throw_send_on_closed(self, *one.channel, site);
    return {taken, attempt.outcome};
  }
  // What it records while no case is taken.
  Happening what{.operation = Operation::kSelect, .detail = kNoCase};
  if (patience.is_try || patience.deadline == 0) {
    latches.unlock();
    what.outcome = patience.is_try ? Outcome::kDefault : Outcome::kTimedOut;
    record(self, what, site);
    return {kNoCase, what.outcome};
  }

  ParkedOperation operation(self, Operation::kSelect, site);
  join_queues(self, room, operation, site);
  latches.unlock();
  self.last_site = site;
  what.phase = Phase::kStart;
  if (patience.deadline != kNever) what.outcome = Outcome::kTimedOut;
  record(self, what, site);
  self.executor->park(self, operation, patience.deadline);
  leave_channels(room);

  const Claim claim = operation.claim.load(std::memory_order_acquire);
  if (claim != Claim::kCompleted) {
    what.phase = Phase::kDone;
    what.outcome = claim == Claim::kTimedOut ? Outcome::kTimedOut : Outcome::kCancelled;
    record(self, what, site);
    if (claim != Claim::kTimedOut) throw_cancelled(self);
    return {kNoCase, what.outcome};
  }
  taken = operation.fired->index;
  const SelectCase& one = room.cases[taken];
  Happening done = happening_of(self, one, taken, Phase::kDone, operation.outcome);
  done.object = to_number(operation.fired->object_id);
  done.sequence = operation.done_sequence;
  record(self, done, site);
  if (operation.outcome == Outcome::kMisuse) throw_send_on_closed(self, *one.channel, site);
  return {taken, operation.outcome};
}

}  // namespace chantrace::detail
