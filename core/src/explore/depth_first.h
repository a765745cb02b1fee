/// \file
/// Depth-first search: all schedules with at most so many preemptions, one after another.
#pragma once

#include <cstdint>
#include <vector>

#include "../runtime/strategy.h"
#include "chantrace/explore.h"

namespace chantrace::detail {

/// A preemption is a step at which the task that ran last could have gone on, and another did. With
/// no bound the search is exhaustive, up to `choose` and the operations that are no steps.
///
/// Source: Musuvathi and Qadeer, "Iterative Context Bounding for Systematic Testing of
/// Multithreaded Programs", PLDI 2007.
class DepthFirst final : public Strategy {
 public:
  static constexpr std::uint32_t kUnbounded = 0xffffffff;

  /// Of several shards each takes the schedules that begin in some ways. Where it comes to one that
  /// begins in another way, it runs that once, to see where the next begins.
  explicit DepthFirst(std::uint32_t preemptions_max, const Shard& shard = {})
      : preemptions_max_(preemptions_max), shard_(shard) {}

  void begin(std::uint64_t) override;
  std::size_t pick(std::span<const Runnable> runnable, std::size_t current) override;
  std::uint32_t choose(std::uint32_t count) override;
  bool end(bool is_whole) override;
  void forget_places() override { is_lost_ = true; }
  bool is_of_shard() const override { return is_of_shard_; }
  std::string_view name() const override { return "dfs"; }

 private:
  struct Node {
    std::uint32_t first = 0;  ///< Its alternatives, in `alternatives_`, the default first.
    std::uint32_t count = 0;
    std::uint32_t taken = 0;        ///< Which of them.
    std::uint32_t preemptions = 0;  ///< Before it.
    bool can_preempt = false;       ///< All but the first are preemptions.
    bool is_number = false;         ///< What it takes is a number, and has no place among them.
  };

  void add_node(std::span<const Runnable> runnable, std::size_t current);
  std::size_t find_split_depth() const;
  bool begins_in_shard() const;

  const std::uint32_t preemptions_max_;
  const Shard shard_;
  bool is_of_shard_ = true;
  std::size_t split_depth_ = 0;  ///< The decisions that a schedule begins with; 0: not known yet.
  std::vector<Node> nodes_;
  std::vector<std::uint32_t> alternatives_;
  std::size_t depth_ = 0;
  std::uint32_t preemptions_ = 0;
  /// What was left to do at a node of the last execution was no longer what it had been: the
  /// program is not deterministic, or more of its objects became known as shared. The search begins
  /// anew.
  bool is_lost_ = false;
};

}  // namespace chantrace::detail
