#include "measure.h"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <utility>

namespace chantrace::bench {
namespace {

/// Tasks that poll are cut early: what a strategy does to them is of no interest.
constexpr std::uint64_t kStepsMax = 2'000;
constexpr std::uint64_t kCapAtQuiescence = 100;
/// An execution with more decisions is not one of a program that can be exhausted.
constexpr double kExhaustibleDecisions = 40;

/// Of `count` values, of which those that are missing are larger than all others.
template <typename Value>
std::optional<double> median(const std::vector<Value>& sorted, std::size_t count) {
  const std::size_t low = (count - 1) / 2;
  const std::size_t high = count / 2;
  if (high >= sorted.size()) return std::nullopt;
  return (static_cast<double>(sorted[low]) + static_cast<double>(sorted[high])) / 2;
}

/// Every search with it is the same.
bool has_no_seed(const SearchStrategy& strategy) {
  return strategy.kind == SearchStrategy::Kind::kSweep ||
         strategy.kind == SearchStrategy::Kind::kDepthFirst;
}

struct Timed {
  ExploreResult result;
  std::chrono::nanoseconds time;
};

/// With the time that it took, without its preparations where those are known.
Timed explore_timed(const std::function<void()>& body, const ExploreOptions& options) {
  const auto start = processor_time();
  ExploreResult result = explore(body, options);
  const auto time = std::min(processor_time() - start, result.elapsed);
  return {std::move(result), time};
}

/// The most decisions of one of 30 executions, behind as many others.
std::uint64_t decisions_max_of(const std::function<void()>& body, ExploreOptions options) {
  constexpr std::uint64_t kCount = 30;
  std::uint64_t most = 0;
  std::uint64_t before = 0;
  for (std::uint64_t count = kCount; count <= 2 * kCount; ++count) {
    options.schedules = count;
    const std::uint64_t sum = explore(body, options).decisions;
    if (count > kCount) most = std::max(most, sum - before);
    before = sum;
  }
  return most;
}

Search search_for(const BugProgram& program, const StepRules& rules, const SearchStrategy& strategy,
                  const Limits& limits) {
  Search search{.strategy = strategy, .cap = limits.cap, .seeds = limits.seeds};
  if (program.is_large && (strategy != portfolio() || rules != StepRules{}))
    search.cap = limits.cap_of_large;
  for (std::uint64_t seed = 0; seed < limits.seeds; ++seed) {
    const auto [result, time] =
        explore_timed([&] { program.faulty(); }, {.schedules = search.cap,
                                                  .strategy = strategy,
                                                  .seed = seed,
                                                  .run = run_options(rules),
                                                  .shrink = {.executions = 0}});
    if (result.first_failure) {
      search.schedules.push_back(result.executions);
      search.microseconds.push_back(std::chrono::duration<double, std::micro>(time).count());
      if (!search.first) search.first = result.first_failure;
    } else if (has_no_seed(strategy)) {
      break;
    }
  }
  std::sort(search.schedules.begin(), search.schedules.end());
  std::sort(search.microseconds.begin(), search.microseconds.end());
  return search;
}

Rate rate_of(const std::function<void()>& body, const StepRules& rules,
             const SearchStrategy& strategy, std::uint64_t schedules) {
  const ExploreOptions options = {.schedules = schedules,
                                  .strategy = strategy,
                                  .seed = 1'000'000,  // Not one of the searches'.
                                  .run = run_options(rules),
                                  .goes_on = true,
                                  .finds_lock_orders = false,
                                  .runs_again = false,
                                  .shrink = {.executions = 0}};
  const auto [result, time] = explore_timed(body, options);
  const auto executions = static_cast<double>(result.executions);
  Rate rate{.strategy = strategy,
            .schedules = result.executions,
            .failures = result.failures,
            .cut = result.cut,
            .steps = static_cast<double>(result.steps) / executions,
            .decisions = static_cast<double>(result.decisions) / executions,
            .decisions_max = decisions_max_of(body, options),
            .per_second = executions / std::chrono::duration<double>(time).count()};
  for (const Segment& segment : result.last_schedule.segments)
    rate.tasks = std::max(rate.tasks, segment.task);
  return rate;
}

Exhaustive exhaust(const BugProgram& program, const StepRules& rules, const Limits& limits) {
  const ExploreResult result =
      explore([&] { program.faulty(); }, {.schedules = limits.exhaustive_max,
                                          .budget = limits.exhaustive_budget,
                                          .strategy = depth_first(),
                                          .run = run_options(rules),
                                          .goes_on = true,
                                          .finds_lock_orders = false,
                                          .runs_again = false,
                                          .shrink = {.executions = 0}});
  Exhaustive exhaustive{.schedules = result.executions, .is_exhausted = result.is_exhausted};
  if (result.first_failure) exhaustive.first = result.first_failure->index + 1;
  return exhaustive;
}

template <typename Entry>
const Entry* find(const std::vector<Entry>& entries, const SearchStrategy& strategy) {
  const auto found = std::find_if(entries.begin(), entries.end(),
                                  [&](const Entry& entry) { return entry.strategy == strategy; });
  return found != entries.end() ? &*found : nullptr;
}

}  // namespace

std::optional<double> Search::schedules_median() const { return median(schedules, seeds); }
std::optional<double> Search::microseconds_median() const { return median(microseconds, seeds); }
std::optional<double> Search::microseconds_high() const {
  const std::size_t rank = (seeds * 19 + 19) / 20 - 1;
  if (rank >= microseconds.size()) return std::nullopt;
  return microseconds[rank];
}

std::chrono::nanoseconds processor_time() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

Interval wilson(std::uint64_t hits, std::uint64_t tries) {
  constexpr double kQuantile = 1.959964;
  const double n = static_cast<double>(tries);
  const double p = static_cast<double>(hits) / n;
  const double z2 = kQuantile * kQuantile;
  const double middle = p + z2 / (2 * n);
  const double half = kQuantile * std::sqrt(p * (1 - p) / n + z2 / (4 * n * n));
  return {std::max(0.0, (middle - half) / (1 + z2 / n)),
          std::min(1.0, (middle + half) / (1 + z2 / n))};
}

const Search* Row::search(const SearchStrategy& strategy) const { return find(searches, strategy); }
const Rate* Row::rate(const SearchStrategy& strategy) const { return find(rates, strategy); }

const std::vector<SearchStrategy>& searched_strategies() {
  static const std::vector<SearchStrategy> all = {random_walk(),
                                                  priorities(3),
                                                  partial_order_sampling(),
                                                  selective_uniform_walk(),
                                                  site_uniform_walk(),
                                                  deviation_sweep(),
                                                  greybox(),
                                                  portfolio()};
  return all;
}

const std::vector<SearchStrategy>& rated_strategies() {
  static const std::vector<SearchStrategy> all = {random_walk(), priorities(3),
                                                  partial_order_sampling()};
  return all;
}

RunOptions run_options(const StepRules& rules) { return {.rules = rules, .steps_max = kStepsMax}; }

Row measure(const BugProgram& program, const StepRules& rules, Limits limits,
            const std::function<void(const std::string&)>& progress) {
  Row row{.program = &program, .rules = rules};
  // Where time passes only at quiescence, tasks that poll until it passes are cut in every
  // execution: one short search, for a failure to replay.
  if (rules.time_mode == TimeMode::kQuiescence) {
    limits.seeds = 1;
    limits.cap = kCapAtQuiescence;
  }
  for (const SearchStrategy& strategy : searched_strategies()) {
    progress(to_string(strategy));
    row.searches.push_back(search_for(program, rules, strategy, limits));
  }
  for (const SearchStrategy& strategy : rated_strategies()) {
    progress("rate under " + to_string(strategy));
    row.rates.push_back(rate_of([&] { program.faulty(); }, rules, strategy, limits.rate_schedules));
  }
  std::vector<SearchStrategy> checked = rated_strategies();
  checked.push_back(portfolio());
  for (const SearchStrategy& strategy : checked) {
    progress("correct twin under " + to_string(strategy));
    row.fixed.push_back(rate_of([&] { program.fixed(); }, rules, strategy, limits.rate_schedules));
  }
  if (rules == StepRules{} && row.rates.front().decisions < kExhaustibleDecisions) {
    progress("depth first");
    row.exhaustive = exhaust(program, rules, limits);
  }
  return row;
}

}  // namespace chantrace::bench
