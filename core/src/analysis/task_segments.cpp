#include "task_segments.h"

#include <algorithm>
#include <utility>

namespace chantrace {
namespace {

/// Searches whose results are kept.
constexpr std::size_t kSearchesKeptMax = 256;

}  // namespace

void TaskSegments::begin_execution() {
  has_begun_again_ = !nodes_.empty();
  std::fill(current_.begin(), current_.end(), 0);
}

TaskSegments::Node TaskSegments::node(std::uint32_t task, std::uint32_t number) {
  if (task >= nodes_.size()) {
    nodes_.resize(task + 1);
    current_.resize(task + 1);
  }
  std::vector<Node>& segments = nodes_[task];
  while (segments.size() <= number) {
    const auto added = static_cast<Node>(next_.size());
    next_.emplace_back();
    if (!segments.empty()) next_[segments.back()].push_back(added);
    segments.push_back(added);
  }
  return segments[number];
}

TaskSegments::Node TaskSegments::begin_segment(std::uint32_t task) {
  node(task, 0);
  return node(task, ++current_[task]);
}

void TaskSegments::add_edge(Node from, Node to) {
  std::vector<Node>& known = next_[from];
  if (has_begun_again_ && std::find(known.begin(), known.end(), to) != known.end()) return;
  known.push_back(to);
  reached_.clear();
}

void TaskSegments::take(std::uint32_t task, const EventRecord& event, std::uint32_t other) {
  if (other == task) return;
  switch (event.operation) {
    case Operation::kTaskSpawn:
      // All that the child does comes after what the parent did before.
      add_edge(node(task, current(task)), node(other, 0));
      begin_segment(task);
      return;
    case Operation::kTaskJoin: {
      if (phase_of(event) == Phase::kStart || outcome_of(event) != Outcome::kOk) return;
      const Node after = begin_segment(task);
      add_edge(node(other, current(other)), after);
      return;
    }
    default:
      return;
  }
}

bool TaskSegments::can_overlap(Segment left, Segment right) {
  const Node a = node(left.task, left.number);
  const Node b = node(right.task, right.number);
  return !reaches(a, b) && !reaches(b, a);
}

bool TaskSegments::reaches(Node from, Node to) {
  const auto known = reached_.find(from);
  // A segment that came up later has no edges.
  if (known != reached_.end()) return to < known->second.size() && known->second[to];
  if (reached_.size() == kSearchesKeptMax) reached_.clear();

  std::vector<bool> seen(next_.size(), false);
  std::vector<Node> open{from};
  seen[from] = true;
  while (!open.empty()) {
    const Node node = open.back();
    open.pop_back();
    for (const Node next : next_[node]) {
      if (seen[next]) continue;
      seen[next] = true;
      open.push_back(next);
    }
  }
  const bool result = seen[to];
  reached_.emplace(from, std::move(seen));
  return result;
}

}  // namespace chantrace
