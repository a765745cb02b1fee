/// \file
/// Which parts of which tasks can run at one time, as far as starting and joining say.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "chantrace/event.h"

namespace chantrace {

/// A part of a task between two of its starts and joins. The graph of segments has an edge where
/// one must have ended before another begins; two overlap where neither is reached from the other.
///
/// Over several executions of a program its graph has the edges of all: what is ordered in one is
/// taken to be ordered in the others.
///
/// Source: Bensalem and Havelund, 2005: the segment graph. Vector clocks would cost the square of
/// the number of tasks. Threads: one thread at a time.
class TaskSegments {
 public:
  struct Segment {
    std::uint32_t task;
    std::uint32_t number;
  };

  /// Every task is at its first segment again.
  void begin_execution();
  /// Takes the next event on a task, in an order of the execution. `other`: whom it is about.
  void take(std::uint32_t task, const EventRecord& event, std::uint32_t other);
  std::uint32_t current(std::uint32_t task) const {
    return task < current_.size() ? current_[task] : 0;
  }
  /// Requires: all events have been taken.
  /// Cost: a search from the earlier one, kept for the next question about it.
  bool can_overlap(Segment left, Segment right);

 private:
  using Node = std::uint32_t;

  Node node(std::uint32_t task, std::uint32_t number);
  Node begin_segment(std::uint32_t task);
  void add_edge(Node from, Node to);
  bool reaches(Node from, Node to);

  std::vector<std::vector<Node>> nodes_;  ///< By task, then by segment.
  std::vector<std::uint32_t> current_;    ///< By task: the number of its segment.
  std::vector<std::vector<Node>> next_;   ///< By node.
  bool has_begun_again_ = false;          ///< Edges may be known already.
  std::unordered_map<Node, std::vector<bool>> reached_;
};

}  // namespace chantrace
