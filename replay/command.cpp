#include "command.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <cstdio>
#include <utility>

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

}  // namespace chantrace::replay
