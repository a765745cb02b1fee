#include <fmt/format.h>

#include "report.h"

namespace chantrace::replay {
namespace {

/// `text` so that it stays within one workflow command.
std::string escaped(std::string_view text, bool is_property) {
  std::string result;
  for (const char c : text) {
    const bool ends_a_property = is_property && (c == ':' || c == ',');
    if (c == '%' || c == '\r' || c == '\n' || ends_a_property) {
      result += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    } else {
      result += c;
    }
  }
  return result;
}

std::string_view command_of(const JudgedFinding& judged) {
  if (judged.is_failing) return "error";
  return judged.finding.certainty == Certainty::kNote || judged.is_allowed ? "notice" : "warning";
}

std::string annotation(const Verdict& verdict, const JudgedFinding& judged,
                       const CheckReport& report) {
  const Finding& finding = judged.finding;
  std::string properties;
  if (const Site* const place = main_place(finding); place != nullptr) {
    properties +=
        fmt::format("file={},", escaped(relative_file(place->file, report.base_directory), true));
    if (place->line > 0) properties += fmt::format("line={},", place->line);
  }
  const std::string title = fmt::format("{} ({}) in {}", to_string(finding.kind),
                                        to_string(finding.certainty), verdict.title);
  std::string message = finding.summary;
  for (const std::string& line : finding.reason) message += "\n" + line;
  return fmt::format("::{} {}title={}::{}\n", command_of(judged), properties, escaped(title, true),
                     escaped(message, false));
}

}  // namespace

std::string to_github(const CheckReport& report) {
  std::string text;
  for (const Verdict& verdict : report.verdicts) {
    for (const JudgedFinding& judged : verdict.findings)
      text += annotation(verdict, judged, report);
    if (verdict.is_incomplete) {
      text += fmt::format("::{} title={}::{}\n", verdict.is_failing ? "error" : "warning",
                          escaped("incomplete trace of " + verdict.title, true),
                          escaped(incomplete_in_words(), false));
    }
  }
  for (const TraceError& error : report.errors) {
    text += fmt::format("::error title=unreadable trace::{}\n", escaped(error.to_string(), false));
  }
  return text;
}

}  // namespace chantrace::replay
