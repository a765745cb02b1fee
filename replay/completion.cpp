#include "completion.h"

#include <fmt/format.h>

#include <memory>
#include <string_view>

#include "shell.h"

namespace chantrace::replay {
namespace {

bool takes_files(const OptionDoc& option) {
  return option.placeholder == "FILE" || option.placeholder == "PATH";
}

std::string words_of(const CommandDoc& command) {
  std::string words;
  for (const OptionDoc& option : command.options) {
    for (const std::string& name : option.names) words += (words.empty() ? "" : " ") + name;
  }
  for (const OptionDoc& option : command.options) {
    if (!option.is_positional()) continue;
    for (const std::string& choice : option.choices) words += " " + choice;
  }
  return words;
}

/// The cases of bash's `case "$previous"` in which the word before the cursor wants a value.
std::string bash_values(const CommandDoc& command) {
  std::string cases;
  for (const OptionDoc& option : command.options) {
    if (option.is_positional() || !option.takes_value()) continue;
    const std::string names = fmt::format("{}", fmt::join(option.names, "|"));
    if (!option.choices.empty()) {
      cases +=
          fmt::format("        {}) COMPREPLY=($(compgen -W '{}' -- \"$current\")); return ;;\n",
                      names, fmt::join(option.choices, " "));
    } else if (takes_files(option)) {
      cases +=
          fmt::format("        {}) COMPREPLY=($(compgen -f -- \"$current\")); return ;;\n", names);
    } else {
      cases += fmt::format("        {}) return ;;\n", names);
    }
  }
  return cases.empty() ? "" : "      case \"$previous\" in\n" + cases + "      esac\n";
}

/// An argument of zsh's `_arguments`, in which brackets and colons have a meaning.
std::string zsh_text(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') result += '\\';
    result += c;
  }
  return result;
}

std::string zsh_value(const OptionDoc& option) {
  if (!option.choices.empty()) {
    return fmt::format(":{}:({})", option.placeholder, fmt::join(option.choices, " "));
  }
  return fmt::format(":{}:{}", option.placeholder, takes_files(option) ? "_files" : "");
}

std::string zsh_arguments(const CommandDoc& command) {
  std::string text;
  for (const OptionDoc& option : command.options) {
    if (option.is_positional()) {
      text += fmt::format(" \\\n        {}",
                          shell_quoted((option.is_repeatable ? "*" : "1") + zsh_value(option)));
    }
    for (const std::string& name : option.names) {
      const std::string value = option.takes_value() ? zsh_value(option) : "";
      const std::string repeat = option.is_repeatable ? "*" : "";
      text += fmt::format(
          " \\\n        {}",
          shell_quoted(repeat + name + "[" + zsh_text(option.description) + "]" + value));
    }
  }
  return text;
}

}  // namespace

std::string bash_completion(const CommandDoc& doc) {
  std::string commands;
  std::string cases;
  for (const CommandDoc& command : doc.commands) {
    commands += (commands.empty() ? "" : " ") + command.name;
    cases += fmt::format(
        "    {})\n{}      words='{}'\n"
        "      ;;\n",
        command.name, bash_values(command), words_of(command));
  }
  return fmt::format(
      "# Completion of chantrace for bash. To use it:\n"
      "#   chantrace completion bash > ~/.local/share/bash-completion/completions/chantrace\n"
      "_chantrace() {{\n"
      "  local current=\"${{COMP_WORDS[COMP_CWORD]}}\"\n"
      "  local previous=\"${{COMP_WORDS[COMP_CWORD-1]}}\"\n"
      "  local words\n"
      "  COMPREPLY=()\n"
      "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
      "    COMPREPLY=($(compgen -W '{} help {}' -- \"$current\"))\n"
      "    return\n"
      "  fi\n"
      "  case \"${{COMP_WORDS[1]}}\" in\n"
      "    help)\n      words='{}'\n      ;;\n"
      "{}"
      "  esac\n"
      "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
      "  case \"$current\" in\n"
      "    -*) ;;\n"
      "    *) COMPREPLY+=($(compgen -f -X '!*.chantrace' -- \"$current\") $(compgen -d -- "
      "\"$current\")) ;;\n"
      "  esac\n"
      "}}\n"
      "complete -o filenames -F _chantrace chantrace\n",
      commands, words_of(doc), commands, cases);
}

std::string zsh_completion(const CommandDoc& doc) {
  std::string commands;
  std::string cases;
  for (const CommandDoc& command : doc.commands) {
    commands += "    " + shell_quoted(command.name + ":" + command.summary) + "\n";
    cases += fmt::format("    {})\n      _arguments{}\n      ;;\n", command.name,
                         zsh_arguments(command));
  }
  return fmt::format(
      "#compdef chantrace\n"
      "# Completion of chantrace for zsh. To use it, in a folder of $fpath:\n"
      "#   chantrace completion zsh > _chantrace\n"
      "_chantrace() {{\n"
      "  local -a commands\n"
      "  commands=(\n{}  )\n"
      "  if (( CURRENT == 2 )); then\n"
      "    _describe command commands\n"
      "    return\n"
      "  fi\n"
      "  local command=\"$words[2]\"\n"
      "  shift words\n"
      "  (( CURRENT-- ))\n"
      "  case \"$command\" in\n{}  esac\n"
      "}}\n"
      "if [ \"$funcstack[1]\" = _chantrace ]; then _chantrace \"$@\"; else compdef _chantrace "
      "chantrace; fi\n",
      commands, cases);
}

std::string fish_completion(const CommandDoc& doc) {
  std::string text =
      "# Completion of chantrace for fish. To use it:\n"
      "#   chantrace completion fish > ~/.config/fish/completions/chantrace.fish\n";
  for (const CommandDoc& command : doc.commands) {
    text += fmt::format("complete -c chantrace -f -n __fish_use_subcommand -a {} -d {}\n",
                        command.name, shell_quoted(command.summary));
  }
  for (const CommandDoc& command : doc.commands) {
    const std::string when =
        fmt::format("complete -c chantrace -n '__fish_seen_subcommand_from {}'", command.name);
    for (const OptionDoc& option : command.options) {
      std::string line = when;
      for (const std::string& name : option.names) {
        line += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
      }
      if (option.is_positional()) {
        if (option.choices.empty()) continue;  // Files, which fish offers by itself.
        line += " -f";
      }
      if (option.takes_value() && !option.is_positional())
        line += takes_files(option) ? " -r" : " -x";
      if (!option.choices.empty()) {
        line += fmt::format(" -a '{}'", fmt::join(option.choices, " "));
      }
      text += line + " -d " + shell_quoted(option.description) + "\n";
    }
  }
  return text;
}

void add_completion(CLI::App& app, Context& context) {
  CLI::App& command = *app.add_subcommand("completion", "writes a completion script for a shell");
  const auto shell = std::make_shared<std::string>();
  command.add_option("SHELL", *shell, "The shell")
      ->type_name("SHELL")
      ->check(one_of({"bash", "zsh", "fish"}))
      ->required();
  set_examples(command, {{"For bash, once:",
                          "chantrace completion bash > "
                          "~/.local/share/bash-completion/completions/chantrace"}});
  command.callback([&app, &context, shell] {
    const CommandDoc doc = document(app);
    context.out.write(*shell == "bash"  ? bash_completion(doc)
                      : *shell == "zsh" ? zsh_completion(doc)
                                        : fish_completion(doc));
  });
}

}  // namespace chantrace::replay
