/// \file
/// Which parts of which tasks can run at one time, as far as starting and joining say.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "chantrace/trace.h"
#include "object_events.h"

namespace chantrace {

/// A part of a task between two of its starts and joins. The graph of segments has an edge where
/// one must have ended before another begins; two overlap where neither is reached from the other.
///
/// Source: Bensalem and Havelund, 2005: the segment graph. Vector clocks would cost the square of
/// the number of tasks. Threads: one thread at a time.
class TaskSegments {
 public:
  struct Segment {
    std::uint32_t stream;
    std::uint32_t number;
  };

  explicit TaskSegments(const Trace& trace);

  /// Takes the next event on a task, in an order of the trace.
  void take(const EventPlace& place, const EventRecord& event);
  std::uint32_t current(std::uint32_t stream) const {
    return static_cast<std::uint32_t>(nodes_[stream].size() - 1);
  }
  /// Requires: all events have been taken.
  /// Cost: a search from the earlier one, kept for the next question about it.
  bool can_overlap(Segment left, Segment right);

 private:
  using Node = std::uint32_t;

  Node begin_segment(std::uint32_t stream);
  bool reaches(Node from, Node to);

  std::unordered_map<std::uint32_t, std::uint32_t> stream_of_task_;
  std::vector<std::vector<Node>> nodes_;  ///< By stream, then by segment.
  std::vector<std::vector<Node>> next_;   ///< By node.
  std::unordered_map<Node, std::vector<bool>> reached_;
};

}  // namespace chantrace
