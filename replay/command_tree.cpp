#include "command_tree.h"

#include <fmt/format.h>

#include <algorithm>

#include "printable.h"

namespace chantrace::replay {
namespace {

constexpr std::size_t kHelpWidth = 90;
constexpr std::size_t kHelpIndent = 24;

/// The values in the first braces of CLI11's name for a type: "WHEN:{auto, always, never}".
std::vector<std::string> choices_in(const std::string& type) {
  const std::size_t open = type.find('{');
  const std::size_t close = type.find('}', open);
  std::vector<std::string> choices;
  if (open == std::string::npos || close == std::string::npos) return choices;
  std::string choice;
  for (const char c : type.substr(open + 1, close - open - 1) + ",") {
    if (c == ',') {
      choices.push_back(std::move(choice));
      choice.clear();
    } else if (c != ' ') {
      choice += c;
    }
  }
  return choices;
}

std::string joined(const std::vector<std::string>& words, std::string_view separator) {
  return fmt::format("{}", fmt::join(words, separator));
}

OptionDoc document_option(const CLI::Option& option) {
  OptionDoc doc;
  for (const std::string& name : option.get_snames()) doc.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) doc.names.push_back("--" + name);
  const std::string type = option.get_type_name();
  if (option.get_items_expected_max() != 0) {
    doc.placeholder = type.substr(0, type.find_first_of(":{ "));
    if (doc.placeholder.empty()) doc.placeholder = "VALUE";
  }
  doc.choices = choices_in(type);
  doc.description = option.get_description();
  doc.is_required = option.get_required();
  doc.is_repeatable = option.get_items_expected_max() > 1;
  if (!doc.choices.empty())
    doc.description += fmt::format("; one of {}", joined(doc.choices, ", "));
  if (!option.get_default_str().empty() && doc.takes_value()) {
    doc.description += fmt::format(" (default: {})", option.get_default_str());
  }
  return doc;
}

void append_entry(std::string& text, const std::string& term, const std::string& description) {
  std::string line = pad_right("  " + term, kHelpIndent);
  const std::string indent(kHelpIndent, ' ');
  if (width_of(line) > kHelpIndent - 1 && !line.ends_with("  ")) {
    text += line + "\n";
    line = indent;
  }
  for (const std::string& piece : wrap(description, kHelpWidth - kHelpIndent)) {
    text += line + piece + "\n";
    line = indent;
  }
}

void append_paragraphs(std::string& text, const std::string& paragraphs) {
  std::size_t start = 0;
  while (start <= paragraphs.size()) {
    const std::size_t end = std::min(paragraphs.find('\n', start), paragraphs.size());
    const std::string paragraph = paragraphs.substr(start, end - start);
    if (paragraph.empty()) text += '\n';
    for (const std::string& line : wrap(paragraph, kHelpWidth)) text += line + "\n";
    start = end + 1;
  }
}

std::string help_of(const CommandDoc& doc) {
  std::string text = fmt::format("{} - {}\n\nUsage: {}\n", doc.full_name, doc.summary, doc.usage());
  if (!doc.description.empty()) {
    text += '\n';
    append_paragraphs(text, doc.description);
  }
  if (!doc.commands.empty()) text += "\nCommands:\n";
  for (const CommandDoc& command : doc.commands) append_entry(text, command.name, command.summary);

  const auto append_options = [&](std::string_view heading, bool is_positional) {
    bool is_first = true;
    for (const OptionDoc& option : doc.options) {
      if (option.is_positional() != is_positional) continue;
      if (is_first) text += fmt::format("\n{}:\n", heading);
      is_first = false;
      std::string term = is_positional ? option.placeholder : joined(option.names, ", ");
      if (!is_positional && option.takes_value()) term += " " + option.placeholder;
      append_entry(text, term, option.description);
    }
  };
  append_options("Arguments", true);
  append_options("Options", false);
  if (!doc.footer.empty()) text += "\n" + doc.footer;
  if (!text.ends_with('\n')) text += '\n';
  return text;
}

}  // namespace

std::string CommandDoc::usage() const {
  std::string text = full_name;
  if (!options.empty()) text += " [OPTIONS]";
  if (!commands.empty()) text += " COMMAND ...";
  for (const OptionDoc& option : options) {
    if (!option.is_positional()) continue;
    const std::string argument = option.placeholder + (option.is_repeatable ? "..." : "");
    text += option.is_required ? " " + argument : " [" + argument + "]";
  }
  return text;
}

CommandDoc document(const CLI::App& app) {
  CommandDoc doc;
  doc.name = app.get_name();
  doc.full_name = app.get_name();
  for (const CLI::App* parent = app.get_parent(); parent != nullptr;
       parent = parent->get_parent()) {
    doc.full_name = parent->get_name() + " " + doc.full_name;
  }
  const std::string text = app.get_description();
  const std::size_t end = std::min(text.find('\n'), text.size());
  doc.summary = text.substr(0, end);
  doc.description = text.substr(std::min(text.find_first_not_of('\n', end), text.size()));
  doc.footer = app.get_footer();
  doc.footer.erase(0, doc.footer.find_first_not_of('\n'));
  for (const CLI::Option* option : app.get_options())
    doc.options.push_back(document_option(*option));
  // Help and version last: the reader knows them.
  std::stable_partition(doc.options.begin(), doc.options.end(), [](const OptionDoc& option) {
    return std::none_of(option.names.begin(), option.names.end(), [](const std::string& name) {
      return name == "--help" || name == "--version";
    });
  });
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    doc.commands.push_back(document(*command));
  }
  return doc;
}

std::string HelpFormatter::make_help(const CLI::App* app, std::string, CLI::AppFormatMode) const {
  return help_of(document(*app));
}

}  // namespace chantrace::replay
