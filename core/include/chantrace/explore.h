/// \file
/// Running a body under many schedules, and under one again.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "chantrace/explanation.h"
#include "chantrace/finding.h"
#include "chantrace/schedule.h"
#include "chantrace/shrink.h"

namespace chantrace {

/// How schedules are searched. Made by the functions below; a plain value.
struct SearchStrategy {
  enum class Kind : std::uint8_t {
    kPortfolio,
    kRandomWalk,
    kPartialOrderSampling,
    kPriorities,
    kDepthFirst,
    kSelectiveUniform,
    kSiteUniform,
    kSweep,
    kGreybox,
  };
  Kind kind = Kind::kPortfolio;
  std::uint32_t parameter = 0;

  friend bool operator==(const SearchStrategy&, const SearchStrategy&) = default;
};

/// Several strategies in turn: what is good where one does not know what the bug is like.
constexpr SearchStrategy portfolio() { return {}; }
/// Any task that can go on is next, each as likely as the others.
constexpr SearchStrategy random_walk() { return {SearchStrategy::Kind::kRandomWalk, 0}; }
/// Samples partial orders (POS).
///
/// Source: Yuan, Yang and Gu, "Partial Order Aware Concurrency Sampling", CAV 2018.
constexpr SearchStrategy partial_order_sampling() {
  return {SearchStrategy::Kind::kPartialOrderSampling, 0};
}
/// Random priorities that change at `depth` - 1 steps (PCT). Finds a bug that needs `depth` - 1
/// preemptions, with a probability that has a lower bound.
///
/// Source: Burckhardt, Kothari, Musuvathi and Nagarakatte, "A Randomized Scheduler with
/// Probabilistic Guarantees of Finding Bugs", ASPLOS 2010.
constexpr SearchStrategy priorities(std::uint32_t depth = 3) {
  return {SearchStrategy::Kind::kPriorities, depth};
}
/// All schedules with at most so many preemptions, one after another, and no other.
///
/// Source: Musuvathi and Qadeer, "Iterative Context Bounding for Systematic Testing of
/// Multithreaded Programs", PLDI 2007.
constexpr SearchStrategy depth_first(std::uint32_t preemptions_max = 0xffffffff) {
  return {SearchStrategy::Kind::kDepthFirst, preemptions_max};
}

/// The orders of operations on some objects as evenly as can be (SURW).
///
/// Source: Zhao, Wolff, Mathur and Roychoudhury, "Selectively Uniform Concurrency Testing", ASPLOS
/// 2025.
constexpr SearchStrategy selective_uniform_walk() {
  return {SearchStrategy::Kind::kSelectiveUniform, 0};
}
/// A place in the code is drawn first, then a task that is there: many equal workers count as one.
constexpr SearchStrategy site_uniform_walk() { return {SearchStrategy::Kind::kSiteUniform, 0}; }
/// The schedule without preemptions, then all that differ from it in one decision, in two, and so
/// on: what is found first has the fewest.
///
/// Source: in the manner of Wen et al., "Controlled Concurrency Testing via Periodical Scheduling",
/// ICSE 2022.
constexpr SearchStrategy deviation_sweep() { return {SearchStrategy::Kind::kSweep, 0}; }
/// Keeps schedules that showed something new, and tries what is like them.
///
/// Source: in the manner of Wolff et al., "Greybox Fuzzing for Concurrency Testing", ASPLOS 2024.
constexpr SearchStrategy greybox() { return {SearchStrategy::Kind::kGreybox, 0}; }

/// "portfolio", "random", "pos", "pct:3", "surw", "site", "sweep", "greybox", "dfs:2", "dfs".
std::string to_string(const SearchStrategy& strategy);
/// nullopt for any other text.
std::optional<SearchStrategy> parse_search_strategy(std::string_view text);

/// How one controlled execution goes.
struct RunOptions {
  StepRules rules = {};
  /// Operations, after which an execution is cut. That is a finding of its own kind. At least 1.
  std::uint64_t steps_max = 100'000;
  /// Of each task's stack, from 16 KiB to 1 GiB. A task that needs more ends the program, with a
  /// line that says so unless one function alone has more than 64 KiB of variables.
  std::size_t stack_bytes = 256 * 1024;
  /// Accesses to a `Shared` that nothing orders are a finding.
  bool finds_races = true;
};

/// A part of an exploration, so that several processes share it.
struct Shard {
  std::uint32_t index = 0;  ///< From 0.
  std::uint32_t count = 1;  ///< 1: there is no other.

