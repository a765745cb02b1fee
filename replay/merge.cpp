#include "merge.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>
#include <system_error>

#include "input.h"
#include "merge_report.h"
#include "progress.h"

namespace chantrace::replay {
namespace {

struct MergeOptions {
  std::vector<std::string> inputs;
  std::string format = "text";
  PolicyChoice policy;
  std::string folder;
  std::size_t findings_max = 20;
  Appearance appearance;
};

/// Examples that were kept before are no new ones, unless they are asked for.
void leave_out(const std::string& folder, std::vector<std::filesystem::path>& traces) {
  std::error_code error;
  const std::filesystem::path kept = std::filesystem::weakly_canonical(folder, error);
  if (error) return;
  std::erase_if(traces, [&](const std::filesystem::path& trace) {
    return std::filesystem::weakly_canonical(trace, error).parent_path() == kept;
  });
}

MergeReport merge(const MergeOptions& options, const Policy& policy) {
  Inputs inputs = find_traces(options.inputs);
  const bool is_asked_for = std::find(options.inputs.begin(), options.inputs.end(),
                                      options.folder) != options.inputs.end();
  if (!options.folder.empty() && !is_asked_for) leave_out(options.folder, inputs.traces);
  MergeReport report;
  report.gathering.errors = inputs.errors;
  std::error_code error;
  report.base_directory = std::filesystem::current_path(error);
  ProgressLine progress{fmt::format("{} traces", inputs.traces.size())};
  for (std::size_t index = 0; index < inputs.traces.size(); ++index) {
    progress.update(index, inputs.traces.size());
    auto trace = load_trace(inputs.traces[index]);
    if (!trace.has_value())
      report.gathering.errors.push_back(trace.error());
    else
      gather(trace.value(), inputs.traces[index], policy, report.gathering);
  }
  if (!options.folder.empty())
    report.kept_count = keep_examples(report.gathering, options.folder, policy);
  return report;
}

ExitCode run_merge(const MergeOptions& options, Context& context) {
  const auto policy = parse_policy(options.policy.fail_on, options.policy.allow);
  if (!policy.has_value()) {
    context.complain(printable(policy.error()));
    return ExitCode::kUsage;
  }
  const MergeReport report = merge(options, policy.value());
  for (const TraceError& error : report.gathering.errors) context.complain(in_words(error));
  const Drawing drawing{.width = terminal_width(context.out.stream()),
                        .palette = options.appearance.palette(context.out),
                        .charset = options.appearance.charset()};
  context.out.write(options.format == "json"    ? to_json(report)
                    : options.format == "sarif" ? to_sarif(report)
                                                : to_text(report, drawing, options.findings_max));
  if (!report.gathering.errors.empty()) return ExitCode::kUnreadable;
  return report.gathering.failed_count > 0 ? ExitCode::kFindings : ExitCode::kClean;
}

}  // namespace

void add_merge(CLI::App& app, Context& context) {
  CLI::App& command = *app.add_subcommand(
      "merge",
      "brings the findings of many traces together, each once\n\n"
      "For the traces of all shards and machines: two findings are one where they are of the same "
      "kind and those that it is about wait, or stand, at the same places, whichever test, folder "
      "or machine showed it. Of each it says how many traces show it, of which tests, and which of "
      "them is the smallest: one with a schedule rather than one without, then the one with the "
      "fewest turns of tasks, then with the fewest events. Ends as check does: with status 1 when "
      "a finding fails, and with 3 when a trace could not be read; the others are merged all the "
      "same.");
  const auto options = std::make_shared<MergeOptions>();
  add_inputs(command, options->inputs);
  command.add_option("--format", options->format, "What to print")
      ->type_name("FORMAT")
      ->check(one_of({"text", "json", "sarif"}))
      ->capture_default_str();
  command
      .add_option("-o,--output", options->folder,
                  "Keep the smallest trace of each finding in this folder, which is made; one that "
                  "is there already stays unless it is larger (default: nowhere)")
      ->type_name("FOLDER");
  add_policy_choice(command, options->policy);
  command.add_option("--findings", options->findings_max, "How many findings to print; 0: all")
      ->check(whole_number())
      ->type_name("N")
      ->capture_default_str();
  add_appearance(command, options->appearance);
  set_examples(
      command,
      {{"What did the shards of this night find?", "chantrace merge night/shard-*"},
       {"One small trace of each, to look at and to keep:", "chantrace merge night -o found"},
       {"For code scanning:", "chantrace merge night --format sarif > chantrace.sarif"}});
  command.callback([options, &context] { context.exit_code = run_merge(*options, context); });
}

}  // namespace chantrace::replay
