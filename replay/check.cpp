#include "check.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <filesystem>
#include <memory>
#include <system_error>

#include "input.h"
#include "report.h"

namespace chantrace::replay {
namespace {

struct CheckOptions {
  std::vector<std::string> inputs;
  std::string format = "text";
  PolicyChoice policy;
  std::size_t findings_max = 10;
  bool is_quiet = false;
  Appearance appearance;
};

CheckReport check(const CheckOptions& options, const Policy& policy, const Context& context) {
  Inputs inputs = find_traces(options.inputs);
  CheckReport report;
  report.errors = std::move(inputs.errors);
  std::error_code error;
  report.base_directory = std::filesystem::current_path(error);
  for (const std::filesystem::path& path : inputs.traces) {
    auto trace = load_trace(path);
    if (!trace.has_value()) {
      report.errors.push_back(trace.error());
      continue;
    }
    // The other forms have an escape of their own for what a terminal must not see.
    if (options.format == "text") make_printable(trace.value(), options.appearance.charset());
    report.verdicts.push_back(judge(trace.value(), path, policy));
  }
  for (const TraceError& unreadable : report.errors) context.complain(in_words(unreadable));
  return report;
}

std::string to_format(const CheckReport& report, const CheckOptions& options, const Output& out) {
  if (options.format == "json") return to_json(report);
  if (options.format == "sarif") return to_sarif(report);
  if (options.format == "github") return to_github(report);
  return to_text(report, {.palette = options.appearance.palette(out),
                          .is_quiet = options.is_quiet,
                          .width = is_terminal(out.stream()) ? terminal_width(out.stream()) : 0,
                          .findings_max = options.findings_max == 0 ? std::string::npos
                                                                    : options.findings_max});
}

ExitCode run_check(const CheckOptions& options, Context& context) {
  const auto policy = parse_policy(options.policy.fail_on, options.policy.allow);
  if (!policy.has_value()) {
    context.complain(printable(policy.error()));
    return ExitCode::kUsage;
  }
  const CheckReport report = check(options, policy.value(), context);
  context.out.write(to_format(report, options, context.out));

  if (!report.errors.empty()) return ExitCode::kUnreadable;
  for (const Verdict& verdict : report.verdicts) {
    if (verdict.is_failing) return ExitCode::kFindings;
  }
  return ExitCode::kClean;
}

}  // namespace

void add_check(CLI::App& app, Context& context) {
  CLI::App& command = *app.add_subcommand(
      "check",
      "says of each trace whether anything is blocked or leaked\n\n"
      "A line for each trace: FAIL and the reason, or ok and what it holds; below FAIL who is "
      "stuck, where, and why nothing can help. Ends with status 1 when a trace fails, and with 3 "
      "when one could not be read; the others are checked all the same. A folder without traces "
      "is clean: by default only tests that fail leave one.");
  const auto options = std::make_shared<CheckOptions>();
  add_inputs(command, options->inputs);
  command.add_option("--format", options->format, "What to print")
      ->type_name("FORMAT")
      ->check(one_of({"text", "json", "sarif", "github"}))
      ->capture_default_str();
  add_policy_choice(command, options->policy);
  command
      .add_option("--findings", options->findings_max,
                  "How many findings of a trace to print; 0: all")
      ->check(whole_number())
      ->type_name("N")
      ->capture_default_str();
  command.add_flag("-q,--quiet", options->is_quiet,
                   "Print a line for each trace that fails, and nothing else (default: off)");
  add_appearance(command, options->appearance);
  set_examples(command, {{"All traces in a folder and below:", "chantrace check traces"},
                         {"Potential deadlocks are errors too:",
                          "chantrace check traces --fail-on default,lock_order"},
                         {"A background task that is meant to outlive its test:",
                          "chantrace check traces --allow 'metrics-*' --allow 'logger.cpp:*'"},
                         {"Annotate a pull request:", "chantrace check traces --format github"}});
  command.callback([options, &context] { context.exit_code = run_check(*options, context); });
}

}  // namespace chantrace::replay
