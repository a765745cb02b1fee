// One order of all events that agrees with every task's own and with every object's sequence.
//
// An event is ready when it is the next of its task and the next of its object. Both are chains, so
// a worklist of tasks is enough: whoever takes the head of an object's chain looks whether the next
// in that chain is the next of its task as well. Of those that are ready the earliest goes first,
// which makes the order look like time without depending on it.

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "object_events.h"

namespace chantrace {
namespace {

/// Contradictions that are spelled out; the rest are counted.
constexpr std::size_t kContradictionsMax = 20;
/// How often a circle is broken by force before the rest is taken task by task.
constexpr std::size_t kForcedMax = 1000;

/// Collects what is wrong, and keeps a damaged trace from filling the memory with it.
class Contradictions {
 public:
  explicit Contradictions(std::vector<std::string>& texts) : texts_(texts) {}
  ~Contradictions() {
    if (count_ > kContradictionsMax)
      texts_.push_back("and " + std::to_string(count_ - kContradictionsMax) + " more like these");
  }
  Contradictions(const Contradictions&) = delete;
  Contradictions& operator=(const Contradictions&) = delete;

  template <typename MakeText>
  void add(const MakeText& make_text) {
    if (count_++ < kContradictionsMax) texts_.push_back(make_text());
  }

 private:
  std::vector<std::string>& texts_;
  std::size_t count_ = 0;
};

class Merge {
 public:
  Merge(const Trace& trace, const ObjectEvents& by_object)
      : trace_(trace),
        by_object_(by_object),
        next_of_stream_(trace.streams.size(), 0),
        next_of_key_(by_object.keys_count(), 0) {}

  TraceOrder run() {
    std::size_t count = 0;
    for (const TaskStream& stream : trace_.streams) count += stream.events.size();
    order_.places.reserve(count);
    Contradictions contradictions(order_.contradictions);
    report_sequences(contradictions);

    for (std::uint32_t stream = 0; stream < trace_.streams.size(); ++stream) offer(stream);
    take_all();
    for (std::size_t forced = 0; order_.places.size() < count; ++forced) {
      const std::uint32_t stream = earliest_blocked();
      contradictions.add([&] {
        return event_text(trace_, {stream, next_of_stream_[stream]}) +
               " comes both before and after other events of " +
               key_text(trace_, by_object_, by_object_.key_of(head(stream)));
      });
      if (forced == kForcedMax) {
        take_rest();
        break;
      }
      take(stream);
      take_all();
    }
    return std::move(order_);
  }

 private:
  struct Ready {
    std::uint64_t time;
    /// Under control a step is one moment, and tasks are unwound in the last one, behind what
    /// others did in it.
    bool is_unwound;
    std::uint32_t stream;
    auto operator<=>(const Ready&) const = default;
  };

  const EventRecord& head(std::uint32_t stream) const {
    return trace_.streams[stream].events[next_of_stream_[stream]];
  }
  bool is_over(std::uint32_t stream) const {
    return next_of_stream_[stream] == trace_.streams[stream].events.size();
  }
  bool is_taken(const EventPlace& place) const {
    return place.index < next_of_stream_[place.stream];
  }

  bool is_ready(std::uint32_t stream) const {
    const std::uint32_t key = by_object_.key_of(head(stream));
    if (key == ObjectEvents::kNoKey) return true;
    const EventPlace& next = by_object_.events(key)[next_of_key_[key]];
    return next.stream == stream && next.index == next_of_stream_[stream];
  }

  void offer(std::uint32_t stream) {
    if (is_over(stream) || !is_ready(stream)) return;
    ready_.push_back({head(stream).time, outcome_of(head(stream)) == Outcome::kCancelled, stream});
    std::push_heap(ready_.begin(), ready_.end(), later);
  }
  static bool later(const Ready& left, const Ready& right) { return right < left; }

  /// Takes the head of `stream`, and offers the stream that it held up.
  void take(std::uint32_t stream) {
    const std::uint32_t key = by_object_.key_of(head(stream));
    order_.places.push_back({stream, next_of_stream_[stream]});
    ++next_of_stream_[stream];
    std::uint32_t released = stream;
    if (key != ObjectEvents::kNoKey) {
      const auto chain = by_object_.events(key);
      std::size_t& next = next_of_key_[key];
      while (next < chain.size() && is_taken(chain[next])) ++next;
      if (next < chain.size() && chain[next].index == next_of_stream_[chain[next].stream])
        released = chain[next].stream;
    }
    if (released != stream) offer(released);
    offer(stream);
  }

  void take_all() {
    while (!ready_.empty()) {
      std::pop_heap(ready_.begin(), ready_.end(), later);
      std::uint32_t stream = ready_.back().stream;
      ready_.pop_back();
      take(stream);
    }
  }