  friend bool operator==(const Shard&, const Shard&) = default;
};

/// "0/4" is the first of four. nullopt for any other text, and where there is no such part.
std::optional<Shard> parse_shard(std::string_view text);

struct ExploreOptions {
  /// At most so many executions. 0: 1,000, or as many as the budget allows where there is one.
  std::uint64_t schedules = 0;
  std::chrono::nanoseconds budget{0};  ///< At most so much time; 0: no limit.
  SearchStrategy strategy = portfolio();
  std::uint64_t seed = 0;
  /// Explores only this part: of `schedules` executions those whose number is `index` modulo
  /// `count`; of the sweep and the depth-first search, which count nothing, a part of what they
  /// enumerate. No schedule is drawn, or enumerated, by two parts.
  Shard shard = {};
  RunOptions run = {};
  /// Operations on objects that only one task uses, or all only read, are passed over by
  /// strategies. Not so where the sweep or the depth-first search is shared out: what is known of
  /// objects would be another thing in each part.
  bool skips_private_objects = true;
  /// Does not stop at the first failure, and counts them.
  bool goes_on = false;
  /// Looks for orders of locks that can deadlock: `ExploreResult::lock_orders`.
  bool finds_lock_orders = true;
  /// Runs each schedule that fails a second time, and some that pass: the first, the second, the
  /// fourth and so on, and of the rest one in 256 by their steps. Where the body does something
  /// else then, what it does depends on more than its schedule. That is a failure, with a finding
  /// of kind `kDivergence` that names the first operation that was not the same; where that differs
  /// once only, mostly its task and step alone.
  bool runs_again = true;
  /// The schedule of the first failure is made as small as can be.
  ShrinkLimits shrink = {};
  /// Then it is found out which orders of operations it takes.
  ExplainLimits explain = {};
};

/// How many executions those options allow.
std::uint64_t schedules_max(const ExploreOptions& options);

/// An execution that went wrong.
struct Failure {
  std::uint64_t index = 0;  ///< Of the execution, from 0.
  std::string found_by;     ///< The strategy.
  Schedule schedule;        ///< The smallest one known that fails in the same way.
  std::vector<Finding> findings;
  /// nullopt: the schedule is the one that was found.
  std::optional<Shrinking> shrinking;
  std::optional<Explanation> explanation;  ///< Of a schedule that was shrunk.
};

struct ExploreResult {
  std::uint64_t executions = 0;
  /// Interleavings that differ in more than the order of operations whose order cannot matter.
  std::uint64_t distinct = 0;
  std::uint64_t steps = 0;
  std::uint64_t decisions = 0;  ///< Steps at which there was a choice.
  std::uint64_t cut = 0;        ///< Executions that were ended by the limit of operations.
  std::uint64_t failures = 0;   ///< Of executions; 1 at most unless `goes_on`.
  std::uint64_t again = 0;      ///< Schedules that ran again, which no other count knows of.
  std::chrono::nanoseconds elapsed{0};
  /// All schedules that the strategy knows, or those of its shard, were tried.
  bool is_exhausted = false;
  std::uint64_t abandoned = 0;  ///< Tasks that could not be unwound; what they held is lost.
  std::optional<Failure> first_failure;
  /// Of the last execution, or where that was cut of an earlier one that was not.
  Schedule last_schedule;
  /// Orders of taking locks that can deadlock, where no execution did: what each task does may come
  /// from another one. Possible, and no failure.
  std::vector<Finding> lock_orders;

  /// The findings of the first execution that failed; empty when there was none.
  const std::vector<Finding>& findings() const;
};

/// Runs `body` again and again, each time under another schedule, until one fails.
///
/// `body` becomes the body of each execution and what it starts with `go` its tasks, all of them on
/// the calling thread. It must do the same each time, but for the order in which tasks come: what
/// it leaves behind in static variables must not matter. An execution fails that leaves tasks
/// behind, or otherwise shows a finding that is not a note, or that is not the same when its
/// schedule runs again. An exception that leaves `body` is one. That an execution is cut by the
/// limit of operations is no failure.
///
/// Throws: `std::logic_error` in an execution under control; `std::invalid_argument` for a shard
/// that is none. Threads: one exploration at a time in a process.
ExploreResult explore(const std::function<void()>& body, const ExploreOptions& options = {});

/// One execution, and what it showed.
struct RunResult {
  std::vector<Finding> findings;
  Schedule schedule;  ///< What was decided, which is what was asked for unless it diverged.
  std::uint64_t steps = 0;
  /// Where the schedule could not be followed, or the body did something else under it: what is to
  /// be said of that. No finding of the execution.
  std::optional<Finding> divergence;
};

/// Runs `body` once under a schedule, and its rules.
///
/// Threads: as for `explore`.
RunResult run(const std::function<void()>& body, const Schedule& schedule,
              const RunOptions& options = {});

/// Makes a schedule that fails as small as can be, and tells why it fails: what fails under the
/// result fails in the same way, with the same kind of finding at the same places. Of `options`
/// counts what is said of an execution, of shrinking and of explaining.
///
/// Returns: nullopt where the schedule does not fail. One that could not be followed is not shrunk.
/// Threads: as for `explore`.
std::optional<Failure> shrink(const std::function<void()>& body, const Schedule& schedule,
                              const ExploreOptions& options = {});

}  // namespace chantrace
