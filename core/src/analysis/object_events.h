/// \file
/// The events of a trace by the object that they are about, in the order in which they took effect.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "chantrace/trace.h"

namespace chantrace {

/// Gives ids small numbers. Ids of an honest trace are dense, and then a lookup is one load.
///
/// Threads: a plain value.
class DenseIds {
 public:
  static constexpr std::uint32_t kNone = UINT32_MAX;

  /// `ids` in any order, with repetitions. Costs a sort unless the greatest is near their number.
  explicit DenseIds(std::vector<std::uint32_t> ids, std::uint32_t greatest, std::size_t direct_max);
  std::size_t count() const { return is_direct_ ? direct_count_ : sorted_.size(); }
  std::uint32_t index_of(std::uint32_t id) const;
  std::uint32_t id_at(std::uint32_t index) const { return is_direct_ ? index : sorted_[index]; }

 private:
  bool is_direct_;
  std::size_t direct_count_ = 0;
  std::vector<std::uint32_t> sorted_;
};

/// What a sequence counts for: an object's records, or those about a task. Ids of tasks and objects
/// are apart, so are the keys of equal ids.
///
/// Threads: a plain value; borrows the trace.
/// Cost: two passes over the events and 8 bytes for each.
class ObjectEvents {
 public:
  static constexpr std::uint32_t kNoKey = UINT32_MAX;

  /// Sequence numbers that are not there.
  struct Hole {
    std::uint32_t key;
    std::uint32_t first;
    std::uint32_t count;
    std::size_t before;  ///< The position in the key's events of the one that follows the hole.
  };

  explicit ObjectEvents(const Trace& trace);

  /// The key whose sequence orders the event; `kNoKey` for one that no sequence orders.
  std::uint32_t key_of(const EventRecord& event) const;
  std::uint32_t key_of(ObjectId object) const;
  std::size_t keys_count() const { return first_.size() - 1; }
  /// By sequence; for equal ones, which a sound trace does not have, by stream.
  std::span<const EventPlace> events(std::uint32_t key) const {
    return std::span(places_).subspan(first_[key], first_[key + 1] - first_[key]);
  }
  bool is_task(std::uint32_t key) const { return key >= objects_.count(); }
  /// The id of the object or task.
  std::uint32_t id_of(std::uint32_t key) const;

  /// In ascending order of key and sequence.
  const std::vector<Hole>& holes() const { return holes_; }
  /// Pairs of neighbours in `events(key)` with one sequence, as key and position of the second.
  const std::vector<std::pair<std::uint32_t, std::size_t>>& duplicates() const {
    return duplicates_;
  }

 private:
  DenseIds objects_;
  DenseIds tasks_;
  std::vector<std::size_t> first_;  // By key; one more for the end.
  std::vector<EventPlace> places_;
  std::vector<Hole> holes_;
  std::vector<std::pair<std::uint32_t, std::size_t>> duplicates_;
};

/// `order_events` for callers that have the events by object already.
TraceOrder order_events(const Trace& trace, const ObjectEvents& by_object);

/// Holders of one lock that are told apart, and locks of one task: each event of it costs as many
/// steps, and a damaged file may say anything. What is beyond is not judged.
inline constexpr std::size_t kHoldersMax = 10'000;

/// Some records may be missing without a word: the process was killed, or tasks still ran when the
/// trace ended, and what they did last has not reached it.
bool may_lack_tails(const Trace& trace);
/// One of `events` says that its task was unwound: the run was over then, and what followed is not
/// recorded with care.
bool has_cancelled(const Trace& trace, std::span<const EventPlace> events);

/// "send by worker-1, its event 12, at pool.cpp:97".
std::string event_text(const Trace& trace, const EventPlace& place);
/// `channel "results"`, "task worker-2".
std::string key_text(const Trace& trace, const ObjectEvents& by_object, std::uint32_t key);

inline const EventRecord& event_at(const Trace& trace, const EventPlace& place) {
  return trace.streams[place.stream].events[place.index];
}

}  // namespace chantrace
