#include "recover.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <filesystem>
#include <memory>
#include <system_error>

#include "input.h"
#include "model/quantity.h"

namespace chantrace::replay {

using view::counted;
namespace {

namespace fs = std::filesystem;

struct RecoverOptions {
  std::vector<std::string> inputs;
  std::string output;
};

fs::path spool_of(const fs::path& path) {
  fs::path spool = path;
  spool += ".spool";
  return spool;
}

/// True when the process that records `trace` is still at it: its trace is no remains.
bool is_being_written(const Trace& trace) {
  if (trace.header.process_id == 0 || trace.header.program.empty()) return false;
  std::error_code error;
  const fs::path program =
      fs::read_symlink(fmt::format("/proc/{}/exe", trace.header.process_id), error);
  return !error && program == fs::path{trace.header.program};
}

std::string what_was_lost(const Trace& trace) {
  return trace.lost_count() == 0 ? "nothing that was recorded is lost"
                                 : counted(trace.lost_count(), "event is", "events are") + " lost";
}

ExitCode recover(const fs::path& path, const RecoverOptions& options, Context& context) {
  const std::string name = printable(path.string());
  auto read = load_trace(path);
  if (!read.has_value()) {
    context.complain(in_words(read.error()));
    return ExitCode::kUnreadable;
  }
  const Trace& trace = read.value();
  if (!trace.is_incomplete() && options.output.empty()) {
    context.out.write(fmt::format("{}: complete with {}, nothing to recover\n", name,
                                  counted(trace.events_count(), "event")));
    return ExitCode::kClean;
  }
  const bool is_in_place = options.output.empty();
  if (is_in_place && is_being_written(trace)) {
    context.complain(
        fmt::format("{}: process {} is still writing it; wait for its end, or write a "
                    "copy with --output",
                    name, trace.header.process_id));
    return ExitCode::kUnreadable;
  }

  const fs::path target = is_in_place ? path : fs::path{options.output};
  if (const auto error = write_trace(trace, target)) {
    context.complain(in_words(*error));
    return ExitCode::kUnreadable;
  }
  std::string text = fmt::format("{}: recovered {} of {}; {}\n", printable(target.string()),
                                 counted(trace.events_count(), "event"),
                                 counted(trace.tasks.size(), "task"), what_was_lost(trace));
  for (const std::string& warning : trace.warnings) {
    text += fmt::format("  warning: {}\n", printable(warning));
  }
  if (trace.is_incomplete())
    text += "  it stays marked as incomplete: what was in progress may only look blocked\n";
  context.out.write(text);

  std::error_code error;
  if (is_in_place) fs::remove(spool_of(path), error);
  if (error) {
    context.complain(fmt::format("{}: {}", printable(spool_of(path).string()), error.message()));
  }
  return ExitCode::kClean;
}

ExitCode run_recover(const RecoverOptions& options, Context& context) {
  const Inputs inputs = find_traces(options.inputs);
  for (const TraceError& error : inputs.errors) context.complain(in_words(error));
  if (!options.output.empty() && inputs.traces.size() > 1) {
    context.complain("--output takes one trace, not several");
    return ExitCode::kUsage;
  }
  ExitCode exit_code = inputs.errors.empty() ? ExitCode::kClean : ExitCode::kUnreadable;
  for (const fs::path& path : inputs.traces) {
    const ExitCode one = recover(path, options, context);
    if (one != ExitCode::kClean) exit_code = one;
  }
  return exit_code;
}

}  // namespace

void add_recover(CLI::App& app, Context& context) {
  CLI::App& command = *app.add_subcommand(
      "recover",
      "makes a whole trace of what a killed process left\n\n"
      "A process that is killed leaves its trace in two files, the trace and what had not got "
      "there "
      "yet (T.spool). All other commands read both; this one makes a single, compact file of them "
      "and removes the spool. The trace stays marked as incomplete. A complete trace is left as it "
      "is.");
  const auto options = std::make_shared<RecoverOptions>();
  add_inputs(command, options->inputs);
  command
      .add_option("-o,--output", options->output,
                  "Write here, and leave the remains alone (default: in place)")
      ->type_name("FILE");
  set_examples(command, {{"After a test that ran into its time limit:",
                          "chantrace recover traces/Pool.ShutsDown.chantrace"}});
  command.callback([options, &context] { context.exit_code = run_recover(*options, context); });
}

}  // namespace chantrace::replay
