#include "alignment.h"

#include <algorithm>
#include <compare>
#include <iterator>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <tuple>
#include <unordered_set>
#include <utility>

#include "model/interleaving.h"
#include "renumbering.h"

namespace chantrace::replay {

using view::event_at;
using view::is_note;
using view::unwinding_begins_at;
namespace {

/// A task or an object that records stand in a row at; 0: none.
using Key = std::uint64_t;

Key key_of(const EventRecord& event) {
  if (event.object == 0) return 0;
  return (is_on_task(event.operation) ? Key{1} << 32 : Key{2} << 32) | event.object;
}

/// One trace with every record at its place: in the order of all, of its task, of its object. Up to
/// where the test was over and what still waited was unwound.
class Rows {
 public:
  Rows(const Trace& trace, const TraceOrder& order)
      : trace_(trace), places_(order.places.data(), unwinding_begins_at(trace, order)) {
    const std::size_t count = trace.streams.size();
    records_.resize(count);
    pending_.resize(count);
    for (std::uint32_t stream = 0; stream < count; ++stream) {
      const std::size_t size = trace.streams[stream].events.size();
      streams_.emplace(to_number(trace.streams[stream].task), stream);
      places_of_.emplace_back(size);
    }
    for (std::size_t position = 0; position < places_.size(); ++position) add(position);
  }

  const Trace& trace() const { return trace_; }
  std::span<const EventPlace> places() const { return places_; }
  const EventRecord& event(const EventPlace& place) const { return event_at(trace_, place); }
  TaskId task(const EventPlace& place) const { return trace_.streams[place.stream].task; }
  /// How many records with an effect its object has before it.
  std::uint32_t rank(const EventPlace& place) const { return at(place).rank; }
  /// How many records with an effect its task has before it.
  std::uint32_t index_in_task(const EventPlace& place) const { return at(place).index; }
  std::size_t position(const EventPlace& place) const { return at(place).position; }

  /// The task's record with an effect that has so many before it.
  std::optional<EventPlace> in_task(TaskId task, std::uint32_t index) const {
    const auto stream = streams_.find(to_number(task));
    if (stream == streams_.end() || index >= records_[stream->second].size()) return std::nullopt;
    return EventPlace{stream->second, records_[stream->second][index]};
  }
  std::optional<EventPlace> on_object(Key key, std::uint32_t rank) const {
    const auto row = by_object_.find(key);
    if (row == by_object_.end() || rank >= row->second.size()) return std::nullopt;
    return row->second[rank];
  }
  /// The start of the operation that the task never got out of.
  std::optional<EventPlace> pending(TaskId task) const {
    const auto stream = streams_.find(to_number(task));
    return stream != streams_.end() ? pending_[stream->second] : std::nullopt;
  }

 private:
  struct Place {
    std::size_t position = 0;
    std::uint32_t index = 0;
    std::uint32_t rank = 0;
  };

  const Place& at(const EventPlace& place) const { return places_of_[place.stream][place.index]; }

  void add(std::size_t position) {
    const EventPlace& place = places_[position];
    std::vector<std::uint32_t>& records = records_[place.stream];
    Place& own = places_of_[place.stream][place.index];
    own = {.position = position, .index = static_cast<std::uint32_t>(records.size()), .rank = 0};
    if (!has_effect(event(place))) {
      if (!is_note(event(place).operation)) pending_[place.stream] = place;
      return;
    }
    pending_[place.stream].reset();
    records.push_back(place.index);
    const Key key = key_of(event(place));
    if (key == 0) return;
    std::vector<EventPlace>& row = by_object_[key];
    own.rank = static_cast<std::uint32_t>(row.size());
    row.push_back(place);
  }

