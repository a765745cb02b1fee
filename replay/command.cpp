#include "command.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <system_error>
#include <utility>

#include "input.h"

namespace chantrace::replay {

void Context::complain(std::string_view message) const {
  const std::string line = fmt::format("chantrace: {}\n", message);
  std::fputs(line.c_str(), stderr);  // There is nobody to tell where this fails.
}

Palette Appearance::palette(const Output& out) const {
  const ColorChoice choice = color == "always"  ? ColorChoice::kAlways
                             : color == "never" ? ColorChoice::kNever
                                                : ColorChoice::kAuto;
  return Palette{wants_color(choice, out.stream())};
}

Charset Appearance::charset() const { return is_ascii ? Charset::kAscii : terminal_charset(); }

void add_appearance(CLI::App& command, Appearance& appearance) {
  command
      .add_option("--color", appearance.color,
                  "When to use colour; auto is on a terminal, unless NO_COLOR is set")
      ->type_name("WHEN")
      ->check(one_of({"auto", "always", "never"}))
      ->capture_default_str();
  command.add_flag("--ascii", appearance.is_ascii,
                   "Print nothing but ASCII (default: as the locale allows)");
}

void add_policy_choice(CLI::App& command, PolicyChoice& choice) {
  command
      .add_option(
          "--fail-on", choice.fail_on,
          "Kinds of findings that fail a trace, separated by commas. \"default\" is deadlock, "
          "blocked, leaked, exception, misuse, race, divergence and inconsistent; \"blocked\" has "
          "lost_signal in it, and \"misuse\" mutex_held, send_on_closed, double_close and "
          "negative_wait_group. Besides there are lock_order, value_left, foreign_unlock, "
          "step_limit, foreign_thread, uncertain, incomplete, \"all\" and \"none\"")
      ->type_name("KINDS")
      ->capture_default_str();
  command
      .add_option("--allow", choice.allow,
                  "Let findings pass whose task, function or file:line fits this pattern of * and "
                  "?; may be given again (default: none)")
      ->type_name("PATTERN")
      ->allow_extra_args(false);
}

void add_inputs(CLI::App& command, std::vector<std::string>& inputs) {
  command.add_option("PATH", inputs, "Trace files, and folders that are searched for *.chantrace")
      ->type_name("PATH")
      ->required();
}

void set_examples(CLI::App& command, std::vector<std::pair<std::string, std::string>> examples) {
  std::string text = "Examples:\n";
  for (const auto& [comment, line] : examples) {
    text += fmt::format("  # {}\n  {}\n", comment, line);
  }
  command.footer(text);
}

CLI::Validator one_of(std::vector<std::string> choices) {
  std::string description;
  for (const std::string& choice : choices) {
    if (!description.empty()) description += ", ";
    description += choice;
  }
  return CLI::Validator(
      [choices = std::move(choices), description](std::string& value) {
        for (const std::string& choice : choices) {
          if (value == choice) return std::string{};
        }
        return fmt::format("\"{}\" is none of {}", value, description);
      },
      "{" + description + "}");
}

CLI::Validator whole_number() {
  return CLI::Validator(
      [](std::string& value) {
        std::uint64_t number = 0;
        const char* const end = value.data() + value.size();
        const auto [behind, error] = std::from_chars(value.data(), end, number);
        if (error == std::errc{} && behind == end) return std::string{};
        return fmt::format("\"{}\" is no whole number, or too large", printable(value));
      },
      "");
}

ExitCode for_each_trace(const std::vector<std::string>& arguments, Charset charset,
                        Context& context,
                        const std::function<void(const Trace&, const std::string&)>& use) {
  const Inputs inputs = find_traces(arguments);
  for (const TraceError& error : inputs.errors) context.complain(in_words(error));
  bool is_readable = inputs.errors.empty();
  if (inputs.traces.empty() && is_readable) {
    context.complain("there are no traces here; by default only tests that fail leave one");
    return ExitCode::kUnreadable;
  }
  bool is_first = true;
  for (const std::filesystem::path& path : inputs.traces) {
    if (context.out.is_closed()) break;
    auto trace = load_trace(path);
    if (!trace.has_value()) {
      context.complain(in_words(trace.error()));
      is_readable = false;
      continue;
    }
    make_printable(trace.value(), charset);
    if (!is_first) context.out.write("\n");
    is_first = false;
    use(trace.value(), printable(path.stem().string()));
  }
  return is_readable ? ExitCode::kClean : ExitCode::kUnreadable;
}

}  // namespace chantrace::replay
