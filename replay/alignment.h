/// \file
/// Where the executions of two traces part: what is the same in both, and the first steps that are
/// not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "chantrace/trace.h"

namespace chantrace::replay {

/// Compares records of two traces that are told in one set of numbers.
///
/// Requires: both traces outlive this.
class SameRecords {
 public:
  SameRecords(const Trace& left, const Trace& right);

  /// All but the time, and whether the operation had to wait. Addresses and bytes of something
  /// unknown are no values.
  bool are_same(const EventRecord& left, const EventRecord& right) const;
  /// Lines count only where both programs are the same build, and places only where both are of
  /// one test.
  bool are_same_places(std::uint32_t left, std::uint32_t right) const;
  bool are_same_values(const EventRecord& left, const EventRecord& right) const;
  bool has_same_build() const { return has_same_build_; }

 private:
  const Trace& left_;
  const Trace& right_;
  bool has_same_build_;
  bool has_same_test_;
  bool is_timed_;  ///< Durations are a clock's, and differ each time.
  std::unordered_map<std::uint32_t, std::uint32_t> places_;  ///< By id: equal ones are the same.
};

/// False for the start of an operation, which tells only that it had to wait: what it did to others
/// it did when it was done. A wait for a condition has begun for others, too; where a call came
/// from and what a select could take are no operations.
bool has_effect(const EventRecord& event);

/// A step that one trace has and the other has not, though all before it are the same: either the
/// next of its task, or the next on its object, is another one there.
struct Parting {
  std::optional<EventPlace> left;
  std::optional<EventPlace> right;
};

/// A record that both traces have.
struct CommonRecord {
  EventPlace left;
  EventPlace right;
};

/// Threads: a plain value.
struct Alignment {
  /// What both have, in an order that fits both: each record, all before it of its task and all
  /// before it on its object. Only those that have an effect.
  std::vector<CommonRecord> common;
  /// What only one has, in its order.
  std::vector<EventPlace> left_rest;
  std::vector<EventPlace> right_rest;
  /// The earliest first; none rests on another.
  std::vector<Parting> partings;

  bool is_same() const { return left_rest.empty() && right_rest.empty(); }
};

/// A record is in both where its task and its object got there in the same way: which of two
/// records that have nothing to do with each other came first does not matter, nor who had to wait
/// if all was done in the same order. How waiting tasks were unwound when the test was over is
/// nothing that they did.
///
/// Requires: the traces are told in one set of numbers; the orders are theirs.
/// Cost: linear in the events.
Alignment align(const Trace& left, const TraceOrder& left_order, const Trace& right,
                const TraceOrder& right_order, const SameRecords& same);

}  // namespace chantrace::replay
