/// \file
/// PCT: tasks have random priorities, the highest that can go on is next, and at a few random steps
/// the priority of the running one drops below all others.
#pragma once

#include <vector>

#include "../runtime/strategy.h"
#include "random.h"

namespace chantrace::detail {

/// Finds a bug of depth d among n tasks and k steps with a probability of at least 1/(n k^(d-1)).
///
/// `k` is taken from the executions so far, and counts steps at which there was a choice. A task
/// that starts late gets its place among the high priorities. One that was picked 512 times in a
/// row while others waited drops below all, as it may poll for them; the promise does not hold for
/// a bug that needs more steps of one task in a row.
///
/// Source: Burckhardt, Kothari, Musuvathi and Nagarakatte, "A Randomized Scheduler with
/// Probabilistic Guarantees of Finding Bugs", ASPLOS 2010.
class PrioritySchedule final : public Strategy {
 public:
  /// `depth`: of the bugs to find, from 1.
  explicit PrioritySchedule(std::uint32_t depth) : depth_(depth) {}

  void begin(std::uint64_t seed) override;
  std::size_t pick(std::span<const Runnable> runnable, std::size_t current) override;
  std::uint32_t choose(std::uint32_t count) override { return random_.below(count); }
  bool end(bool is_whole) override;

  std::string_view name() const override { return "pct"; }

 private:
  static constexpr std::uint64_t kNone = 0;
  /// How often in a row a task may be chosen while others wait.
  static constexpr std::uint32_t kRunMax = 512;

  void demote(std::uint32_t task);

  const std::uint32_t depth_;
  Random random_;
  std::vector<std::uint64_t> priorities_;  ///< By task number; `kNone`: not seen yet.
  std::vector<std::uint64_t> changes_;     ///< Steps at which the running task is demoted, sorted.
  std::size_t next_change_ = 0;
  std::uint64_t lowest_ = 0;
  std::uint64_t step_ = 0;
  std::uint64_t steps_seen_ = 0;  ///< `k`: the most steps of an execution so far.
  std::uint32_t last_ = 0;
  std::uint32_t run_ = 0;
};

}  // namespace chantrace::detail
