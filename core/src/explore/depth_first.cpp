#include "depth_first.h"

#include <algorithm>

#include "random.h"

namespace chantrace::detail {
namespace {

// Ways to begin, for each shard, where all decisions are like those of the first execution. More
// share the work out more evenly; each costs an execution in every shard that it is not of.
constexpr std::size_t kBeginningsOfShard = 16;

}  // namespace

void DepthFirst::begin(std::uint64_t) {
  if (is_lost_) {
    nodes_.clear();
    alternatives_.clear();
    split_depth_ = 0;
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
  if (is_lost_) return find_default(runnable, current);
  if (depth_ == nodes_.size()) add_node(runnable, current);
  const Node& node = nodes_[depth_++];
  const std::uint32_t task = alternatives_[node.first + node.taken];
  const std::size_t place = node.count == runnable.size() ? find_task(runnable, task) : kNobody;
  if (place == kNobody) {
    is_lost_ = true;
    nodes_.resize(depth_ - 1);
    return find_default(runnable, current);
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
    node.is_number = true;
  }
  const Node& node = nodes_[depth_++];
  if (node.count == count) return node.taken;
  is_lost_ = true;
  nodes_.resize(depth_ - 1);
  return 0;
}

std::size_t DepthFirst::find_split_depth() const {
  std::size_t beginnings = 1;
  std::size_t depth = 0;
  while (depth < nodes_.size() && beginnings < kBeginningsOfShard * shard_.count)
    beginnings *= nodes_[depth++].count;
  return std::max<std::size_t>(depth, 1);
}

bool DepthFirst::begins_in_shard() const {
  std::uint64_t hash = 0;
  for (std::size_t i = 0; i < std::min(split_depth_, nodes_.size()); ++i)
    hash = split_mix(hash ^ nodes_[i].taken);
  return hash % shard_.count == shard_.index;
}

bool DepthFirst::end(bool) {
  is_of_shard_ = true;
  if (is_lost_) return true;
  nodes_.resize(depth_);
  if (shard_.count > 1) {
    // All shards see the same first execution.
    if (split_depth_ == 0) split_depth_ = find_split_depth();
    is_of_shard_ = begins_in_shard();
    if (!is_of_shard_ && nodes_.size() > split_depth_) nodes_.resize(split_depth_);
  }
  while (!nodes_.empty()) {
    Node& node = nodes_.back();
    const bool has_left =
        node.taken + 1 < node.count && (!node.can_preempt || node.preemptions < preemptions_max_);
    if (has_left) {
      ++node.taken;
      alternatives_.resize(node.first + (node.is_number ? 0 : node.count));
      return true;
    }
    nodes_.pop_back();
  }
  alternatives_.clear();
  return false;
}

}  // namespace chantrace::detail
