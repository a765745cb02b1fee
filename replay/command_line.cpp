#include "command_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <exception>
#include <memory>

#include "command_tree.h"
#include "pattern.h"
#include "printable.h"

namespace chantrace::replay {
namespace {

constexpr std::string_view kDescription =
    "shows what tasks, channels and locks did in a recorded test\n\n"
    "A test that is linked with chantrace leaves a trace, a file with everything its tasks did. "
    "This command checks traces, shows them, measures them and passes them on. A trace is all it "
    "needs: neither the program nor its sources.";

constexpr std::string_view kFooter =
    "Examples:\n"
    "  # Is anything blocked or leaked in any trace below this folder?\n"
    "  chantrace check traces\n"
    "  # Who did what, and in which order?\n"
    "  chantrace show traces/Pool.ShutsDown.chantrace\n"
    "  # Where do the tasks wait?\n"
    "  chantrace stats traces/Pool.Drains.chantrace\n"
    "\n"
    "Exit status:\n"
    "  0  clean\n"
    "  1  findings, or a difference\n"
    "  2  the command line makes no sense\n"
    "  3  some input could not be read, or the output could not be written\n"
    "  4  a replay did something else than was recorded\n"
    "\n"
    "\"chantrace COMMAND --help\" says more about each command.\n";

std::vector<std::string> names_of_commands(const CLI::App& app) {
  std::vector<std::string> names{"help"};
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(command->get_name());
  }
  return names;
}

const CLI::App* find_command(const CLI::App& app, const std::string& name) {
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (command->get_name() == name) return command;
  }
  return nullptr;
}

/// ", did you mean \"check\"?", or nothing.
std::string suggestion(std::string_view word, const std::vector<std::string>& words) {
  const std::string best = nearest(word, words);
  return best.empty() ? std::string{} : fmt::format("; did you mean \"{}\"?", best);
}

/// What is wrong with the words of `arguments`, where we can say it better than CLI11; else empty.
std::string explain(const CLI::App& app, const std::vector<std::string>& arguments) {
  const auto first = std::find_if(arguments.begin(), arguments.end(),
                                  [](const std::string& word) { return !word.starts_with('-'); });
  const CLI::App* const command = first == arguments.end() ? nullptr : find_command(app, *first);
  if (first == arguments.begin() && command == nullptr && first != arguments.end()) {
    return fmt::format("there is no command \"{}\"{}", printable(*first),
                       suggestion(*first, names_of_commands(app)));
  }

  const CommandDoc doc = document(command == nullptr ? app : *command);
  std::vector<std::string> options;
  for (const OptionDoc& option : doc.options) {
    options.insert(options.end(), option.names.begin(), option.names.end());
  }
  for (const std::string& word : arguments) {
    if (word == "--") break;
    const std::string name = word.substr(0, word.find('='));
    const bool is_known = std::find(options.begin(), options.end(), name) != options.end();
    if (!name.starts_with("--") || is_known) continue;
    return fmt::format("{} has no option \"{}\"{}", doc.full_name, printable(name),
                       suggestion(name, options));
  }
  return {};
}

ExitCode refuse(const CLI::App& app, const Context& context,
                const std::vector<std::string>& arguments, const CLI::ParseError& error) {
  const std::string better = explain(app, arguments);
  context.complain(better.empty() ? printable(error.what()) : better);
  std::string name = "chantrace";
  if (!arguments.empty() && find_command(app, arguments.front()) != nullptr) {
    name += " " + arguments.front();
  }
  fmt::print(stderr, "Try \"{} --help\".\n", name);
  return ExitCode::kUsage;
}

ExitCode parse_and_run(CLI::App& app, Context& context, const std::vector<std::string>& arguments) {
  // CLI11 takes them from the back.
  std::vector<std::string> reversed{arguments.rbegin(), arguments.rend()};
  try {
    app.parse(std::move(reversed));
    if (app.get_subcommands().empty()) {
      fmt::print(stderr, "{}", app.help());
      return ExitCode::kUsage;
    }
  } catch (const CLI::CallForHelp&) {
    context.out.write(app.get_subcommands().empty() ? app.help()
                                                    : app.get_subcommands().front()->help());
  } catch (const CLI::CallForVersion& version) {
    context.out.write(fmt::format("{}\n", version.what()));
  } catch (const CLI::ParseError& error) {
    return refuse(app, context, arguments, error);
  }
  return context.exit_code;
}

}  // namespace

void describe_app(CLI::App& app) {
  app.name("chantrace");
  app.description(std::string(kDescription));
  app.footer(std::string(kFooter));
  app.formatter(std::make_shared<HelpFormatter>());
  app.set_help_flag("-h,--help", "Say how to use this");
  app.set_version_flag("--version", "chantrace " CHANTRACE_VERSION, "Say which version this is");
  app.require_subcommand(0, 1);
}

int run(CLI::App& app, Context& context, std::vector<std::string> arguments) {
  // A reader that goes away ("| head") is then an error of `write`, which ends the command quietly.
  std::signal(SIGPIPE, SIG_IGN);

  // "help check" is what a person tries first.
  if (!arguments.empty() && arguments.front() == "help") {
    arguments.erase(arguments.begin());
    arguments.resize(std::min<std::size_t>(arguments.size(), 1));
    arguments.emplace_back("--help");
  }

  ExitCode exit_code = parse_and_run(app, context, arguments);
  context.out.flush();
  if (const std::string error = context.out.error(); !error.empty()) {
    context.complain("cannot write the output: " + error);
    exit_code = ExitCode::kUnreadable;
  }
  return static_cast<int>(exit_code);
}

}  // namespace chantrace::replay
