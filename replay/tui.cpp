#include "tui.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <utility>
#include <vector>

#include "input.h"
#include "model/naming.h"
#include "model/quantity.h"
#include "model/scene.h"
#include "terminal/terminal.h"
#include "verdict.h"

namespace chantrace::replay {

using view::grouped;

namespace {

/// As many as are held in some GB of memory.
constexpr std::uint64_t kEventsMax = 5'000'000;

struct TuiOptions {
  std::string input;
  Appearance appearance;
};

/// The only trace that is named; nothing, once it has been complained why there is none.
std::filesystem::path only_trace(const std::string& input, Context& context) {
  const Inputs inputs = find_traces({input});
  for (const TraceError& error : inputs.errors) context.complain(in_words(error));
  if (inputs.traces.size() == 1 && inputs.errors.empty()) return inputs.traces.front();
  context.exit_code = inputs.traces.size() > 1 ? ExitCode::kUsage : ExitCode::kUnreadable;
  if (!inputs.errors.empty()) return {};
  if (inputs.traces.empty()) {
    context.complain(fmt::format("{}: there is no trace in it", printable(input)));
    return {};
  }
  constexpr std::size_t kNamesMax = 10;
  std::string names;
  for (std::size_t i = 0; i < std::min(inputs.traces.size(), kNamesMax); ++i)
    names += "\n  " + printable(inputs.traces[i].string());
  if (inputs.traces.size() > kNamesMax)
    names += fmt::format("\n  and {} more", inputs.traces.size() - kNamesMax);
  context.complain(
      fmt::format("{}: there are {} traces in it, and one is shown at a time; name one of them:{}",
                  printable(input), inputs.traces.size(), names));
  return {};
}

ExitCode run_tui(const TuiOptions& options, Context& context) {
  // Known before a large trace is read.
  if (const auto reason = view::why_no_terminal()) {
    context.complain(*reason);
    return ExitCode::kUsage;
  }
  const std::filesystem::path path = only_trace(options.input, context);
  if (path.empty()) return context.exit_code;
  auto loaded = load_trace(path, {.events_max = kEventsMax + 1});
  if (!loaded.has_value()) {
    context.complain(in_words(loaded.error()));
    return ExitCode::kUnreadable;
  }
  Trace& trace = loaded.value();
  if (trace.events_count() > kEventsMax) {
    context.complain(
        fmt::format("{}: this shows up to {} events, and the trace has more; \"chantrace show "
                    "--from N --to M\" shows a part of it",
                    printable(path.string()), grouped(kEventsMax)));
    return ExitCode::kUsage;
  }
  const Charset charset = view::usable_charset(options.appearance.charset());
  make_brief(trace, charset);
  view::Scene scene;
  scene.findings = findings_of(trace);
  scene.title = fit(view::title_of(trace, printable(path.stem().string(), charset)), 200, charset);
  scene.trace = std::move(trace);
  view::FixedScene source(std::move(scene));
  const bool is_colored = options.appearance.palette(context.out).is_colored();
  const auto reason = view::show_in_terminal(source, {charset, is_colored});
  if (!reason) return ExitCode::kClean;
  context.complain(*reason);
  return ExitCode::kUsage;
}

}  // namespace

void add_tui(CLI::App& app, Context& context) {
  CLI::App& command = *app.add_subcommand(
      "tui",
      "shows a trace in the terminal, step by step\n\n"
      "What \"chantrace view\" shows in a browser: a lane for each task, or a list of the steps; "
      "how "
      "each channel and lock stands at a step; what led to it and what it led to; the findings, "
      "with who waits for whom. It starts at the first finding. Arrow keys step, \"/\" searches, "
      "\"e\" lists the findings, Enter goes to the other end of an operation, \"?\" lists the "
      "keys, "
      "\"q\" quits.");
  const auto options = std::make_shared<TuiOptions>();
  command
      .add_option("PATH", options->input, "A trace file, or a folder with one in it or below it")
      ->type_name("PATH")
      ->required();
  add_appearance(command, options->appearance);
  set_examples(command,
               {{"Step through what a test did:", "chantrace tui traces/Pool.ShutsDown.chantrace"},
                {"Where there are neither colours nor UTF-8:",
                 "chantrace tui --color never --ascii traces/Pool.ShutsDown.chantrace"}});
  command.callback([options, &context] { context.exit_code = run_tui(*options, context); });
}

}  // namespace chantrace::replay
