// Programs with a known bug: how many schedules and how much time each strategy takes to find it,
// and whether all is as it has to be.
#include <fmt/format.h>
#include <fnmatch.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <string>

#include "bug_search/acceptance.h"
#include "bug_search/endurance.h"
#include "bug_search/goals.h"
#include "bug_search/measure.h"
#include "bug_search/page.h"
#include "bug_search/replays.h"
#include "bug_search/shrinking.h"

namespace chantrace::bench {
namespace {

struct Flags {
  Limits limits;
  std::string programs = "*";
  std::string markdown;
  bool is_quick = false;
  std::uint64_t replays = 0;
  std::uint64_t executions = 0;
  bool is_shrinking_alone = false;
};

/// One line on the standard error, overwritten where that is a terminal.
void show_progress(const std::string& text) {
  static const bool is_terminal = isatty(STDERR_FILENO) != 0;
  if (is_terminal) fmt::print(stderr, "\r\x1b[K{}", text);
}

/// As by default, and as others measure; kernels also where time passes only at quiescence.
std::vector<StepRules> rules_of(const BugProgram& program) {
  std::vector<StepRules> all = {{}, every_operation_in(TimeMode::kChoice)};
  if (program.group == Group::kKernel) {
    all.push_back({.time_mode = TimeMode::kQuiescence});
    all.push_back(every_operation_in(TimeMode::kQuiescence));
  }
  return all;
}

std::vector<Row> measure_all(const std::vector<BugProgram>& programs, const Limits& limits) {
  std::vector<Row> rows;
  for (std::size_t i = 0; i < programs.size(); ++i) {
    for (const StepRules& rules : rules_of(programs[i])) {
      const std::string what =
          fmt::format("[{}/{}] {}{}", i + 1, programs.size(), programs[i].name,
                      rules.spawn_is_step ? ", every operation is a step" : "");
      rows.push_back(measure(programs[i], rules, limits,
                             [&](const std::string& step) { show_progress(what + ": " + step); }));
    }
    fmt::print(stderr, "{}[{}/{}] {}\n", isatty(STDERR_FILENO) != 0 ? "\r\x1b[K" : "", i + 1,
               programs.size(), programs[i].name);
  }
  return rows;
}

/// Returns: whether all hold.
bool print(const std::vector<Rule>& rules) {
  bool all_hold = true;
  for (const Rule& rule : rules) {
    fmt::print("{} {}: {}\n", rule.holds ? "PASS" : "FAIL", rule.name, rule.figures);
    for (const std::string& one : rule.explained) fmt::print("     explained: {}\n", one);
    all_hold &= rule.holds;
  }
  return all_hold;
}

/// Returns: whether all rules hold.
bool measure_and_judge(const std::vector<BugProgram>& programs, const Flags& flags) {
  const std::vector<Row> rows = measure_all(programs, flags.limits);
  std::vector<Rule> rules = judge(rows);
  rules.push_back(judge_replays(rows));
  for (Rule& rule : judge_shrinking(programs, flags.limits.seeds)) rules.push_back(std::move(rule));
  for (Rule& rule : judge_costs(flags.limits.seeds)) rules.push_back(std::move(rule));
  const bool all_hold = print(rules);
  const std::string page = to_markdown(rows, rules, flags.limits);
  if (flags.markdown.empty())
    fmt::print("\n{}", page);
  else if (!(std::ofstream(flags.markdown) << page))
    throw std::runtime_error("cannot write " + flags.markdown);
  return all_hold;
}

std::vector<BugProgram> chosen_programs(const std::string& pattern) {
  std::vector<BugProgram> programs = bug_programs();
  std::erase_if(programs, [&](const BugProgram& program) {
    return fnmatch(pattern.c_str(), program.name.c_str(), 0) != 0;
  });
  return programs;
}

void describe(CLI::App& app, Flags& flags) {
  app.description(
      "Explores small programs with a known bug under each strategy: schedules and time\n"
      "to the first bug, the rate of schedules that show it, and the correct twins. Then\n"
      "says of each rule that the figures have to follow whether it holds.");
  app.add_option("--seeds", flags.limits.seeds, "Searches of each program with each strategy")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--cap", flags.limits.cap, "Schedules after which a search has found nothing")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--programs", flags.programs, "Only those whose name matches, as 'reorder_*'")
      ->capture_default_str();
  app.add_option("--markdown", flags.markdown, "Writes the page to this file, not to the output");
  app.add_flag("--quick", flags.is_quick, "3 seeds and a tenth of the schedules: for a first look");
  app.add_option("--replays", flags.replays,
                 "Instead: replays so many schedules, and compares their events byte for byte");
  app.add_option("--executions", flags.executions,
                 "Instead: so many executions in this process, which must not grow");
  app.add_flag("--shrinking", flags.is_shrinking_alone,
               "Instead: only how small failing schedules become");
  app.footer(
      "\nExamples:\n"
      "  bench_bugs --programs 'reorder_*' --quick     a look at some programs, in seconds\n"
      "  bench_bugs --markdown docs/bugs.md            everything, which takes some minutes\n"
      "  bench_bugs --replays 3000\n"
      "  bench_bugs --executions 1000000\n"
      "\nStatus: 0: all rules hold; 1: one does not; above 1: it was called in a wrong way.\n"
      "Times are of use only from an optimized build: cmake --preset release.");
}

void make_quick(Limits& limits) {
  limits.seeds = 3;
  limits.cap = 1'000;
  limits.cap_of_large = 200;
  limits.rate_schedules = 1'000;
  limits.exhaustive_max = 100'000;
}

bool run_all(Flags flags) {
  if (flags.is_quick) make_quick(flags.limits);
  const std::vector<BugProgram> programs = chosen_programs(flags.programs);
  if (programs.empty()) throw std::runtime_error("no program is called " + flags.programs);
  if (flags.replays > 0) return replay_many(programs, flags.replays);
  if (flags.executions > 0) return endure(programs, flags.executions);
  if (flags.is_shrinking_alone) return print(judge_shrinking(programs, flags.limits.seeds));
  return measure_and_judge(programs, flags);
}

}  // namespace
}  // namespace chantrace::bench

int main(int argc, char** argv) {
  using namespace chantrace::bench;
  CLI::App app;
  Flags flags;
  describe(app, flags);
  CLI11_PARSE(app, argc, argv);
  try {
    return run_all(flags) ? 0 : 1;
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench_bugs: {}\n", error.what());
    return 2;
  }
}
