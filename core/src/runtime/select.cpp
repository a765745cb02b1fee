#include "chantrace/select.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "channel_list.h"
#include "runtime.h"

namespace chantrace::detail {
namespace {

/// Takes the latches of all channels of a select in the order of their addresses, each once, so
/// that two selects over the same channels cannot wait for each other.
class ChannelLatches {
 public:
  ChannelLatches(const SelectCase* cases, std::size_t count) CHANTRACE_NO_THREAD_SAFETY_ANALYSIS {
    channels_.reserve(count);
    for (std::size_t i = 0; i < count; ++i)
      if (cases[i].channel != nullptr) channels_.push_back(cases[i].channel);
    std::sort(channels_.begin(), channels_.end());
    channels_.erase(std::unique(channels_.begin(), channels_.end()), channels_.end());
    for (ChannelState* const channel : channels_) channel->latch.lock();
  }
  ~ChannelLatches() { unlock(); }
  ChannelLatches(const ChannelLatches&) = delete;
  ChannelLatches& operator=(const ChannelLatches&) = delete;

  void unlock() CHANTRACE_NO_THREAD_SAFETY_ANALYSIS {
    for (ChannelState* const channel : channels_) channel->latch.unlock();
    channels_.clear();
  }

 private:
  std::vector<ChannelState*> channels_;
};

WaiterQueue& queue_of(const SelectCase& one) {
  return one.is_send ? one.channel->senders : one.channel->receivers;
}

[[noreturn]] void throw_send_on_closed(TaskControl& self, const SelectCase& one,
                                       const Location& site) {
  throw_misuse<ChannelClosed>(self, Misuse::Kind::kSendOnClosed, one.channel, site,
                              "send on closed " + describe_object(one.channel, site));
}

/// Tries the cases in a fair order. Requires: all latches.
Attempt try_cases(TaskControl& self, const SelectCase* cases, std::size_t count,
                  std::uint16_t& taken) CHANTRACE_NO_THREAD_SAFETY_ANALYSIS {
  // The choice is among those that are ready, so that it is uniform; one that turns out not to be
  // (its peer was a select that another case just fired) is taken out.
  std::array<std::uint16_t, 64> room;
  std::vector<std::uint16_t> more;
  if (count > room.size()) more.resize(count);
  std::uint16_t* const ready = count > room.size() ? more.data() : room.data();
  std::uint32_t ready_count = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const SelectCase& one = cases[i];
    if (one.channel == nullptr) continue;
    const ChannelState& channel = *one.channel;
    const bool is_ready =
        channel.is_closed ||
        (one.is_send ? channel.count < channel.capacity || !channel.receivers.empty()
                     : channel.count > 0 || !channel.senders.empty());
    if (is_ready) ready[ready_count++] = static_cast<std::uint16_t>(i);
  }
  while (ready_count > 0) {
    const std::uint32_t chosen = ready_count == 1 ? 0 : self.executor->choose(self, ready_count);
    taken = ready[chosen];
    const SelectCase& one = cases[taken];
    const Attempt attempt = one.is_send ? try_send_locked(*one.channel, one.slot)
                                        : try_receive_locked(*one.channel, one.slot);
    if (attempt.is_done) {
      (one.is_send ? one.channel->givers : one.channel->takers).add(self.id);
      return attempt;
    }
    ready[chosen] = ready[--ready_count];
  }
  return {};
}

/// What a record says of the case.
std::uint16_t case_detail(const SelectCase& one, std::uint16_t index) {
  return static_cast<std::uint16_t>(index | (one.is_send ? kSendCase : 0));
}

void capture_into(TaskControl& self, const SelectCase& one, Happening& what) {
  if (self.has_values) what.value = one.type->capture(self, one.slot, what.marks);
}

Selected finish_at_once(TaskControl& self, const SelectCase& one, std::uint16_t taken,
                        const Attempt& attempt, Happening what, const Location& site) {
  what.outcome = attempt.outcome;
  what.object = to_number(one.channel->id);
  what.sequence = attempt.sequence;
  what.detail = case_detail(one, taken);
  record(self, what, site);
  if (attempt.woken != nullptr) {
    TaskControl& peer = *attempt.woken->operation->task;
    peer.executor->unpark(peer);
  }
  if (attempt.outcome == Outcome::kMisuse) throw_send_on_closed(self, one, site);
  return {taken, attempt.outcome};
}

/// Takes what is left of a parked select out of its channels' queues. The waiters that were
/// completed or dropped by others are out already.
void leave_queues(const SelectCase* cases, Waiter* waiters, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    if (cases[i].channel == nullptr) continue;
    const ScopedLock lock(cases[i].channel->latch);
    queue_of(cases[i]).remove(waiters[i]);
  }
}

}  // namespace

