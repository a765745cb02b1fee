#include "depth_first.h"

#include <algorithm>

namespace chantrace::detail {

void DepthFirst::begin(std::uint64_t) {
  if (is_lost_) {
    nodes_.clear();
    alternatives_.clear();
  }
  is_lost_ = false;
  depth_ = 0;
  preemptions_ = 0;
}

void DepthFirst::add_node(std::span<const Runnable> runnable, std::size_t current) {
  Node& node = nodes_.emplace_back();
  node.first = static_cast<std::uint32_t>(alternatives_.size());
  node.preemptions = preemptions_;
  node.can_preempt = current != kNobody;
  for (const Runnable& one : runnable) alternatives_.push_back(one.task);
  const auto begin = alternatives_.begin() + node.first;
  // By number, but the one that goes on by default first: the place among the runnable depends on
  // what happened before.
  // Time passes last: a task that waits with a timeout could otherwise time out for ever.
  std::sort(begin, alternatives_.end(),
            [](std::uint32_t left, std::uint32_t right) { return left - 1 < right - 1; });
  if (current != kNobody)
    std::rotate(begin, std::find(begin, alternatives_.end(), runnable[current].task),
                std::find(begin, alternatives_.end(), runnable[current].task) + 1);
  node.count = static_cast<std::uint32_t>(runnable.size());
}

std::size_t DepthFirst::pick(std::span<const Runnable> runnable, std::size_t current) {
  if (is_lost_) return current != kNobody ? current : 0;
  if (depth_ == nodes_.size()) add_node(runnable, current);
  const Node& node = nodes_[depth_++];
  const std::uint32_t task = alternatives_[node.first + node.taken];
  const std::size_t place = node.count == runnable.size() ? find_task(runnable, task) : kNobody;
  if (place == kNobody) {
    is_lost_ = true;
    nodes_.resize(depth_ - 1);
    return current != kNobody ? current : 0;
  }
  if (node.can_preempt && node.taken > 0) ++preemptions_;
  return place;
}

std::uint32_t DepthFirst::choose(std::uint32_t count) {
  if (is_lost_) return 0;
  if (depth_ == nodes_.size()) {
    Node& node = nodes_.emplace_back();
    node.first = static_cast<std::uint32_t>(alternatives_.size());
    node.preemptions = preemptions_;
    node.count = count;
    for (std::uint32_t i = 0; i < count; ++i) alternatives_.push_back(i);
  }
  const Node& node = nodes_[depth_++];
  if (node.count == count) return alternatives_[node.first + node.taken];
  is_lost_ = true;
  nodes_.resize(depth_ - 1);
  return 0;
}

bool DepthFirst::end(bool) {
  if (is_lost_) return true;
  nodes_.resize(depth_);
  while (!nodes_.empty()) {
    Node& node = nodes_.back();
    const bool has_left =
        node.taken + 1 < node.count && (!node.can_preempt || node.preemptions < preemptions_max_);
    if (has_left) {
      ++node.taken;
      alternatives_.resize(node.first + node.count);
      return true;
    }
    nodes_.pop_back();
  }
  alternatives_.clear();
  return false;
}

}  // namespace chantrace::detail
