#include "rerun.h"

#include <fmt/format.h>
#include <stdlib.h>  // NOLINT: mkdtemp is POSIX.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <string_view>
#include <system_error>

#include "child_process.h"
#include "input.h"
#include "model/quantity.h"

namespace chantrace::replay {

using view::counted;
namespace {

namespace fs = std::filesystem;

/// A folder that is there for as long as this.
class ScratchFolder {
 public:
  ScratchFolder() {
    const fs::path parent = fs::temp_directory_path(error_);
    if (error_) return;
    std::string name = (parent / "chantrace-replay-XXXXXX").string();
    if (mkdtemp(name.data()) != nullptr)
      path_ = name;
    else
      error_ = std::error_code(errno, std::generic_category());
  }
  ~ScratchFolder() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  /// Empty: there is none, for this reason.
  const fs::path& path() const { return path_; }
  const std::error_code& error() const { return error_; }

 private:
  fs::path path_;
  std::error_code error_;
};

constexpr std::string_view kRapidCheckOption = "RC_PARAMS";

bool has_option(const Trace& trace, std::string_view start) {
  return std::any_of(trace.header.options.begin(), trace.header.options.end(),
                     [&](const auto& option) { return option.first.starts_with(start); });
}

}  // namespace

void add_rerun(CLI::App& app, Rerun& rerun, const std::string& help) {
  app.add_option("trace", rerun.trace, help)->required()->type_name("T");
  app.add_option("command", rerun.command,
                 "The test binary and its arguments, behind -- (default: the program that "
                 "recorded the trace)")
      ->type_name("BINARY ARGS...");
}

std::string printable_lines(std::string_view text) {
  std::string lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines += "  " + printable(std::string(text.substr(0, end))) + "\n";
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::vector<std::string> command_for(const Rerun& rerun, const Trace& trace,
                                     std::vector<std::string> flags) {
  // What a test with inputs was called with comes from there.
  for (const auto& [name, value] : trace.header.options)
    if (name == kRapidCheckOption) setenv(name.c_str(), value.c_str(), 1);
  std::vector<std::string> command = rerun.command;
  if (command.empty()) command = {trace.header.program};
  command.push_back("--gtest_filter=" + trace.header.test);
  command.push_back("--chantrace_replay=" + rerun.trace);
  command.insert(command.end(), flags.begin(), flags.end());
  return command;
}

std::optional<Trace> run_again(const Rerun& rerun, const Trace& recorded,
                               const RerunOptions& options, Context& context) {
  if (has_option(recorded, kInputOption) && !has_option(recorded, kRapidCheckOption)) {
    context.complain(
        "its inputs were given by a CHANTRACE_REPLAY in the program: run the test itself, which "
        "begins with them");
    return std::nullopt;
  }
  const ScratchFolder folder;
  if (folder.path().empty()) {
    context.complain(
        fmt::format("no folder for temporary files: {} (TMPDIR says where it should be)",
                    folder.error().message()));
    return std::nullopt;
  }
  std::vector<std::string> flags = {"--chantrace_out=" + folder.path().string(),
                                    "--chantrace_keep=all"};
  flags.insert(flags.end(), options.flags.begin(), options.flags.end());
  const std::vector<std::string> command = command_for(rerun, recorded, flags);
  const auto end = run_child(command);
  if (!end.has_value()) {
    context.complain(fmt::format("cannot run {}: {}", printable(command.front()), end.error()));
    return std::nullopt;
  }
  const Inputs left = find_traces({folder.path().string()});
  if (left.traces.size() != 1) {
    context.complain(fmt::format("{} left {} for {}; it wrote:\n{}", printable(command.front()),
                                 counted(left.traces.size(), "trace"),
                                 printable(recorded.header.test),
                                 printable_lines(end.value().output)));
    return std::nullopt;
  }
  auto trace = load_trace(left.traces.front());
  if (!trace.has_value()) {
    context.complain(in_words(trace.error()));
    return std::nullopt;
  }
  if (!trace.value().end) {
    context.complain("the program was ended before its test was");
    return std::nullopt;
  }
  std::error_code error;
  const bool is_kept = !options.failure.empty() && !trace.value().end->passed;
  if (is_kept && !fs::copy_file(left.traces.front(), options.failure,
                                fs::copy_options::overwrite_existing, error)) {
    context.complain(fmt::format("{}: {}", printable(options.failure.string()), error.message()));
    return std::nullopt;
  }
  return std::move(trace).value();
}

}  // namespace chantrace::replay