Selected select_channels(TaskControl& self, const SelectCase* cases, Waiter* waiters,
                         std::size_t count, Patience patience,
                         const Location& site) CHANTRACE_NO_THREAD_SAFETY_ANALYSIS {
  Happening what{.operation = Operation::kSelect, .detail = kNoCase};
  // A value that is sent must be looked at before it is gone.
  std::array<Happening, 8> captured;
  const auto capture_sends = [&] {
    for (std::size_t i = 0; i < std::min(count, captured.size()); ++i) {
      captured[i] = what;
      if (cases[i].is_send) capture_into(self, cases[i], captured[i]);
    }
  };
  if (self.has_values) capture_sends();
  const auto happening_of = [&](std::uint16_t index) {
    if (!self.has_values) return what;
    Happening result = cases[index].is_send && index < captured.size() ? captured[index] : what;
    return result;
  };

  ChannelLatches latches(cases, count);
  for (std::size_t i = 0; i < count; ++i)
    if (cases[i].channel != nullptr) meet(self, *cases[i].channel);
  std::uint16_t taken = kNoCase;
  const Attempt attempt = try_cases(self, cases, count, taken);
  if (attempt.is_done) {
    latches.unlock();
    Happening done = happening_of(taken);
    if (!cases[taken].is_send && attempt.outcome == Outcome::kOk)
      capture_into(self, cases[taken], done);
    return finish_at_once(self, cases[taken], taken, attempt, done, site);
  }
  if (patience.is_try || patience.deadline == 0) {
    latches.unlock();
    what.outcome = patience.is_try ? Outcome::kDefault : Outcome::kTimedOut;
    record(self, what, site);
    return {kNoCase, what.outcome};
  }

  ParkedOperation operation(self, Operation::kSelect, site);
  operation.waiters = waiters;
  operation.waiters_count = count;
  for (std::size_t i = 0; i < count; ++i) {
    const SelectCase& one = cases[i];
    Waiter& waiter = waiters[i];
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
    record(self, queued, one.site != nullptr ? *one.site : site);
  }
  latches.unlock();
  self.last_site = site;
  what.phase = Phase::kStart;
  if (patience.deadline != kNever) what.outcome = Outcome::kTimedOut;
  record(self, what, site);
  what.outcome = Outcome::kOk;
  self.executor->park(self, operation, patience.deadline);
  leave_queues(cases, waiters, count);

  const Claim claim = operation.claim.load(std::memory_order_acquire);
  what.phase = Phase::kDone;
  if (claim != Claim::kCompleted) {
    what.outcome = claim == Claim::kTimedOut ? Outcome::kTimedOut : Outcome::kCancelled;
    record(self, what, site);
    if (claim != Claim::kTimedOut) throw_cancelled(self);
    return {kNoCase, what.outcome};
  }
  const auto index = operation.fired->index;
  Happening done = happening_of(index);
  done.phase = Phase::kDone;
  done.outcome = operation.outcome;
  done.object = to_number(operation.fired->object_id);
  done.sequence = operation.done_sequence;
  done.detail = case_detail(cases[index], index);
  if (!cases[index].is_send && operation.outcome == Outcome::kOk)
    capture_into(self, cases[index], done);
  record(self, done, site);
  if (operation.outcome == Outcome::kMisuse) throw_send_on_closed(self, cases[index], site);
  return {index, operation.outcome};
}

}  // namespace chantrace::detail