  std::uint32_t earliest_blocked() const {
    Ready earliest{UINT64_MAX, true, UINT32_MAX};
    for (std::uint32_t stream = 0; stream < trace_.streams.size(); ++stream)
      if (!is_over(stream)) earliest = std::min(earliest, Ready{head(stream).time, false, stream});
    return earliest.stream;
  }

  void take_rest() {
    for (std::uint32_t stream = 0; stream < trace_.streams.size(); ++stream)
      for (; !is_over(stream); ++next_of_stream_[stream])
        order_.places.push_back({stream, next_of_stream_[stream]});
  }

  /// Waits that tasks' records end in, as key and sequence, in that order. A task that was woken
  /// has its sequence number from whoever woke it; the trace can end before it has made its record.
  std::vector<std::pair<std::uint32_t, std::uint32_t>> waits_at_the_end() const {
    std::vector<std::pair<std::uint32_t, std::uint32_t>> waits;
    const auto add = [&](const EventRecord& event) {
      const std::uint32_t key = by_object_.key_of(event);
      if (key != ObjectEvents::kNoKey && phase_of(event) == Phase::kStart)
        waits.emplace_back(key, event.sequence);
    };
    for (const TaskStream& stream : trace_.streams) {
      std::size_t last = stream.events.size();
      if (last == 0) continue;
      add(stream.events[--last]);
      if (stream.events[last].operation == Operation::kUnlock && last > 0 &&
          stream.events[last - 1].operation == Operation::kConditionWait)
        add(stream.events[last - 1]);
      if (stream.events[last].operation != Operation::kSelect) continue;
      while (last > 0 && stream.events[last - 1].operation == Operation::kSelectCase)
        add(stream.events[--last]);
    }
    std::sort(waits.begin(), waits.end());
    return waits;
  }

  void report_sequences(Contradictions& contradictions) const {
    for (const auto& [key, position] : by_object_.duplicates()) {
      const auto chain = by_object_.events(key);
      contradictions.add([&, key = key, position = position] {
        return "sequence " + std::to_string(event_at(trace_, chain[position]).sequence) + " of " +
               key_text(trace_, by_object_, key) + " is given twice: to " +
               event_text(trace_, chain[position - 1]) + ", and to " +
               event_text(trace_, chain[position]);
      });
    }
    // The tails of a killed process's tasks are lost, each up to its last buffer; such a hole may
    // stand anywhere.
    if (by_object_.holes().empty() || may_lack_tails(trace_)) return;
    const auto waits = waits_at_the_end();
    std::uint32_t key = ObjectEvents::kNoKey;
    std::uint32_t woken_unseen = 0;
    bool is_over = false;
    std::size_t looked_at = 0;  // Events of the key, for the end of the run.
    std::uint64_t explained = trace_.lost_count();
    for (const ObjectEvents::Hole& hole : by_object_.holes()) {
      if (hole.key != key) {
        woken_unseen = 0;
        is_over = false;
        looked_at = 0;
      }
      key = hole.key;
      const auto chain = by_object_.events(key);
      if (!is_over)
        is_over = has_cancelled(trace_, chain.subspan(looked_at, hole.before - looked_at));
      looked_at = hole.before;
      if (is_over) continue;
      const auto first = std::lower_bound(waits.begin(), waits.end(), std::pair{key, 0u});
      const auto end = std::lower_bound(waits.begin(), waits.end(), std::pair{key, hole.first});
      const auto can_be_unseen = static_cast<std::uint32_t>(end - first) - woken_unseen;
      const std::uint32_t woken = std::min(can_be_unseen, hole.count);
      woken_unseen += woken;
      if (hole.count - woken <= explained) {
        explained -= hole.count - woken;
        continue;
      }
      contradictions.add([&] {
        return "sequence " + std::to_string(hole.first) +
               (hole.count > 1 ? " to " + std::to_string(hole.first + hole.count - 1) : "") +
               " of " + key_text(trace_, by_object_, hole.key) + " is missing before " +
               event_text(trace_, chain[hole.before]) + ", and no loss explains it";
      });
      explained = 0;
    }
  }

  const Trace& trace_;
  const ObjectEvents& by_object_;
  std::vector<std::uint32_t> next_of_stream_;
  std::vector<std::size_t> next_of_key_;
  std::vector<Ready> ready_;
  TraceOrder order_;
};

}  // namespace

TraceOrder order_events(const Trace& trace, const ObjectEvents& by_object) {
  return Merge(trace, by_object).run();
}

TraceOrder order_events(const Trace& trace) { return order_events(trace, ObjectEvents(trace)); }

}  // namespace chantrace
