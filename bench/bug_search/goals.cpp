#include "goals.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "chantrace/chantrace.h"
#include "chantrace/detail/event_log.h"
#include "chantrace/detail/explore_body.h"
#include "explore/controlled_run.h"
#include "explore/portfolio.h"
#include "explore/random.h"
#include "explore/random_walk.h"
#include "explore/strategies.h"
#include "runtime/controlled_executor.h"
#include "runtime/reads_from.h"

namespace chantrace::bench {
namespace {

constexpr std::uint64_t kExecutions = 20'000;
constexpr int kRounds = 9;

/// 50 operations of two tasks on one variable.
void fifty_steps() {
  Atomic<int> sum(0, "sum");
  Task tasks[2];
  for (Task& task : tasks)
    task = go([&] {
      for (int i = 0; i < 25; ++i) sum.fetch_add(1);
    });
  for (Task& task : tasks) task.join();
}

/// The random walk, with the feedback that greybox search has.
class WalkWithFeedback final : public detail::Strategy {
 public:
  void begin(std::uint64_t seed) override { walk_.begin(seed); }
  std::size_t pick(std::span<const detail::Runnable> runnable, std::size_t current) override {
    return walk_.pick(runnable, current);
  }
  std::uint32_t choose(std::uint32_t count) override { return walk_.choose(count); }
  bool end(bool) override {
    pairs_.take_news();
    return true;
  }
  bool looks_ahead() const override { return walk_.looks_ahead(); }
  std::string_view name() const override { return walk_.name(); }
  detail::ReadsFromPairs* pairs() override { return &pairs_; }

 private:
  detail::RandomWalk walk_;
  detail::ReadsFromPairs pairs_;
};

double nanoseconds(const std::function<void()>& work) {
  const auto start = processor_time();
  work();
  return static_cast<double>((processor_time() - start).count());
}

/// So many executions of `fifty_steps`. `on_begin` is called behind the beginning of each.
template <typename OnBegin>
double time_under(detail::Strategy& strategy, std::uint64_t executions, OnBegin&& on_begin) {
  detail::ControlledRuns runs({.for_races = true, .for_lock_orders = true});
  detail::EventLog log;
  runs.executor().families().clear();
  const detail::ControlOptions control = detail::control_options({});
  return nanoseconds([&] {
    for (std::uint64_t i = 0; i < executions; ++i) {
      strategy.begin(detail::seed_of(1, i));
      on_begin();
      runs.run(fifty_steps, strategy, control, &log);
      strategy.end(true);
    }
  });
}

double time_under(detail::Strategy& strategy, std::uint64_t executions) {
  return time_under(strategy, executions, [] {});
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

Rule judge_feedback() {
  std::vector<double> ratios;
  for (int round = 0; round < kRounds; ++round) {
    detail::RandomWalk plain;
    WalkWithFeedback with;
    const double without_ns = time_under(plain, kExecutions);
    ratios.push_back(time_under(with, kExecutions) / without_ns);
  }
  const double ratio = median(ratios);
  return {.name = "goal: feedback costs at most 20 % of a random walk",
          .holds = ratio <= 1.2,
          .figures = fmt::format("{:.1f} %", (ratio - 1) * 100)};
}

Rule judge_portfolio() {
  // The same executions by the parts alone.
  std::vector<double> ratios;
  for (int round = 0; round < kRounds; ++round) {
    std::map<std::string, std::uint64_t> shares;
    detail::Portfolio portfolio(kExecutions, {});
    const double together_ns =
        time_under(portfolio, kExecutions, [&] { ++shares[std::string(portfolio.name())]; });
    double alone_ns = 0;
    for (const auto& [name, executions] : shares) {
      const auto part = detail::make_strategy(*parse_search_strategy(name), kExecutions, {});
      std::map<std::string, std::uint64_t> counted;
      alone_ns += time_under(*part, executions, [&] { ++counted[std::string(part->name())]; });
    }
    ratios.push_back(together_ns / alone_ns);
  }
  const double ratio = median(ratios);
  return {.name = "goal: the portfolio's own cost is at most 3 %",
          .holds = ratio <= 1.03,
          .figures = fmt::format("{:.1f} % more than its parts alone", (ratio - 1) * 100)};
}

Rule judge_speed() {
  std::vector<double> ns;
  for (int round = 0; round < kRounds; ++round) {
    detail::RandomWalk walk;
    ns.push_back(time_under(walk, kExecutions) / static_cast<double>(kExecutions));
  }
  const double per_second = 1e9 / median(ns);
  return {.name = "goal: a million executions of 50 steps a second, under the random walk",
          .holds = per_second >= 1e6,
          .figures = fmt::format("{:.2f} million", per_second / 1e6)};
}

/// `reorder_100`, with six operations on a variable of its own before each that a task makes.
void reorder_with_private_reads() {
  Atomic<int> a(0, "a");
  Atomic<int> b(0, "b");
  const auto read_own = [](const Atomic<int>& own) {
    for (int i = 0; i < 6; ++i) own.load();
  };
  std::vector<Task> tasks;
  for (int i = 0; i < 99; ++i)
    tasks.push_back(go("setter", [&] {
      const Atomic<int> own(0, "own");
      read_own(own);
      a.store(1);
      read_own(own);
      b.store(-1);
    }));
  tasks.push_back(go("checker", [&] {
    const Atomic<int> own(0, "own");
    const auto load = [&](const Atomic<int>& variable) {
      read_own(own);
      return variable.load();
    };
    const bool is_whole = (load(a) == 0 && load(b) == 0) || (load(a) == 1 && load(b) == -1);
    bugs::ensure(is_whole, "both or neither");
  }));
  for (Task& task : tasks) task.join();
}

Rule judge_private_reads(std::uint64_t seeds) {
  std::vector<double> microseconds;
  std::vector<double> schedules;
  bool are_found = true;
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    ExploreResult result;
    microseconds.push_back(nanoseconds([&] {
                             result = explore(
                                 reorder_with_private_reads,
                                 {.schedules = 10'000, .seed = seed, .shrink = {.executions = 0}});
                           }) /
                           1'000);
    are_found &= result.first_failure.has_value();
    schedules.push_back(static_cast<double>(result.executions));
  }
  return {
      .name = "goal: reorder_100 with 6 private reads before each operation within 5 ms",
      .holds = are_found && median(microseconds) <= 5'000,
      .figures = fmt::format("{:.0f} us, {} schedules", median(microseconds), median(schedules))};
}

}  // namespace

std::vector<Rule> judge_costs(std::uint64_t seeds) {
  return {judge_feedback(), judge_portfolio(), judge_speed(), judge_private_reads(seeds)};
}

}  // namespace chantrace::bench