  const Trace& trace_;
  std::span<const EventPlace> places_;
  std::unordered_map<std::uint32_t, std::uint32_t> streams_;
  std::unordered_map<Key, std::vector<EventPlace>> by_object_;
  std::vector<std::vector<std::uint32_t>> records_;  // Of each stream, indices of its events.
  std::vector<std::optional<EventPlace>> pending_;
  std::vector<std::vector<Place>> places_of_;
};

/// What both have, as seen from one of them, and the records next behind it.
struct Side {
  std::vector<CommonRecord> common;  // This side is the left one.
  std::vector<EventPlace> rest;
  std::vector<EventPlace> next;
};

/// Walks `rows` in order. What it finds to be common is so from the other side as well: a record's
/// place in its task and on its object must be the same, and so on back to the start.
template <typename IsSame>
Side walk(const Rows& rows, const Rows& other, const IsSame& is_same) {
  Side side;
  const std::size_t streams_count = rows.trace().streams.size();
  std::vector<bool> has_stopped(streams_count);
  std::vector<std::uint32_t> common_counts(streams_count);
  std::unordered_set<Key> stopped;
  for (const EventPlace& place : rows.places()) {
    if (!has_effect(rows.event(place))) continue;
    const Key key = key_of(rows.event(place));
    const bool goes_on = !has_stopped[place.stream] && !stopped.contains(key);
    const auto twin = other.in_task(rows.task(place), rows.index_in_task(place));
    if (goes_on && twin && is_same(place, *twin) && rows.rank(place) == other.rank(*twin)) {
      side.common.push_back({place, *twin});
      ++common_counts[place.stream];
      continue;
    }
    if (goes_on) side.next.push_back(place);
    has_stopped[place.stream] = true;
    if (key != 0) stopped.insert(key);
  }

  // A task that has done the same may be stuck in something else than the other.
  for (std::uint32_t stream = 0; stream < streams_count; ++stream) {
    const TaskId task = rows.trace().streams[stream].task;
    const auto here = rows.pending(task);
    const auto there = other.pending(task);
    if (has_stopped[stream] || other.in_task(task, common_counts[stream])) continue;
    if (!here || (there && is_same(*here, *there)))
      common_counts[stream] = std::numeric_limits<std::uint32_t>::max();
    else
      side.next.push_back(*here);
  }
  // The start of an operation goes with its end.
  std::copy_if(rows.places().begin(), rows.places().end(), std::back_inserter(side.rest),
               [&](const EventPlace& place) {
                 return rows.index_in_task(place) >= common_counts[place.stream];
               });
  return side;
}

/// What stands in `other` where `place` stands here: the task's next, unless that is the same and
/// only comes later; then the object's next.
template <typename IsSame>
std::optional<EventPlace> opposite(const EventPlace& place, const Rows& rows, const Rows& other,
                                   const IsSame& is_same) {
  if (!has_effect(rows.event(place))) return other.pending(rows.task(place));
  const auto twin = other.in_task(rows.task(place), rows.index_in_task(place));
  if (twin && !is_same(place, *twin)) return twin;
  // What a killed process would have done is not known.
  if (!twin && other.trace().is_incomplete()) return std::nullopt;
  return other.on_object(key_of(rows.event(place)), rows.rank(place));
}

/// The parting at the record `place` of `rows`, as this and that of the other one.
template <typename IsSame>
std::pair<std::optional<EventPlace>, std::optional<EventPlace>> parting_at(const EventPlace& place,
                                                                           const Rows& rows,
                                                                           const Rows& other,
                                                                           const IsSame& is_same) {
  const auto there = opposite(place, rows, other, is_same);
  // Seen from there, it may be that this one was killed before its turn.
  const bool is_unknown = there && rows.trace().is_incomplete() &&
                          has_effect(other.event(*there)) &&
                          !rows.in_task(other.task(*there), other.index_in_task(*there));
  return {is_unknown ? std::nullopt : std::optional(place), there};
}

/// Where a parting stands among others; the same whichever trace is the left one.
struct Precedence {
  std::size_t earliness = 0;  ///< Its positions in both orders.
  /// Then who takes part, sorted: names, and ids where they share one.
  std::vector<std::pair<std::string, std::uint32_t>> tasks = {};
  std::vector<std::pair<std::string, Key>> objects = {};

