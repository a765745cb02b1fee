#include "page.h"

#include <fmt/format.h>

#include <functional>
#include <optional>
#include <string_view>

namespace chantrace::bench {
namespace {

using Column = std::function<std::string(const Row&)>;

struct Table {
  std::vector<std::pair<std::string, Column>> columns;

  void add(std::string heading, Column column) {
    columns.emplace_back(std::move(heading), std::move(column));
  }
  std::string draw(const std::vector<const Row*>& rows) const {
    std::string heading = "|";
    std::string line = "|";
    for (const auto& [name, column] : columns) {
      heading += fmt::format(" {} |", name);
      line += "---|";
    }
    std::string text = heading + "\n" + line + "\n";
    for (const Row* const row : rows) {
      text += "|";
      for (const auto& [name, column] : columns) text += fmt::format(" {} |", column(*row));
      text += "\n";
    }
    return text;
  }
};

/// With as many digits as say something.
std::string to_text(double value) {
  if (value >= 100 || value == static_cast<double>(static_cast<std::uint64_t>(value)))
    return fmt::format("{:.0f}", value);
  return fmt::format("{:.1f}", value);
}

std::string to_time(double microseconds) {
  if (microseconds < 1'000) return fmt::format("{:.0f} us", microseconds);
  return fmt::format("{} ms", to_text(microseconds / 1'000));
}

std::string to_text(const Search& search) {
  const auto schedules = search.schedules_median();
  std::string text =
      schedules ? fmt::format("{}, {}", to_text(*schedules), to_time(*search.microseconds_median()))
                : fmt::format("> {}", search.cap);
  if (search.schedules.size() < search.seeds)
    text += fmt::format(" ({}/{})", search.schedules.size(), search.seeds);
  return text;
}

std::string to_text(const Rate& rate) {
  const Interval interval = rate.interval();
  return fmt::format("{:.4f} [{:.4f}, {:.4f}]", rate.p(), interval.low, interval.high);
}

std::string to_text(const std::optional<Exhaustive>& exhaustive) {
  if (!exhaustive) return "-";
  return fmt::format("{} / {}", exhaustive->first ? fmt::format("{}", *exhaustive->first) : "-",
                     exhaustive->is_exhausted ? fmt::format("{}", exhaustive->schedules) : "-");
}

std::string program_name(const Row& row) { return row.program->name; }

std::string twins(const Row& row) {
  std::uint64_t failures = 0;
  std::uint64_t cut = 0;
  for (const Rate& rate : row.fixed) {
    failures += rate.failures;
    cut += rate.cut;
  }
  return cut == 0 ? fmt::format("{}", failures) : fmt::format("{} (cut: {})", failures, cut);
}

std::string reference(const Row& row) {
  const auto& rates = row.program->reference_in(row.rules.time_mode);
  if (!rates) return "-";
  return fmt::format("{:.4f} / {:.4f} / {:.4f}", rates->random, rates->priorities, rates->sampling);
}

std::string cut(const Row& row) {
  std::uint64_t sum = 0;
  for (const Rate& rate : row.rates) sum += rate.cut;
  return fmt::format("{}", sum);
}

Table searches_table(bool has_exhaustive) {
  Table table;
  table.add("program", program_name);
  for (const SearchStrategy& strategy : searched_strategies())
    table.add(to_string(strategy), [=](const Row& row) { return to_text(*row.search(strategy)); });
  if (has_exhaustive)
    table.add("dfs: first / all", [](const Row& row) { return to_text(row.exhaustive); });
  return table;
}

Table rates_table() {
  Table table;
  table.add("program", program_name);
  table.add("steps", [](const Row& row) { return to_text(row.rates.front().steps); });
  table.add("choices", [](const Row& row) { return to_text(row.rates.front().decisions); });
  for (const SearchStrategy& strategy : rated_strategies())
    table.add("p " + to_string(strategy),
              [=](const Row& row) { return to_text(*row.rate(strategy)); });
  table.add("reference p random / pct:3 / pos", reference);
  table.add("thousand schedules a second random / pct:3 / pos", [](const Row& row) {
    std::string text;
    for (const Rate& rate : row.rates)
      text += fmt::format("{}{:.0f}", text.empty() ? "" : " / ", rate.per_second / 1'000);
    return text;
  });
  table.add("cut", cut);
  table.add("findings in the correct twin", twins);
  return table;
}

std::string section(std::string_view heading, const std::vector<Row>& rows, const StepRules& rules,
                    bool only_kernels, bool has_searches) {
  std::vector<const Row*> chosen;
  for (const Row& row : rows)
    if (row.rules == rules && (!only_kernels || row.program->group == Group::kKernel))
      chosen.push_back(&row);
  if (chosen.empty()) return {};
  std::string text = fmt::format("\n## {}\n\n", heading);
  if (has_searches) text += searches_table(!rules.spawn_is_step).draw(chosen) + "\n";
  return text + rates_table().draw(chosen);
}

constexpr std::string_view kHead = R"(# Bugs found, and what it took

Written by `bench_bugs`; nothing here was typed. To write it again:

```
cmake --preset release && cmake --build --preset release --target bench_bugs
build/release/bench/bench_bugs --markdown docs/bugs.md
```

Small programs with a known bug are explored: the 16 of the public benchmark SCTBench and larger ones
of two of them, ten lock-free ones, and 24 kernels of published bugs of Go programs. All are in
`tests/bugs`, each beside its correct twin.

- *Searches*: schedules to the first bug and the time they took, the medians of {seeds} searches with a seed
  each and at most {cap} schedules ({cap_of_large} for programs with 50 tasks and more, but for the portfolio as it is by default).
  "> {cap}": less than half of them found it; then, or where one did not, how many did stands behind.
  The sweep has no seed, so its searches are all the same.
- *Depth first*: schedules to the first bug, and until all were tried where that is within {exhaustive}
  and {exhaustive_seconds} seconds.
- *Rates*: how many of {rate} schedules show the bug, with the 95 % interval of Wilson, beside those of an
  independent reference simulator in which the start of a task and its wake-up are decisions too. PCT learns its
  `k`, the number of choices, from the executions before.
- An execution is cut after 2,000 operations, which is not a finding. *Correct twin*: findings in {rate}
  schedules under each of random, pct:3, pos and the portfolio.
- Times are medians of the processor's time, on a machine that others used meanwhile: good for a factor of two.
)";

}  // namespace

std::string to_markdown(const std::vector<Row>& rows, const std::vector<Rule>& rules,
                        const Limits& limits) {
  using std::chrono::duration_cast;
  std::string text = fmt::format(
      kHead, fmt::arg("seeds", limits.seeds), fmt::arg("cap", limits.cap),
      fmt::arg("cap_of_large", limits.cap_of_large), fmt::arg("exhaustive", limits.exhaustive_max),
      fmt::arg("exhaustive_seconds",
               duration_cast<std::chrono::seconds>(limits.exhaustive_budget).count()),
      fmt::arg("rate", limits.rate_schedules));
  text += "\n## What has to hold\n\n| rule | | figures |\n|---|---|---|\n";
  for (const Rule& rule : rules) {
    text +=
        fmt::format("| {} | {} | {} |\n", rule.name, rule.holds ? "PASS" : "FAIL", rule.figures);
    for (const std::string& one : rule.explained)
      text += fmt::format("| | explained | {} |\n", one);
  }
  const auto choice = TimeMode::kChoice;
  const auto quiescence = TimeMode::kQuiescence;
  text += section("As it is by default: starting a task and giving back a lock are no steps", rows,
                  {choice}, false, true);
  text += section("Every operation is a step, as in published figures", rows,
                  every_operation_in(choice), false, true);
  text +=
      section("Kernels, time passes only when nothing else can", rows, {quiescence}, true, false);
  text += section("Kernels, time passes only when nothing else can, and every operation is a step",
                  rows, every_operation_in(quiescence), true, false);
  return text;
}

}  // namespace chantrace::bench
