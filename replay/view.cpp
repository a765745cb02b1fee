#include "view.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include <cerrno>
#include <filesystem>
#include <memory>
#include <system_error>

#include "input.h"
#include "model/quantity.h"
#include "verdict.h"
#include "web/document.h"

namespace chantrace::replay {

using view::grouped;

namespace {

/// Events that a page can hold and stay quick.
constexpr std::uint64_t kPageEventsMax = 500'000;

struct ViewOptions {
  std::string input;
  std::string html;
};

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

/// Returns: why it could not be written; empty when it was.
std::string write_file(const std::string& path, std::string_view text) {
  const std::unique_ptr<std::FILE, CloseFile> file{std::fopen(path.c_str(), "wb")};
  if (!file) return std::generic_category().message(errno);
  Output out{file.get()};
  out.write(text);
  out.flush();
  return out.error();
}

ExitCode run_view(const ViewOptions& options, Context& context) {
  std::error_code ignored;
  if (std::filesystem::equivalent(options.input, options.html, ignored)) {
    context.complain("--html is the trace itself; it would be lost");
    return ExitCode::kUsage;
  }
  auto trace = load_trace(options.input);
  if (!trace.has_value()) {
    context.complain(in_words(trace.error()));
    return ExitCode::kUnreadable;
  }
  for (const std::string& warning : trace.value().warnings)
    context.complain(printable(options.input + ": " + warning));
  if (const std::uint64_t events = trace.value().events_count(); events > kPageEventsMax) {
    context.complain(fmt::format(
        "{}: a page holds {} events, and this trace has {}; \"chantrace show --from N --to M\" "
        "shows a part of it",
        printable(options.input), grouped(kPageEventsMax), grouped(events)));
    return ExitCode::kUsage;
  }
  make_printable(trace.value(), Charset::kUtf8);
  const std::string title = std::filesystem::path(options.input).stem().string();
  const std::string page =
      view::to_page(trace.value(), findings_of(trace.value()), printable(title));
  const std::string error = write_file(options.html, page);
  if (!error.empty()) {
    context.complain(printable(options.html + ": cannot write it: " + error));
    return ExitCode::kUnreadable;
  }
  return ExitCode::kClean;
}

}  // namespace

void add_view(CLI::App& app, Context& context) {
  CLI::App& command = *app.add_subcommand(
      "view",
      "shows a trace in a browser\n\n"
      "Writes one page that needs no server and no other file, with the trace inside: a lane for "
      "each task, forward and back step by step, what is in each channel and who holds which lock, "
      "what led to what, and the findings. \"?\" in the page lists its keys; its address keeps "
      "what "
      "is selected.");
  const auto options = std::make_shared<ViewOptions>();
  command.add_option("PATH", options->input, "The trace file")->type_name("PATH")->required();
  command.add_option("--html", options->html, "Write the page to this file")
      ->type_name("FILE")
      ->required();
  set_examples(command, {{"A page to look at, or to pass on:",
                          "chantrace view traces/Pool.ShutsDown.chantrace --html pool.html"}});
  command.callback([options, &context] { context.exit_code = run_view(*options, context); });
}

}  // namespace chantrace::replay