  friend auto operator<=>(const Precedence&, const Precedence&) = default;
};

Precedence precedence_of(const Parting& parting, const Rows& left, const Rows& right) {
  Precedence precedence;
  const auto add = [&](const std::optional<EventPlace>& place, const Rows& rows) {
    if (!place) return;
    // Counts twice where the other has nothing.
    precedence.earliness += rows.position(*place) * (parting.left && parting.right ? 1 : 2);
    const TaskInfo* const task = rows.trace().find_task(rows.task(*place));
    precedence.tasks.emplace_back(task != nullptr ? task->label : "", to_number(rows.task(*place)));
    const EventRecord& event = rows.event(*place);
    const ObjectInfo* const object =
        is_on_task(event.operation) ? nullptr : rows.trace().find_object(ObjectId{event.object});
    precedence.objects.emplace_back(object != nullptr ? object->name : "", key_of(event));
  };
  add(parting.left, left);
  add(parting.right, right);
  std::sort(precedence.tasks.begin(), precedence.tasks.end());
  std::sort(precedence.objects.begin(), precedence.objects.end());
  return precedence;
}

/// What is about the same task or the same object as an earlier one says nothing new.
std::vector<Parting> without_repeated(const std::vector<Parting>& partings, const Rows& left,
                                      const Rows& right) {
  std::unordered_set<Key> seen;
  std::vector<Parting> kept;
  for (const Parting& parting : partings) {
    std::vector<Key> keys;
    const auto add = [&](const std::optional<EventPlace>& place, const Rows& rows) {
      if (!place) return;
      keys.push_back(to_number(rows.task(*place)));
      if (const Key key = key_of(rows.event(*place)); key != 0) keys.push_back(key);
    };
    add(parting.left, left);
    add(parting.right, right);
    const bool is_new =
        std::none_of(keys.begin(), keys.end(), [&](Key key) { return seen.contains(key); });
    seen.insert(keys.begin(), keys.end());
    if (is_new) kept.push_back(parting);
  }
  return kept;
}

}  // namespace

SameRecords::SameRecords(const Trace& left, const Trace& right)
    : left_(left),
      right_(right),
      has_same_build_(left.header.build_id == right.header.build_id),
      has_same_test_(left.header.test == right.header.test),
      is_timed_(!left.header.is_controlled || !right.header.is_controlled) {
  std::map<std::tuple<std::string, std::string, std::uint32_t>, std::uint32_t> numbers;
  for (const Trace* const trace : {&left, &right}) {
    for (const auto& [id, site] : trace->sites) {
      const auto number = static_cast<std::uint32_t>(numbers.size());
      const auto entry = numbers.try_emplace(
          {std::string(file_name(site.file)), site.function, has_same_build_ ? site.line : 0},
          number);
      places_.emplace(id, entry.first->second);
    }
  }
}

bool SameRecords::are_same_places(std::uint32_t left, std::uint32_t right) const {
  if (left == right || !has_same_test_) return true;
  const auto one = places_.find(left);
  const auto other = places_.find(right);
  if (one == places_.end() || other == places_.end()) return one == other;
  return one->second == other->second;
}

bool SameRecords::are_same_values(const EventRecord& left, const EventRecord& right) const {
  const unsigned marks = kHasValue | kValueIsText;
  if ((left.flags & marks) != (right.flags & marks)) return false;
  if ((left.flags & kHasValue) == 0)
    return left.value == right.value || (is_timed_ && (left.operation == Operation::kSleep ||
                                                       left.operation == Operation::kTimerStart));
  if ((left.flags & kValueIsText) != 0)
    return format_value(left_, left) == format_value(right_, right);
  if (left.value == right.value || is_on_task(left.operation)) return left.value == right.value;
  const ObjectInfo* const object = left_.find_object(ObjectId{left.object});
  const ValueFormat format = object != nullptr ? object->format : ValueFormat::kOpaque;
  return format == ValueFormat::kPointer || format == ValueFormat::kOpaque;
}

bool SameRecords::are_same(const EventRecord& left, const EventRecord& right) const {
  // Of a select and a choice it is what was taken; of a channel what is left in it.
  const bool has_choice =
      left.operation == Operation::kSelect || left.operation == Operation::kChoose;
  return left.operation == right.operation && outcome_of(left) == outcome_of(right) &&
         left.object == right.object && (!has_choice || left.detail == right.detail) &&
         are_same_places(left.site, right.site) && are_same_values(left, right);
}

bool has_effect(const EventRecord& event) {
  if (event.operation == Operation::kStack) return false;
  return phase_of(event) != Phase::kStart || event.operation == Operation::kConditionWait;
}

Alignment align(const Trace& left, const TraceOrder& left_order, const Trace& right,
                const TraceOrder& right_order, const SameRecords& same) {
  const Rows left_rows{left, left_order};
  const Rows right_rows{right, right_order};
  const auto is_same = [&](const EventPlace& one, const EventPlace& other) {
    return same.are_same(left_rows.event(one), right_rows.event(other));
  };
  const auto is_same_back = [&](const EventPlace& one, const EventPlace& other) {
    return is_same(other, one);
  };
  Side at_left = walk(left_rows, right_rows, is_same);
  Side at_right = walk(right_rows, left_rows, is_same_back);

  std::vector<Parting> partings;
  for (const EventPlace& place : at_left.next) {
    const auto [here, there] = parting_at(place, left_rows, right_rows, is_same);
    partings.push_back({here, there});
  }
  for (const EventPlace& place : at_right.next) {
    const auto [here, there] = parting_at(place, right_rows, left_rows, is_same_back);
    partings.push_back({there, here});
  }
  std::vector<std::pair<Precedence, std::size_t>> by_precedence;
  for (std::size_t index = 0; index < partings.size(); ++index)
    by_precedence.emplace_back(precedence_of(partings[index], left_rows, right_rows), index);
  std::sort(by_precedence.begin(), by_precedence.end());
  std::vector<Parting> sorted;
  for (const auto& [precedence, index] : by_precedence) sorted.push_back(partings[index]);

  return {.common = std::move(at_left.common),
          .left_rest = std::move(at_left.rest),
          .right_rest = std::move(at_right.rest),
          .partings = without_repeated(sorted, left_rows, right_rows)};
}

}  // namespace chantrace::replay
