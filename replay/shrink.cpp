#include "shrink.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "chantrace/explanation.h"
#include "input.h"
#include "model/quantity.h"
#include "rerun.h"

namespace chantrace::replay {

using view::counted;
namespace {

struct ShrinkOptions : Rerun {
  std::string output;
  std::uint64_t executions = 1'000;
};

/// "pool.chantrace" becomes "pool.small.chantrace".
std::filesystem::path output_for(const ShrinkOptions& options) {
  if (!options.output.empty()) return options.output;
  std::filesystem::path path = options.trace;
  const std::string extension = path.extension().string();
  return path.replace_extension(".small" + extension);
}

std::uint64_t preemptions_of(const Explanation& explanation) {
  return static_cast<std::uint64_t>(
      std::count_if(explanation.deeds.begin(), explanation.deeds.end(),
                    [](const Deed& deed) { return !deed.preempted.empty(); }));
}

ExitCode run_shrink(const ShrinkOptions& options, Context& context) {
  auto read = load_trace(options.trace);
  if (!read.has_value()) {
    context.complain(in_words(read.error()));
    return ExitCode::kUnreadable;
  }
  const Trace& recorded = read.value();
  if (recorded.header.test.empty()) {
    context.complain(fmt::format("{}: it is of no test, which alone can be run again",
                                 printable(options.trace)));
    return ExitCode::kUnreadable;
  }
  const std::filesystem::path output = output_for(options);
  auto now = run_again(
      options, recorded,
      {.flags = {fmt::format("--chantrace_shrink={}", options.executions)}, .failure = output},
      context);
  if (!now) return ExitCode::kUnreadable;
  make_printable(*now, Charset::kUtf8);
  if (now->end->passed) {
    context.out.write(fmt::format("{} passes under that schedule: there is nothing to shrink\n",
                                  now->header.test));
    return recorded.end && !recorded.end->passed ? ExitCode::kDiverged : ExitCode::kClean;
  }
  std::string text =
      fmt::format("{}: {}\n", now->header.test,
                  now->end->findings.empty() ? "fails" : summarize(now->end->findings));
  if (const auto& explanation = now->end->explanation) {
    text += fmt::format("\n{}\n{}", steps_to_text(*explanation), reasons_to_text(*explanation));
    text += fmt::format("  steps      {}, {}\n", counted(now->end->ended_ticks, "step"),
                        counted(preemptions_of(*explanation), "preemption"));
  } else {
    text += "  it could not be shrunk: what it does depends on more than its schedule\n";
  }
  if (now->end->schedule) text += fmt::format("  schedule   {}\n", now->end->schedule->to_string());
  text += fmt::format("  trace      {}\n", printable(output.string()));
  context.out.write(text);
  return ExitCode::kFindings;
}

}  // namespace

void add_shrink(CLI::App& app, Context& context) {
  CLI::App& command = *app.add_subcommand(
      "shrink",
      "finds the smallest schedule that fails as a trace does\n\n"
      "The test is run again and again under control, at first as the trace says (one of "
      "threads in the order of its operations), then with fewer preemptions and switches, as long "
      "as it fails "
      "in the same way: the same kind of finding at the same places. What is left is explained, "
      "and kept as a trace of its own. Ends with 1 where the test fails, as check does.");
  const auto options = std::make_shared<ShrinkOptions>();
  add_rerun(command, *options, "The trace of the failure");
  command
      .add_option("-o,--output", options->output,
                  "Where the trace of the smallest schedule goes (default: T with .small before "
                  "its extension)")
      ->type_name("FILE");
  command.add_option("--executions", options->executions, "Run it so often at most")
      ->type_name("N")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{10'000'000}))
      ->capture_default_str();
  set_examples(command, {{"What is it that makes it fail?",
                          "chantrace shrink traces/Pool.ShutsDown.chantrace -- ./pool_test"}});
  command.callback([options, &context] { context.exit_code = run_shrink(*options, context); });
}

}  // namespace chantrace::replay
