#include "show.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include <memory>

#include "input.h"
#include "screen.h"

namespace chantrace::replay {
namespace {

struct ShowOptions {
  std::vector<std::string> inputs;
  ScreenOptions screen;
  std::string layout = "auto";
  std::size_t width = 0;
  std::uint64_t to = 0;
  Appearance appearance;
};

ExitCode run_show(const ShowOptions& options, Context& context) {
  ScreenOptions screen = options.screen;
  screen.drawing = {
      .width = options.width == 0 ? terminal_width(context.out.stream()) : options.width,
      .palette = options.appearance.palette(context.out),
      .charset = options.appearance.charset()};
  screen.layout = options.layout == "columns" ? Layout::kColumns
                  : options.layout == "lines" ? Layout::kLines
                                              : Layout::kAuto;
  if (options.to != 0) screen.to = options.to;

  if (screen.to < screen.from) {
    context.complain(fmt::format("--to {} comes before --from {}", screen.to, screen.from));
    return ExitCode::kUsage;
  }
  return for_each_trace(options.inputs, screen.drawing.charset, context,
                        [&](const Trace& trace, const std::string& name) {
                          context.out.write(draw_trace(trace, name, screen));
                        });
}

}  // namespace

void add_show(CLI::App& app, Context& context) {
  CLI::App& command = *app.add_subcommand(
      "show",
      "shows who did what, in which order\n\n"
      "A column for each task, a line for each step, in an order that fits everything recorded. "
      "\"parks\" says that an operation has to wait; a dotted line follows the task until it goes "
      "on. The line \"end\" says what those wait for that never went on. Loops are shown once and "
      "counted. Of many tasks, those with findings and those around them are shown. Where columns "
      "would be too narrow, each line names its task.");
  const auto options = std::make_shared<ShowOptions>();
  add_inputs(command, options->inputs);
  command
      .add_option("--task", options->screen.tasks,
                  "Show these tasks: a name with * and ?, or a number; may be given again "
                  "(default: those that matter)")
      ->type_name("NAME")
      ->allow_extra_args(false);
  command
      .add_option("--channel", options->screen.objects,
                  "Show operations on these channels, locks and so on: a name with * and ?, or a "
                  "number; may be given again (default: all)")
      ->type_name("NAME")
      ->allow_extra_args(false);
  command.add_option("--from", options->screen.from, "The first step to show")
      ->check(whole_number())
      ->type_name("N")
      ->capture_default_str();
  command.add_option("--to", options->to, "The last step to show (default: the last one there is)")
      ->check(whole_number())
      ->type_name("N");
  command
      .add_option("--rows", options->screen.rows_max,
                  "Leave out the middle of a picture of more lines than this; 0: never")
      ->check(whole_number())
      ->type_name("N")
      ->capture_default_str();
  command
      .add_option("--findings", options->screen.findings_max,
                  "How many findings to explain; 0: all")
      ->check(whole_number())
      ->type_name("N")
      ->capture_default_str();
  command.add_option("--layout", options->layout, "Tasks beside each other, or in one list")
      ->type_name("LAYOUT")
      ->check(one_of({"auto", "columns", "lines"}))
      ->capture_default_str();
  command
      .add_option("--width", options->width,
                  "Columns of the screen, at least 20 (default: the terminal's, or 100)")
      ->type_name("N")
      ->check(CLI::Range(std::size_t{20}, std::size_t{10'000}));
  command.add_flag("--values,!--no-values", options->screen.with_values,
                   "Show values sent and received (default: yes, where they were recorded)");
  command.add_flag("--unwinding", options->screen.with_unwinding,
                   "Show also how waiting tasks were unwound when the test was over (default: no)");
  add_appearance(command, options->appearance);
  set_examples(command,
               {{"The whole of it:", "chantrace show traces/Pool.ShutsDown.chantrace"},
                {"What two tasks did to one channel:",
                 "chantrace show t.chantrace --task main --task 'worker-*' --channel results"},
                {"A part of a long one, in a pager:",
                 "chantrace show t.chantrace --from 1200 --to 1300 --color always | less -RS"}});
  command.callback([options, &context] { context.exit_code = run_show(*options, context); });
}

}  // namespace chantrace::replay
