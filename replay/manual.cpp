#include "manual.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <string_view>

namespace chantrace::replay {
namespace {

/// `text` so that `man` takes no part of it as its own.
std::string escaped(std::string_view text) {
  std::string result;
  bool is_line_start = true;
  for (const char c : text) {
    if (is_line_start && (c == '.' || c == '\'')) result += "\\&";
    if (c == '\\') {
      result += "\\e";
    } else if (c == '-') {
      result += "\\-";
    } else {
      result += c;
    }
    is_line_start = c == '\n';
  }
  return result;
}

void append_options(std::string& page, const CommandDoc& command) {
  for (const OptionDoc& option : command.options) {
    std::string term;
    for (const std::string& name : option.names) {
      term += fmt::format("{}\\fB{}\\fR", term.empty() ? "" : ", ", escaped(name));
    }
    if (option.takes_value()) {
      term += fmt::format("{}\\fI{}\\fR", term.empty() ? "" : " ", escaped(option.placeholder));
    }
    page += fmt::format(".TP\n{}\n{}\n", term, escaped(option.description));
  }
}

/// "Examples:" and what is indented below it, each such part under a heading of its own.
void append_footer(std::string& page, std::string_view footer, std::string_view heading_macro) {
  bool is_verbatim = false;
  while (!footer.empty()) {
    const std::size_t end = std::min(footer.find('\n'), footer.size());
    const std::string_view line = footer.substr(0, end);
    footer.remove_prefix(std::min(end + 1, footer.size()));
    const bool is_indented = line.starts_with("  ");
    if (is_verbatim != is_indented && (is_indented || !line.empty())) {
      page += is_indented ? ".nf\n" : ".fi\n";
      is_verbatim = is_indented;
    }
    if (is_indented) {
      page += escaped(line.substr(2)) + "\n";
    } else if (line.ends_with(':')) {
      std::string heading{line.substr(0, line.size() - 1)};
      if (heading_macro == ".SH") {
        std::transform(heading.begin(), heading.end(), heading.begin(),
                       [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
      }
      page += fmt::format("{} {}\n", heading_macro, heading);
    } else if (!line.empty()) {
      page += ".PP\n" + escaped(line) + "\n";
    }
  }
  if (is_verbatim) page += ".fi\n";
}

}  // namespace

std::string manual_page(const CommandDoc& doc) {
  std::string page = fmt::format(
      ".TH CHANTRACE 1 \"\" \"chantrace {}\" \"User Commands\"\n"
      ".SH NAME\n{} \\- {}\n.SH SYNOPSIS\n",
      CHANTRACE_VERSION, doc.name, escaped(doc.summary));
  for (const CommandDoc& command : doc.commands) {
    page += fmt::format(".B {}\n.br\n", escaped(command.usage()));
  }
  page += fmt::format(".SH DESCRIPTION\n{}\n.SH OPTIONS\n", escaped(doc.description));
  append_options(page, doc);
  page += ".SH COMMANDS\n";
  for (const CommandDoc& command : doc.commands) {
    page += fmt::format(".SS {}\n{}.\n", escaped(command.full_name), escaped(command.summary));
    if (!command.description.empty()) page += ".PP\n" + escaped(command.description) + "\n";
    append_options(page, command);
    append_footer(page, command.footer, ".PP\n.B");
  }
  page +=
      ".SH ENVIRONMENT\n"
      ".TP\n\\fBNO_COLOR\\fR\nWhen not empty, nothing is coloured unless \\-\\-color=always.\n"
      ".TP\n\\fBCOLUMNS\\fR\nThe width of output that goes to no terminal.\n"
      ".TP\n\\fBLC_ALL\\fR, \\fBLC_CTYPE\\fR, \\fBLANG\\fR\n"
      "Where they name an encoding other than UTF\\-8, output is ASCII.\n";
  append_footer(page, doc.footer, ".SH");
  return page;
}

void add_manual(CLI::App& app, Context& context) {
  CLI::App& command = *app.add_subcommand("man", "writes the manual page");
  set_examples(command, {{"Read it:", "chantrace man | man -l -"},
                         {"Install it:", "chantrace man > /usr/local/share/man/man1/chantrace.1"}});
  command.callback([&app, &context] { context.out.write(manual_page(document(app))); });
}

}  // namespace chantrace::replay
