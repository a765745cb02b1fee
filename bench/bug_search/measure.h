/// \file
/// What the search for a bug costs: schedules and time to the first failure, the rate of failures,
/// and executions a second.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "chantrace/explore.h"
#include "programs.h"

namespace chantrace::bench {

struct Limits {
  std::uint64_t seeds = 20;
  std::uint64_t cap = 10'000;  ///< Schedules of one search.
  std::uint64_t cap_of_large =
      1'000;  ///< The same for large programs, but for the portfolio by default.
  std::uint64_t rate_schedules = 10'000;
  std::uint64_t exhaustive_max = 1'000'000;
  std::chrono::nanoseconds exhaustive_budget = std::chrono::seconds(3);
};

/// Searches of one program with one strategy, each with a seed of its own.
struct Search {
  SearchStrategy strategy;
  std::uint64_t cap = 0;
  std::uint64_t seeds = 0;
  /// Of those that found it, sorted.
  std::vector<std::uint64_t> schedules = {};
  std::vector<double> microseconds = {};
  std::optional<Failure> first = {};  ///< Of the first seed that found it.

  /// nullopt: less than half of the searches found it.
  std::optional<double> schedules_median() const;
  std::optional<double> microseconds_median() const;
  /// Of all but a twentieth; nullopt: not that many found it.
  std::optional<double> microseconds_high() const;
};

/// What the calling thread has had of a processor. Others use the machine too, and time on the wall
/// says more of them.
std::chrono::nanoseconds processor_time();

struct Interval {
  double low = 0;
  double high = 1;
};
/// Where a probability is, with 95 %, of which `hits` of `tries` were seen.
///
/// Source: Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
Interval wilson(std::uint64_t hits, std::uint64_t tries);

/// Schedules that do not stop at a failure.
struct Rate {
  SearchStrategy strategy;
  std::uint64_t schedules = 0;
  std::uint64_t failures = 0;
  std::uint64_t cut = 0;
  double steps = 0;                 ///< Of an execution, on average.
  double decisions = 0;             ///< The same: steps with a choice.
  std::uint64_t decisions_max = 0;  ///< Of 30 executions.
  double per_second = 0;
  std::uint32_t tasks = 0;  ///< Of the last execution, as far as they did anything.

  double p() const { return static_cast<double>(failures) / static_cast<double>(schedules); }
  Interval interval() const { return wilson(failures, schedules); }
};

/// The depth-first search without a bound.
struct Exhaustive {
  std::optional<std::uint64_t> first = {};  ///< Schedules to the first failure.
  std::uint64_t schedules = 0;
  bool is_exhausted = false;
};

/// One program under one set of rules.
struct Row {
  const BugProgram* program = nullptr;
  StepRules rules = {};
  std::vector<Search> searches = {};
  std::vector<Rate> rates = {};
  std::vector<Rate> fixed = {};
  std::optional<Exhaustive> exhaustive = {};

  const Search* search(const SearchStrategy& strategy) const;
  const Rate* rate(const SearchStrategy& strategy) const;
};

/// Which strategies are searched with; all that are named in `SearchStrategy`, but depth first.
const std::vector<SearchStrategy>& searched_strategies();
/// Those whose rate is measured, as others have: the random walk, PCT of depth 3, POS.
const std::vector<SearchStrategy>& rated_strategies();

/// Published figures, and those of the reference, are of searches in which starting a task and
/// giving back a lock are steps as well.
constexpr StepRules every_operation_in(TimeMode mode) {
  return {.time_mode = mode, .spawn_is_step = true, .unlock_is_step = true};
}

/// Executions of one program and set of rules, as they are everywhere in this benchmark.
RunOptions run_options(const StepRules& rules);

/// All that a row says. `progress` is told what is measured next.
Row measure(const BugProgram& program, const StepRules& rules, Limits limits,
            const std::function<void(const std::string&)>& progress);

}  // namespace chantrace::bench
