#include "export.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <array>
#include <memory>
#include <system_error>

#include "event_rows.h"
#include "export_formats.h"
#include "input.h"

namespace chantrace::replay {
namespace {

struct ExportOptions {
  std::string input;
  std::string format = "jsonl";
  std::string output;
  DiagramOptions diagram;
  std::uint64_t to = 0;
};

/// How a format is written: names whole, or cut to what a person reads.
struct Format {
  std::string_view name;
  bool is_binary = false;
  bool is_brief = false;
};

constexpr std::array kFormats = {
    Format{.name = "jsonl"},
    Format{.name = "csv"},
    Format{.name = "capnp", .is_binary = true},
    Format{.name = "perfetto", .is_binary = true, .is_brief = true},
    Format{.name = "chrome", .is_brief = true},
    Format{.name = "mermaid", .is_brief = true},
    Format{.name = "dot", .is_brief = true},
    Format{.name = "ctf", .is_binary = true, .is_brief = true},
};

std::vector<std::string> format_names() {
  std::vector<std::string> names;
  for (const Format& format : kFormats) names.emplace_back(format.name);
  return names;
}

const Format& format_of(const std::string& name) {
  return *std::find_if(kFormats.begin(), kFormats.end(),
                       [&](const Format& format) { return format.name == name; });
}

void write_as(const ExportOptions& options, const Trace& trace, Output& out) {
  const LineSink sink = [&](std::string_view line) {
    out.write(line);
    return !out.is_closed();
  };
  const std::string title = printable(std::filesystem::path(options.input).stem().string());
  if (options.format == "csv") {
    write_csv(trace, sink);
  } else if (options.format == "capnp") {
    write_capnp(trace, sink);
  } else if (options.format == "perfetto") {
    write_perfetto(trace, title, sink);
  } else if (options.format == "chrome") {
    write_chrome(trace, title, sink);
  } else if (options.format == "mermaid") {
    write_mermaid(trace, title, options.diagram, sink);
  } else if (options.format == "dot") {
    write_dot(trace, title, sink);
  } else {
    write_jsonl(trace, sink);
  }
  out.flush();
}

/// What is wrong with the options, in words; empty: nothing.
std::string usage_problem(const ExportOptions& options, bool has_diagram_options,
                          const Context& context) {
  const bool to_stdout = options.output.empty();
  if (options.format == "ctf" && to_stdout)
    return "ctf is a folder of files; name it with --output";
  if (format_of(options.format).is_binary && to_stdout && is_terminal(context.out.stream()))
    return options.format + " is no text for a terminal; write it to a file with --output";
  if (has_diagram_options && options.format != "mermaid")
    return "--task, --from, --to and --rows are for mermaid; the other formats have all";
  if (options.diagram.to < options.diagram.from) {
    return fmt::format("--to {} comes before --from {}", options.diagram.to, options.diagram.from);
  }
  const std::filesystem::path output = options.output;
  for (const auto& written : {output, output / kCtfMetadata, output / kCtfStream}) {
    std::error_code ignored;
    if (!to_stdout && std::filesystem::equivalent(options.input, written, ignored))
      return "--output is the trace itself; it would be lost";
  }
  return {};
}

ExitCode run_export(const ExportOptions& options, bool has_diagram_options, Context& context) {
  if (const auto problem = usage_problem(options, has_diagram_options, context); !problem.empty()) {
    context.complain(problem);
    return ExitCode::kUsage;
  }
  auto trace = load_trace(options.input);
  if (!trace.has_value()) {
    context.complain(in_words(trace.error()));
    return ExitCode::kUnreadable;
  }
  for (const std::string& warning : trace.value().warnings) {
    context.complain(printable(options.input + ": " + warning));
  }
  if (format_of(options.format).is_brief) make_brief(trace.value(), Charset::kUtf8);
  if (options.output.empty()) {
    write_as(options, trace.value(), context.out);
    return ExitCode::kClean;
  }

  const std::string error =
      options.format == "ctf"
          ? write_ctf(trace.value(), options.output)
          : write_file(options.output, [&](Output& out) { write_as(options, trace.value(), out); });
  if (error.empty()) return ExitCode::kClean;
  context.complain(printable(options.output + ": cannot write it: " + error));
  return ExitCode::kUnreadable;
}

constexpr const char* kDescription =
    "writes a trace for other programs\n\n"
    "The events themselves, in an order that fits everything recorded, their names resolved. "
    "jsonl: "
    "a JSON object a line, numbers of 64 bits as strings. csv: a table with a head. capnp: the "
    "trace's own format with every event as a row, for \"capnp decode\". ctf: a folder in the "
    "Common "
    "Trace Format, for babeltrace2 and Trace Compass.\n\n"
    "Timelines, a track for each task with what it was parked in, and flows from one to another. "
    "perfetto: for ui.perfetto.dev and its trace processor. chrome: JSON for chrome://tracing, "
    "speedscope and other viewers. A step of a controlled run is a microsecond in them.\n\n"
    "Pictures. mermaid: a sequence diagram of what tasks did to each other, which GitHub and "
    "GitLab "
    "draw where a comment has it between ```mermaid and ```. dot: who waits for whom at the end, "
    "for "
    "Graphviz. Names are cut to 200 columns, and other texts to 1,000, in all but jsonl, csv and "
    "capnp.";

void add_diagram_options(CLI::App& command, ExportOptions& options) {
  command
      .add_option("--task", options.diagram.tasks,
                  "mermaid: show these tasks: a name with * and ?, or a number; may be given again "
                  "(default: those that matter)")
      ->type_name("NAME")
      ->allow_extra_args(false);
  command.add_option("--from", options.diagram.from, "mermaid: the first step to show")
      ->check(whole_number())
      ->type_name("N")
      ->capture_default_str();
  command
      .add_option("--to", options.to,
                  "mermaid: the last step to show (default: the last one there is)")
      ->check(whole_number())
      ->type_name("N");
  command
      .add_option("--rows", options.diagram.rows_max,
                  "mermaid: of more messages than this, show the last; 0: as many as Mermaid draws")
      ->check(whole_number())
      ->type_name("N")
      ->capture_default_str();
}

}  // namespace

void add_export(CLI::App& app, Context& context) {
  CLI::App& command = *app.add_subcommand("export", kDescription);
  const auto options = std::make_shared<ExportOptions>();
  command.add_option("PATH", options->input, "The trace file")->type_name("PATH")->required();
  command.add_option("--format", options->format, "What to write")
      ->type_name("FORMAT")
      ->check(one_of(format_names()))
      ->capture_default_str();
  command
      .add_option("-o,--output", options->output,
                  "Write to this file; for ctf, to this folder (default: standard output)")
      ->type_name("FILE");
  add_diagram_options(command, *options);
  set_examples(
      command,
      {{"All sends, with jq:",
        "chantrace export t.chantrace | jq -c 'select(.operation == \"send\")'"},
       {"A table for a spreadsheet:", "chantrace export t.chantrace --format csv -o t.csv"},
       {"The bare records:",
        "chantrace export t.chantrace --format capnp | "
        "capnp decode schemas/trace.capnp Message"},
       {"A timeline, to open at ui.perfetto.dev:",
        "chantrace export t.chantrace --format perfetto -o t.pftrace"},
       {"Who waits for whom, as a picture:",
        "chantrace export t.chantrace --format dot | dot -Tsvg -o t.svg"},
       {"The last messages, for a code review:",
        "(echo '```mermaid'; chantrace export t.chantrace --format mermaid; echo '```')"},
       {"For babeltrace2 and Trace Compass:",
        "chantrace export t.chantrace --format ctf -o t.ctf && babeltrace2 t.ctf"}});
  command.callback([options, &command, &context] {
    if (options->to != 0) options->diagram.to = options->to;
    bool has_diagram_options = false;
    for (const char* name : {"--task", "--from", "--to", "--rows"})
      has_diagram_options = has_diagram_options || command.count(name) > 0;
    context.exit_code = run_export(*options, has_diagram_options, context);
  });
}

}  // namespace chantrace::replay
