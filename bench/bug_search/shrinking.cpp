#include "shrinking.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <string>

#include "measure.h"

namespace chantrace::bench {
namespace {

/// Of one program, those failures whose least number of preemptions is known, and not 0.
struct Shrunk {
  std::vector<double> executions;
  std::vector<double> milliseconds;
  std::uint64_t to_least = 0;
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

ExploreOptions options_for(std::uint64_t seed) {
  ExploreOptions options{.schedules = 20'000, .strategy = random_walk(), .seed = seed};
  options.budget = std::chrono::seconds(2);
  options.explain.schedules = 0;
  return options;
}

/// By the random walk, or where that finds none by the portfolio.
std::optional<Failure> find_failure(const BugProgram& program, std::uint64_t seed) {
  ExploreOptions options = options_for(seed);
  options.shrink.executions = 0;
  const auto body = [&] { program.faulty(); };
  auto failure = explore(body, options).first_failure;
  if (failure) return failure;
  options.strategy = portfolio();
  return explore(body, options).first_failure;
}

std::string kind_of(const Failure& failure) {
  for (const Finding& finding : failure.findings)
    if (finding.certainty != Certainty::kNote) return fingerprint(finding);
  return {};
}

/// nullopt: more executions would be needed to say.
std::optional<std::uint64_t> least_preemptions(const BugProgram& program, const Failure& failure) {
  constexpr std::uint64_t kExecutions = 1'000'000;
  ExploreOptions options = options_for(0);
  options.shrink = {2 * kExecutions, std::chrono::seconds(20), kExecutions};
  const auto smallest = shrink([&] { program.faulty(); }, failure.schedule, options);
  if (!smallest || !smallest->shrinking || !smallest->shrinking->is_least) return std::nullopt;
  return smallest->shrinking->after.preemptions;
}

Shrunk shrink_all(const BugProgram& program, std::uint64_t failures) {
  Shrunk shrunk;
  // What is least may differ from one way of failing to another.
  std::map<std::string, std::optional<std::uint64_t>> least;
  for (std::uint64_t seed = 0; seed < failures; ++seed) {
    const std::optional<Failure> failure = find_failure(program, seed);
    if (!failure) continue;
    const auto smaller = shrink([&] { program.faulty(); }, failure->schedule, options_for(seed));
    const bool is_shrunk = smaller && smaller->shrinking;
    const std::string kind = kind_of(*failure);
    if (!least.contains(kind))
      least[kind] = least_preemptions(program, is_shrunk ? *smaller : *failure);
    if (least[kind].value_or(0) == 0) continue;
    // One that cannot be shrunk is not at its least.
    const Shrinking shrinking = is_shrunk ? *smaller->shrinking : Shrinking{};
    shrunk.executions.push_back(static_cast<double>(shrinking.executions));
    shrunk.milliseconds.push_back(
        std::chrono::duration<double, std::milli>(shrinking.elapsed).count());
    shrunk.to_least += is_shrunk && shrinking.after.preemptions <= *least[kind] ? 1 : 0;
  }
  return shrunk;
}

/// Looks for the largest median.
class Largest {
 public:
  void add(const std::string& name, const std::vector<double>& values) {
    const double one = median(values);
    if (!name_.empty() && one <= value_) return;
    value_ = one;
    name_ = name;
  }
  double value() const { return value_; }
  const std::string& name() const { return name_; }

 private:
  double value_ = 0;
  std::string name_;
};

}  // namespace

std::vector<Rule> judge_shrinking(const std::vector<BugProgram>& programs, std::uint64_t failures) {
  constexpr double kShare = 0.95;
  constexpr double kExecutionsMax = 200;
  constexpr double kMillisecondsMax = 20;
  std::uint64_t to_least = 0;
  std::uint64_t looked_at = 0;
  std::vector<double> executions;
  std::vector<double> milliseconds;
  Largest most;
  Largest longest;
  std::uint64_t programs_count = 0;
  for (const BugProgram& program : programs) {
    const Shrunk shrunk = shrink_all(program, failures);
    if (shrunk.executions.empty()) continue;
    ++programs_count;
    to_least += shrunk.to_least;
    looked_at += shrunk.executions.size();
    executions.insert(executions.end(), shrunk.executions.begin(), shrunk.executions.end());
    milliseconds.insert(milliseconds.end(), shrunk.milliseconds.begin(), shrunk.milliseconds.end());
    most.add(program.name, shrunk.executions);
    longest.add(program.name, shrunk.milliseconds);
  }
  if (looked_at == 0) return {};
  return {
      {.name =
           "shrinking comes to the least number of preemptions in 95 % of failures that need one",
       .holds = static_cast<double>(to_least) >= kShare * static_cast<double>(looked_at),
       .figures = fmt::format("{} of {}, of {} programs", to_least, looked_at, programs_count)},
      {.name = "shrinking takes at most 200 executions, median of each program",
       .holds = most.value() <= kExecutionsMax,
       .figures = fmt::format("the most is {:.0f}, of {}; of all {:.0f}", most.value(), most.name(),
                              median(executions))},
      {.name = "shrinking takes at most 20 ms, median of each program",
       .holds = longest.value() <= kMillisecondsMax,
       .figures = fmt::format("the longest is {:.2f} ms, of {}; of all {:.2f} ms", longest.value(),
                              longest.name(), median(milliseconds))}};
}

}  // namespace chantrace::bench
