#include "task_segments.h"

namespace chantrace {
namespace {

/// Searches whose results are kept.
constexpr std::size_t kSearchesKeptMax = 256;

}  // namespace

TaskSegments::TaskSegments(const Trace& trace) {
  nodes_.resize(trace.streams.size());
  for (std::uint32_t stream = 0; stream < trace.streams.size(); ++stream) {
    stream_of_task_.emplace(to_number(trace.streams[stream].task), stream);
    begin_segment(stream);
  }
}

TaskSegments::Node TaskSegments::begin_segment(std::uint32_t stream) {
  const Node node = static_cast<Node>(next_.size());
  next_.emplace_back();
  if (!nodes_[stream].empty()) next_[nodes_[stream].back()].push_back(node);
  nodes_[stream].push_back(node);
  return node;
}

void TaskSegments::take(const EventPlace& place, const EventRecord& event) {
  const auto other = stream_of_task_.find(event.object);
  if (other == stream_of_task_.end() || other->second == place.stream) return;
  switch (event.operation) {
    case Operation::kTaskSpawn:
      // All that the child does comes after what the parent did before.
      next_[nodes_[place.stream].back()].push_back(nodes_[other->second].front());
      begin_segment(place.stream);
      return;
    case Operation::kTaskJoin: {
      if (phase_of(event) == Phase::kStart || outcome_of(event) != Outcome::kOk) return;
      const Node after = begin_segment(place.stream);
      next_[nodes_[other->second].back()].push_back(after);
      return;
    }
    default:
      return;
  }
}

bool TaskSegments::can_overlap(Segment left, Segment right) {
  const Node a = nodes_[left.stream][left.number];
  const Node b = nodes_[right.stream][right.number];
  return !reaches(a, b) && !reaches(b, a);
}

bool TaskSegments::reaches(Node from, Node to) {
  const auto known = reached_.find(from);
  if (known != reached_.end()) return known->second[to];
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
