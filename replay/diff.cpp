#include "diff.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "diff_report.h"
#include "input.h"
#include "renumbering.h"
#include "verdict.h"

namespace chantrace::replay {
namespace {

struct DiffCommand {
  std::string left;
  std::string right;
  std::string format = "text";
  std::size_t width = 0;
  std::size_t rows_max = 5;
  Appearance appearance;
};

std::string verdict_in_words(const Trace& trace, const std::vector<Finding>& findings) {
  std::vector<Finding> faults;
  std::copy_if(findings.begin(), findings.end(), std::back_inserter(faults),
               [](const Finding& finding) { return finding.certainty != Certainty::kNote; });
  std::string words = !trace.end          ? "incomplete: its process was killed or crashed"
                      : trace.end->passed ? "passed"
                                          : "failed";
  if (!faults.empty()) words += "; " + summarize(faults);
  return words;
}

ExitCode run_diff(const DiffCommand& command, Context& context) {
  auto left = load_trace(command.left);
  auto right = load_trace(command.right);
  for (const auto* const read : {&left, &right})
    if (!read->has_value()) context.complain(in_words(read->error()));
  if (!left.has_value() || !right.has_value()) return ExitCode::kUnreadable;
  // JSON has an escape of its own for what a terminal must not see.
  if (command.format == "text") {
    make_printable(left.value(), command.appearance.charset());
    make_printable(right.value(), command.appearance.charset());
  }
  // While each has its own numbers, which findings hold.
  const std::vector<Finding> left_findings = findings_of(left.value());
  const std::vector<Finding> right_findings = findings_of(right.value());
  renumber_like(left.value(), right.value());

  const Comparison comparison{left.value(), right.value(), left_findings, right_findings};
  const DiffReport report{
      .comparison = comparison,
      .left = {command.left, verdict_in_words(left.value(), left_findings)},
      .right = {command.right, verdict_in_words(right.value(), right_findings)}};
  const DiffOptions options{
      .drawing = {.width =
                      command.width == 0 ? terminal_width(context.out.stream()) : command.width,
                  .palette = command.appearance.palette(context.out),
                  .charset = command.appearance.charset()},
      .rows_max = command.rows_max};
  context.out.write(command.format == "json" ? to_json(report, options.rows_max)
                                             : to_text(report, options));
  return comparison.is_same() ? ExitCode::kClean : ExitCode::kFindings;
}

}  // namespace

void add_diff(CLI::App& app, Context& context) {
  CLI::App& command = *app.add_subcommand(
      "diff",
      "shows where two traces of a test part, and what follows from it\n\n"
      "Take one that passed and one that failed. Tasks are told apart by who started them, under "
      "which name and as the how many-th, not by their numbers, and objects by their names and who "
      "uses them. Shown are the first step at which the two go different ways, with those before "
      "it and behind it; for each task the first operation that was another one, or gave it "
      "something else; and what ended otherwise. Which of two steps came first matters only where "
      "they are of one task or on one object. Ends with status 1 where anything but times "
      "differs, and with 0 where nothing does.");
  const auto options = std::make_shared<DiffCommand>();
  command.add_option("A", options->left, "One trace")->required()->type_name("A");
  command.add_option("B", options->right, "The other")->required()->type_name("B");
  command.add_option("--format", options->format, "What to print")
      ->type_name("FORMAT")
      ->check(one_of({"text", "json"}))
      ->capture_default_str();
  command
      .add_option("--rows", options->rows_max,
                  "How many steps, tasks and findings of each part to show; 0: all")
      ->check(whole_number())
      ->type_name("N")
      ->capture_default_str();
  command
      .add_option("--width", options->width,
                  "Columns of the screen, at least 20 (default: the terminal's, or 100)")
      ->type_name("N")
      ->check(CLI::Range(std::size_t{20}, std::size_t{10'000}));
  add_appearance(command, options->appearance);
  set_examples(command,
               {{"Why does it fail here and not there?",
                 "chantrace diff passed/Pool.ShutsDown.chantrace failed/Pool.ShutsDown.chantrace"},
                {"Are two runs the same?",
                 "chantrace diff a.chantrace b.chantrace > /dev/null && echo same"}});
  command.callback([options, &context] { context.exit_code = run_diff(*options, context); });
}

}  // namespace chantrace::replay
