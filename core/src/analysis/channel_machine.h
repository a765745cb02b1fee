/// \file
/// A channel as a state machine, fed with its events in the order of their sequence. Every wait
/// that it is fed must have a known fate.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "chantrace/trace.h"
#include "waits_of_trace.h"

namespace chantrace {

/// A value as far as the trace knows it.
struct SeenValue {
  std::uint64_t bits = 0;
  bool is_known = false;
  bool is_text = false;
};

/// Threads: a plain value.
class ChannelMachine {
 public:
  ChannelMachine(const Trace& trace, const WaitsOfTrace& waits, const ObjectInfo& info);

  /// Takes the next event. Returns what is wrong with it, to stand after its name; nullopt:
  /// nothing.
  std::optional<std::string> apply(const EventPlace& place);
  /// Sequence numbers are missing here. True when that is explained: tasks that were woken have no
  /// record of it, since the trace ended first.
  bool skip(std::uint32_t count);

  std::uint64_t size() const { return size_; }

 private:
  using Error = std::optional<std::string>;

  /// A task in a queue of the channel that will be served, or that waits for ever.
  struct Queued {
    std::uint32_t stream;
    bool is_open;  ///< There is no done for it in the trace.
    bool is_select;
    SeenValue value;
  };
  /// A done that must come next.
  struct Expected {
    std::uint32_t stream;
    bool is_open;
    bool is_send;
    bool is_select;
    Outcome outcome;
    std::uint64_t detail;
    SeenValue value;
    bool fills_buffer;  ///< Its value is now the last of the buffer.
  };

  Error overtaken() const;
  Error apply_done(const EventPlace& place, const EventRecord& event);
  Error apply_expected(const EventRecord& event);
  Error apply_start(const EventPlace& place, const EventRecord& event, bool is_send);
  Error apply_send(const EventRecord& event);
  Error apply_receive(const EventRecord& event);
  Error apply_refused(const EventPlace& place, const EventRecord& event, bool is_send);
  Error apply_close(const EventRecord& event);
  Error check_detail(const EventRecord& event, std::uint64_t expected) const;

  SeenValue value_of(const EventRecord& event) const;
  bool differ(const SeenValue& left, const SeenValue& right) const;
  bool others_wait(const std::deque<Queued>& queue, std::uint32_t stream) const;
  void push(const SeenValue& value);
  SeenValue pop();

  const Trace* trace_;
  const WaitsOfTrace* waits_;
  std::uint64_t capacity_;
  std::uint64_t size_;
  std::uint64_t unknown_first_;   ///< Values at the front that the trace has not seen.
  std::deque<SeenValue> buffer_;  ///< Those behind them.
  bool is_closed_;
  std::deque<Queued> receivers_;
  std::deque<Queued> senders_;
  std::deque<Expected> expected_;
};

}  // namespace chantrace
