/// \file
/// SURW: the orders of the operations on some objects, chosen at random, are sampled as evenly as
/// can be; all else may come in any order.
#pragma once

#include <vector>

#include "../runtime/strategy.h"
#include "random.h"

namespace chantrace::detail {

/// Which task makes the next operation that counts is drawn with a weight: how many such operations
/// it will still make, and those that it will start and that those start, as the executions before
/// tell. That one is then waited for, while the others make only operations that do not count. When
/// it starts a task, which of the two is waited for is drawn again.
///
/// Source: Zhao, Wolff, Mathur and Roychoudhury, "Selectively Uniform Concurrency Testing", ASPLOS
/// 2025, algorithm 2. The objects are a random half of those that tasks share, drawn anew for each
/// execution.
/// Cost: linear in the tasks that can go on, at each step.
class SelectiveUniformWalk final : public Strategy {
 public:
  void begin(std::uint64_t seed) override;
  std::size_t pick(std::span<const Runnable> runnable, std::size_t current) override;
  std::uint32_t choose(std::uint32_t count) override { return random_.below(count); }
  void note_start(std::uint32_t parent, std::uint32_t child) override;
  bool end(bool is_whole) override;
  std::string_view name() const override { return "surw"; }

 private:
  /// Operations of one task on the objects of one family.
  struct Count {
    double average = 0;  ///< Of executions before; nearly the most.
    std::uint32_t seen = 0;
  };
  /// Of one task.
  struct Profile {
    std::vector<Count> counts;  ///< By family.
    double left = 0;            ///< Operations that count and are still to come,
    double of_children = 0;     ///< and those of tasks that it has still to start.
    std::uint32_t parent = 0;   ///< Who started it last; 0: nobody yet.
    double weight() const { return left + of_children; }
  };
  static constexpr std::uint32_t kNobodyIntended = 0xffffffff;

  Profile& profile(std::uint32_t task);
  bool counts(const Runnable& runnable) const;
  void choose_families();
  void note(const Runnable& made);
  std::uint32_t draw(std::span<const Runnable> runnable);

  Random random_;
  std::vector<Profile> profiles_;  ///< By task number.
  std::vector<bool> is_chosen_;    ///< By family.
  /// Those with an operation that was a choice, ever.
  std::vector<std::uint32_t> families_;
  std::uint32_t intended_ = kNobodyIntended;
  std::vector<std::uint32_t> candidates_;
};

}  // namespace chantrace::detail
