/// \file
/// What all subcommands share: how they end, where they write, and options that mean the same in
/// each.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "chantrace/trace.h"
#include "output.h"
#include "printable.h"
#include "terminal.h"

// Only those who add options need all of CLI11, which takes seconds to compile.
namespace CLI {
class App;
class Validator;
}  // namespace CLI

namespace chantrace::replay {

/// How the command ends. Scripts depend on the numbers.
enum class ExitCode : int {
  kClean = 0,
  kFindings = 1,
  kUsage = 2,
  kUnreadable = 3,  ///< Some input could not be read, or the output could not be written.
  kDiverged = 4,    ///< A replay did something else.
};

/// What a subcommand works with, and leaves behind.
///
/// Threads: one thread at a time.
struct Context {
  Output out{stdout};
  ExitCode exit_code = ExitCode::kClean;

  /// Says on stderr what went wrong: "chantrace: MESSAGE".
  void complain(std::string_view message) const;
};

/// How a subcommand draws; a group of options.
struct Appearance {
  std::string color = "auto";
  bool is_ascii = false;

  Palette palette(const Output& out) const;
  Charset charset() const;
};

/// Adds `--color` and `--ascii`.
void add_appearance(CLI::App& command, Appearance& appearance);

/// Which findings fail a trace; a group of options. `parse_policy` reads them.
struct PolicyChoice {
  std::string fail_on = "default";
  std::vector<std::string> allow = {};
};

/// Adds `--fail-on` and `--allow`.
void add_policy_choice(CLI::App& command, PolicyChoice& choice);

/// Adds the traces to read, one or more, as positional arguments.
void add_inputs(CLI::App& command, std::vector<std::string>& inputs);

/// `examples` as the footer of a command's help: each is a line of shell, a comment above it.
void set_examples(CLI::App& command, std::vector<std::pair<std::string, std::string>> examples);

/// Requires all of `choices` as values; help, completion and the manual list them.
CLI::Validator one_of(std::vector<std::string> choices);

/// Requires a number without a sign that fits into 64 bits, as decimal digits.
CLI::Validator whole_number();

/// Reads each trace that `arguments` name, makes it printable and calls `use` with it and its name;
/// an empty line stands between two. Complains of what cannot be read, and where there is none.
ExitCode for_each_trace(const std::vector<std::string>& arguments, Charset charset,
                        Context& context,
                        const std::function<void(const Trace&, const std::string&)>& use);

}  // namespace chantrace::replay
