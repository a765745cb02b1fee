#include "export.h"

#include <CLI/CLI.hpp>

#include <memory>
#include <system_error>

#include "event_rows.h"
#include "input.h"

namespace chantrace::replay {
namespace {

struct ExportOptions {
  std::string input;
  std::string format = "jsonl";
  std::string output;
};

void write_as(const std::string& format, const Trace& trace, Output& out) {
  const LineSink sink = [&](std::string_view line) {
    out.write(line);
    return !out.is_closed();
  };
  if (format == "csv") {
    write_csv(trace, sink);
  } else if (format == "capnp") {
    write_capnp(trace, sink);
  } else {
    write_jsonl(trace, sink);
  }
  out.flush();
}

ExitCode run_export(const ExportOptions& options, Context& context) {
  if (options.format == "capnp" && options.output.empty() && is_terminal(context.out.stream())) {
    context.complain("capnp is no text for a terminal; write it to a file with --output");
    return ExitCode::kUsage;
  }
  const auto trace = load_trace(options.input);
  if (!trace.has_value()) {
    context.complain(in_words(trace.error()));
    return ExitCode::kUnreadable;
  }
  for (const std::string& warning : trace.value().warnings) {
    context.complain(printable(options.input + ": " + warning));
  }
  if (options.output.empty()) {
    write_as(options.format, trace.value(), context.out);
    return ExitCode::kClean;
  }

  std::error_code ignored;
  if (std::filesystem::equivalent(options.input, options.output, ignored)) {
    context.complain("--output is the trace itself; it would be lost");
    return ExitCode::kUsage;
  }
  const std::string error = write_file(
      options.output, [&](Output& out) { write_as(options.format, trace.value(), out); });
  if (error.empty()) return ExitCode::kClean;
  context.complain(printable(options.output + ": cannot write it: " + error));
  return ExitCode::kUnreadable;
}

}  // namespace

void add_export(CLI::App& app, Context& context) {
  CLI::App& command = *app.add_subcommand(
      "export",
      "writes the events of a trace for other programs\n\n"
      "Events stand in an order that fits everything recorded, their names resolved. jsonl: a JSON "
      "object a line, numbers of 64 bits as strings. csv: a table with a head. capnp: the trace's "
      "own format with every event as a row, for \"capnp decode\".");
  const auto options = std::make_shared<ExportOptions>();
  command.add_option("PATH", options->input, "The trace file")->type_name("PATH")->required();
  command.add_option("--format", options->format, "What to write")
      ->type_name("FORMAT")
      ->check(one_of({"jsonl", "csv", "capnp"}))
      ->capture_default_str();
  command
      .add_option("-o,--output", options->output, "Write to this file (default: standard output)")
      ->type_name("FILE");
  set_examples(command, {{"All sends, with jq:",
                          "chantrace export t.chantrace | jq -c 'select(.operation == \"send\")'"},
                         {"A table for a spreadsheet:",
                          "chantrace export t.chantrace --format csv -o t.csv"},
                         {"The bare records:",
                          "chantrace export t.chantrace --format capnp | "
                          "capnp decode schemas/trace.capnp Message"}});
  command.callback([options, &context] { context.exit_code = run_export(*options, context); });
}

}  // namespace chantrace::replay
