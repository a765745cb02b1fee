#include <fmt/format.h>

#include <algorithm>

#include "model/quantity.h"
#include "report.h"

namespace chantrace::replay {

using view::counted;
using view::grouped;
namespace {

// Beyond this, one long name would push all the others' reasons off the screen.
constexpr std::size_t kTitleColumnsMax = 44;
constexpr int kDetailIndent = 6;

bool is_warning(const JudgedFinding& judged) {
  return !judged.is_failing && !judged.is_allowed && judged.finding.certainty != Certainty::kNote;
}

std::string counts_in_words(const Verdict& verdict) {
  return fmt::format("{}, {}, {}", counted(verdict.tasks_count, "task"),
                     counted(verdict.channels_count, "channel"),
                     counted(verdict.events_count, "event"));
}

std::string reason_in_words(const Verdict& verdict) {
  const std::vector<Finding> failing = verdict.failing_findings();
  if (failing.empty()) return "incomplete";
  return failing.size() == 1 ? failing.front().summary : summarize(failing);
}

std::string status_line(const Verdict& verdict, std::size_t title_columns, const Palette& palette) {
  const std::string title = pad_right(verdict.title, title_columns);
  if (verdict.is_failing) {
    return fmt::format("{}  {}  {}\n", palette.paint(Style::kBad, "FAIL"), title,
                       reason_in_words(verdict));
  }
  const bool warns = verdict.is_incomplete || !verdict.warnings.empty() || verdict.lost_count > 0 ||
                     std::any_of(verdict.findings.begin(), verdict.findings.end(), is_warning);
  const std::string status =
      warns ? palette.paint(Style::kWarning, "warn") : palette.paint(Style::kGood, "ok  ");
  std::string remark;
  if (verdict.allowed_count() > 0) {
    remark += fmt::format("; {} allowed", counted(verdict.allowed_count(), "finding"));
  }
  if (verdict.passed == false) remark += "; the test itself failed";
  return fmt::format("{}  {}  {}{}\n", status, title,
                     palette.paint(Style::kFaint, counts_in_words(verdict)), remark);
}

std::string indented(std::string_view label, std::string_view text, Style style,
                     const Palette& palette) {
  return fmt::format("{:{}}{}  {}\n", "", kDetailIndent, palette.paint(style, label), text);
}

std::string details(const Verdict& verdict, const TextOptions& options) {
  std::string text;
  std::size_t shown = 0;
  std::size_t hidden = 0;
  for (const JudgedFinding& judged : verdict.findings) {
    if (judged.is_allowed) continue;
    if (shown == options.findings_max) {
      ++hidden;
      continue;
    }
    ++shown;
    if (judged.is_failing) {
      text += to_text(judged.finding, kDetailIndent);
    } else if (judged.finding.certainty == Certainty::kNote) {
      text += indented("note:   ", judged.finding.summary, Style::kFaint, options.palette);
    } else {
      text += indented("warning:", judged.finding.summary, Style::kWarning, options.palette);
    }
  }
  if (hidden > 0) {
    text += fmt::format("{:{}}... and {} (--findings 0 shows all)\n", "", kDetailIndent,
                        counted(hidden, "more finding", "more findings"));
  }
  if (verdict.is_incomplete) {
    text += indented("warning:", incomplete_in_words(), Style::kWarning, options.palette);
  }
  if (verdict.lost_count > 0) {
    text += indented("warning:", counted(verdict.lost_count, "event was", "events were") + " lost",
                     Style::kWarning, options.palette);
  }
  for (const std::string& warning : verdict.warnings) {
    text += indented("warning:", warning, Style::kWarning, options.palette);
  }
  if (verdict.is_failing) {
    text += indented("look    ", fmt::format("chantrace show {}", printable(verdict.path.string())),
                     Style::kFaint, options.palette);
  }
  return text;
}

std::string summary_line(const CheckReport& report) {
  const auto failing = static_cast<std::uint64_t>(
      std::count_if(report.verdicts.begin(), report.verdicts.end(),
                    [](const Verdict& verdict) { return verdict.is_failing; }));
  const auto incomplete = static_cast<std::uint64_t>(
      std::count_if(report.verdicts.begin(), report.verdicts.end(),
                    [](const Verdict& verdict) { return verdict.is_incomplete; }));
  std::string text = counted(report.verdicts.size(), "trace");
  text += failing == 0 ? ", none with findings that fail"
                       : fmt::format(", {} with findings", grouped(failing));
  if (incomplete > 0) text += fmt::format(", {} incomplete", grouped(incomplete));
  if (!report.errors.empty()) text += fmt::format(", {} unreadable", grouped(report.errors.size()));
  return text + "\n";
}

}  // namespace

std::string to_text(const CheckReport& report, const TextOptions& options) {
  std::size_t title_columns = 0;
  for (const Verdict& verdict : report.verdicts) {
    if (options.is_quiet && !verdict.is_failing) continue;
    title_columns = std::max(title_columns, width_of(verdict.title));
  }
  title_columns = std::min(title_columns, kTitleColumnsMax);

  std::string text;
  for (const Verdict& verdict : report.verdicts) {
    if (options.is_quiet && !verdict.is_failing) continue;
    text += status_line(verdict, title_columns, options.palette);
    if (options.is_quiet) continue;
    const std::string below = details(verdict, options);
    text += options.width == 0 ? below : reflow(below, options.width);
  }
  if (!options.is_quiet) text += summary_line(report);
  return text;
}

}  // namespace chantrace::replay
