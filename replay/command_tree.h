/// \file
/// The command line as plain data, taken from CLI11's definitions once, so that help, completion
/// scripts and the manual page say the same.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace chantrace::replay {

/// Threads: a plain value.
struct OptionDoc {
  std::vector<std::string> names;  ///< "-o", "--output"; empty for a positional argument.
  std::string placeholder;         ///< What stands for its value: "FILE"; empty for a flag.
  std::vector<std::string>
      choices;              ///< All values that it takes; empty when there is no such list.
  std::string description;  ///< One sentence, with its default.
  bool is_required = false;
  bool is_repeatable = false;

  bool takes_value() const { return !placeholder.empty(); }
  bool is_positional() const { return names.empty(); }
};

/// Threads: a plain value.
struct CommandDoc {
  std::string name;         ///< "check"; for the whole command "chantrace".
  std::string full_name;    ///< "chantrace check".
  std::string summary;      ///< One line.
  std::string description;  ///< What follows the summary; may be empty.
  std::string footer;       ///< Examples and such, indented as they are to be shown.
  std::vector<OptionDoc> options;
  std::vector<CommandDoc> commands;

  /// "chantrace check [OPTIONS] PATH..."
  std::string usage() const;
};

CommandDoc document(const CLI::App& app);

/// Lays out what `--help` prints.
class HelpFormatter : public CLI::FormatterBase {
 public:
  std::string make_help(const CLI::App* app, std::string name,
                        CLI::AppFormatMode mode) const override;
};

}  // namespace chantrace::replay
