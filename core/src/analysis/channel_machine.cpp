#include "channel_machine.h"

#include <algorithm>

namespace chantrace {
namespace {

/// `EventRecord::detail` tells sizes up to here.
constexpr std::uint64_t kDetailMax = 0xfffe;

bool is_select(const EventRecord& event) {
  return event.operation == Operation::kSelect || event.operation == Operation::kSelectCase;
}

std::string values_text(std::uint64_t count) {
  return std::to_string(count) + (count == 1 ? " value" : " values");
}

}  // namespace

ChannelMachine::ChannelMachine(const Trace& trace, const WaitsOfTrace& waits,
                               const ObjectInfo& info)
    : trace_(&trace),
      waits_(&waits),
      capacity_(info.capacity),
      size_(info.initial_size),
      unknown_first_(info.initial_size),
      is_closed_(info.is_initially_closed) {}

std::optional<std::string> ChannelMachine::apply(const EventPlace& place) {
  const EventRecord& event = event_at(*trace_, place);
  const Phase phase = phase_of(event);
  if (phase == Phase::kDone) return apply_done(place, event);
  if (!expected_.empty()) return overtaken();
  switch (event.operation) {
    case Operation::kSend:
      if (phase == Phase::kStart) return apply_start(place, event, true);
      return outcome_of(event) == Outcome::kOk ? apply_send(event)
                                               : apply_refused(place, event, true);
    case Operation::kReceive:
    case Operation::kRange:
      if (phase == Phase::kStart) return apply_start(place, event, false);
      return outcome_of(event) == Outcome::kOk ? apply_receive(event)
                                               : apply_refused(place, event, false);
    case Operation::kSelectCase:
      return apply_start(place, event, is_send_case(event));
    case Operation::kSelect:
      if (outcome_of(event) != Outcome::kOk)
        return apply_refused(place, event, is_send_case(event));
      return is_send_case(event) ? apply_send(event) : apply_receive(event);
    case Operation::kClose:
      return apply_close(event);
    case Operation::kChannelMake:
      if (event.value != capacity_)
        return "says capacity " + std::to_string(event.value) + ", and its definition says " +
               std::to_string(capacity_);
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

bool ChannelMachine::skip(std::uint32_t count) {
  while (count > 0 && !expected_.empty() && expected_.front().is_open) {
    expected_.pop_front();
    --count;
  }
  return count == 0;
}

ChannelMachine::Error ChannelMachine::overtaken() const {
  return "comes where task " +
         std::to_string(to_number(trace_->streams[expected_.front().stream].task)) +
         ", which was completed before it, must be done first";
}

ChannelMachine::Error ChannelMachine::apply_done(const EventPlace& place,
                                                 const EventRecord& event) {
  const Outcome outcome = outcome_of(event);
  if (outcome == Outcome::kTimedOut || outcome == Outcome::kCancelled)
    return expected_.empty() ? std::nullopt : overtaken();
  if (expected_.empty()) return "is done, though nothing has completed it";
  if (expected_.front().stream != place.stream) return overtaken();
  return apply_expected(event);
}

ChannelMachine::Error ChannelMachine::apply_expected(const EventRecord& event) {
  const Expected next = expected_.front();
  expected_.pop_front();
  const bool is_send = event.operation == Operation::kSelect ? is_send_case(event)
                                                             : event.operation == Operation::kSend;
  if (is_send != next.is_send) return "does the other thing than what was completed";
  if (outcome_of(event) != next.outcome)
    return "ends as " + std::string(to_string(outcome_of(event))) + " and not as " +
           std::string(to_string(next.outcome));
  if (next.outcome != Outcome::kMisuse || !is_select(event))
    if (Error error = check_detail(event, next.detail)) return error;
  if (next.outcome != Outcome::kOk) return std::nullopt;
  const SeenValue value = value_of(event);
  if (differ(value, next.value))
    return next.is_send ? "sent a value that is not the one received"
                        : "received a value that is not the one sent";
  // The value of a select's send is first known here.
  if (next.fills_buffer && !buffer_.empty() && !buffer_.back().is_known) buffer_.back() = value;
  return std::nullopt;
}

ChannelMachine::Error ChannelMachine::apply_start(const EventPlace& place, const EventRecord& event,
                                                  bool is_send) {
  const std::uint32_t stream = place.stream;
  if (is_closed_) return "parks at a closed channel";
  if (is_send && size_ < capacity_)
    return "parks though the buffer has room: " + values_text(size_) + " of " +
           std::to_string(capacity_);
  if (!is_send && size_ > 0) return "parks though the buffer holds " + values_text(size_);
  if (others_wait(is_send ? receivers_ : senders_, stream))
    return std::string("parks though a ") + (is_send ? "receiver" : "sender") + " is waiting";
  if (is_send)
    if (Error error = check_detail(event, size_)) return error;

  const WaitFate fate = waits_->fate(place);
  if (fate != WaitFate::kCompleted && fate != WaitFate::kOpen) return std::nullopt;
  // What a select would send stands in its done.
  const SeenValue value = is_send && !is_select(event) ? value_of(event) : SeenValue{};
  (is_send ? senders_ : receivers_)
      .push_back({stream, fate == WaitFate::kOpen, is_select(event), value});
  return std::nullopt;
}

ChannelMachine::Error ChannelMachine::apply_send(const EventRecord& event) {
  if (is_closed_) return "sends on a closed channel";
  const SeenValue value = value_of(event);
  if (!receivers_.empty()) {
    const Queued receiver = receivers_.front();
    receivers_.pop_front();
    expected_.push_back({receiver.stream, receiver.is_open, false, receiver.is_select, Outcome::kOk,
                         size_, value, false});
    return check_detail(event, size_);
  }
  if (size_ == capacity_)
    return capacity_ == 0 ? "goes through though no receiver waits"
                          : "goes through though the buffer is full";
  push(value);
  return check_detail(event, size_);
}

ChannelMachine::Error ChannelMachine::apply_receive(const EventRecord& event) {
  const SeenValue value = value_of(event);
  if (size_ > 0) {
    if (differ(pop(), value)) return "received a value that is not the first of the buffer";
    if (Error error = check_detail(event, size_)) return error;
    if (senders_.empty()) return std::nullopt;
    const Queued sender = senders_.front();
    senders_.pop_front();
    push(sender.value);
    expected_.push_back({sender.stream, sender.is_open, true, sender.is_select, Outcome::kOk, size_,
                         sender.value, true});
    return std::nullopt;
  }
  if (senders_.empty()) return "received a value though none was there";
  const Queued sender = senders_.front();
  senders_.pop_front();
  if (differ(sender.value, value)) return "received a value that is not the one sent";
  expected_.push_back({sender.stream, sender.is_open, true, sender.is_select, Outcome::kOk, 0,
                       sender.is_select ? value : sender.value, false});
  return check_detail(event, 0);
}

/// An operation that did not park and moved no value.
ChannelMachine::Error ChannelMachine::apply_refused(const EventPlace& place,
                                                    const EventRecord& event, bool is_send) {
  switch (outcome_of(event)) {
    case Outcome::kMisuse:
      if (!is_closed_) return "says that the channel is closed, and it is open";
      return std::nullopt;
    case Outcome::kClosed:
      if (!is_closed_) return "says that the channel is closed, and it is open";
      if (size_ > 0) return "says that the channel is drained, and it holds " + values_text(size_);
      return std::nullopt;
    case Outcome::kNotReady:
    case Outcome::kTimedOut:
      break;
    default:
      return std::nullopt;
  }
  if (is_select(event)) return std::nullopt;
  if (is_closed_) return "gives up at a closed channel";
  if (is_send && size_ < capacity_) return "gives up though the buffer has room";
  if (!is_send && size_ > 0) return "gives up though the buffer holds " + values_text(size_);
  if (others_wait(is_send ? receivers_ : senders_, place.stream))
    return std::string("gives up though a ") + (is_send ? "receiver" : "sender") + " is waiting";
  return check_detail(event, size_);
}

ChannelMachine::Error ChannelMachine::apply_close(const EventRecord& event) {
  if (outcome_of(event) == Outcome::kMisuse) {
    if (!is_closed_) return "says that the channel is closed, and it is open";
    return std::nullopt;
  }
  if (is_closed_) return "closes a closed channel";
  is_closed_ = true;
  for (const Queued& receiver : receivers_)
    expected_.push_back({receiver.stream,
                         receiver.is_open,
                         false,
                         receiver.is_select,
                         Outcome::kClosed,
                         0,
                         {},
                         false});
  for (const Queued& sender : senders_)
    expected_.push_back({sender.stream,
                         sender.is_open,
                         true,
                         sender.is_select,
                         Outcome::kMisuse,
                         size_,
                         {},
                         false});
  receivers_.clear();
  senders_.clear();
  return check_detail(event, size_);
}

ChannelMachine::Error ChannelMachine::check_detail(const EventRecord& event,
                                                   std::uint64_t expected) const {
  if (is_select(event) || outcome_of(event) == Outcome::kMisuse) return std::nullopt;
  if (event.detail == std::min(expected, kDetailMax)) return std::nullopt;
  return "leaves " + values_text(event.detail) + " in the buffer, where there must be " +
         std::to_string(expected);
}

SeenValue ChannelMachine::value_of(const EventRecord& event) const {
  return {event.value, (event.flags & kHasValue) != 0, (event.flags & kValueIsText) != 0};
}

bool ChannelMachine::differ(const SeenValue& left, const SeenValue& right) const {
  if (!left.is_known || !right.is_known) return false;
  if (left.is_text != right.is_text) return true;
  if (left.bits == right.bits) return false;
  if (!left.is_text) return true;
  const auto left_text = trace_->texts.find(left.bits);
  const auto right_text = trace_->texts.find(right.bits);
  if (left_text == trace_->texts.end() || right_text == trace_->texts.end()) return false;
  return left_text->second != right_text->second;
}

bool ChannelMachine::others_wait(const std::deque<Queued>& queue, std::uint32_t stream) const {
  // A select may wait on both sides of one channel.
  return std::any_of(queue.begin(), queue.end(),
                     [&](const Queued& queued) { return queued.stream != stream; });
}

void ChannelMachine::push(const SeenValue& value) {
  ++size_;
  buffer_.push_back(value);
}

SeenValue ChannelMachine::pop() {
  --size_;
  if (unknown_first_ > 0) {
    --unknown_first_;
    return {};
  }
  const SeenValue value = buffer_.front();
  buffer_.pop_front();
  return value;
}

}  // namespace chantrace
