#include "merge_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "model/quantity.h"
#include "report_json.h"
#include "shell.h"

namespace chantrace::replay {

using view::counted;
using view::grouped;
namespace {

using Json = nlohmann::ordered_json;

// Raised when a key changes its meaning or goes; never for a new key.
constexpr int kMergeVersion = 1;
// Of the tests that show a finding, so many are named.
constexpr std::size_t kTestsMax = 4;

std::string_view file_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

/// "Pool.ShutsDown (12 traces), Pool.Drains"
std::string tests_in_words(const std::map<std::string, std::uint64_t>& tests) {
  std::vector<std::pair<std::string, std::uint64_t>> often{tests.begin(), tests.end()};
  std::stable_sort(often.begin(), often.end(),
                   [](const auto& left, const auto& right) { return left.second > right.second; });
  std::string words;
  for (std::size_t index = 0; index < std::min(often.size(), kTestsMax); ++index) {
    if (index > 0) words += ", ";
    words += often[index].first;
    if (tests.size() > 1) words += fmt::format(" ({})", grouped(often[index].second));
  }
  if (often.size() > kTestsMax)
    words += fmt::format(" and {}", counted(often.size() - kTestsMax, "more test"));
  return words;
}

class MergeText {
 public:
  MergeText(const MergeReport& report, const Drawing& drawing)
      : report_(report), drawing_(drawing) {}

  std::string draw(std::size_t findings_max) {
    const Gathering& gathering = report_.gathering;
    const std::vector<const GatheredFinding*> findings = gathering.sorted();
    const std::size_t most = findings_max == 0 ? findings.size() : findings_max;
    for (std::size_t index = 0; index < std::min(most, findings.size()); ++index)
      add(*findings[index]);
    if (findings.size() > most)
      text_ += fmt::format("... and {} (--findings 0 shows all)\n",
                           counted(findings.size() - most, "more finding"));
    std::size_t shown = 0;
    for (const auto& [test, failure] : gathering.failures) {
      if (findings_max != 0 && shown++ == findings_max) {
        text_ += fmt::format("... and {} that failed (--findings 0 shows all)\n",
                             counted(gathering.failures.size() - findings_max, "more test"));
        break;
      }
      add(test, failure);
    }
    add_summary();
    return std::move(text_);
  }

 private:
  void add_head(Style style, std::string_view status, std::uint64_t traces_count,
                const std::string& what) {
    text_ += reflow(fmt::format("{}  {}  {}\n", drawing_.palette.paint(style, status),
                                pad_left(counted(traces_count, "trace"), 10), what),
                    drawing_.width, drawing_.charset);
  }
  void add_line(std::string_view label, const std::string& what) {
    text_ += fmt::format("      {}  {}\n",
                         drawing_.palette.paint(Style::kFaint, pad_right(label, 8)), what);
  }

  std::string shown(const std::string& text) const { return printable(text, drawing_.charset); }

  void add_example(const Example& example) {
    std::string size = counted(example.size.events, "event");
    if (!example.size.has_no_schedule)
      size += ", " + counted(example.size.switches, "turn") + " of tasks";
    const std::string path = shown(example.path.string());
    add_line("smallest", fmt::format("{}  ({})", path, size));
    std::string again = "chantrace replay " + shell_word(path);
    const std::string program = shown(std::string(file_name(example.program)));
    if (!program.empty()) again += " -- " + shell_word("./" + program);
    add_line("again", again);
  }

  void add(const GatheredFinding& finding) {
    add_head(finding.judged.is_failing ? Style::kBad : Style::kWarning,
             finding.judged.is_failing ? "FAIL" : "warn", finding.traces_count,
             fmt::format("{} ({})", shown(finding.judged.finding.summary),
                         to_string(finding.judged.finding.certainty)));
    const std::size_t space = finding.fingerprint.find(' ');
    if (space != std::string::npos && main_place(finding.judged.finding) != nullptr)
      add_line("at", shown(finding.fingerprint.substr(space + 1)));
    add_line("in", shown(tests_in_words(finding.tests)));
    add_example(finding.smallest);
  }

  void add(const std::string& test, const GatheredFailure& failure) {
    add_head(Style::kWarning, "warn", failure.traces_count,
             shown(test) + " failed by itself; nothing was found");
    add_example(failure.smallest);
  }

  void add_summary() {
    const Gathering& gathering = report_.gathering;
    std::string line = fmt::format("{} of {}: ", counted(gathering.traces_count, "trace"),
                                   counted(gathering.tests.size(), "test"));
    line += gathering.findings.empty() ? "nothing found"
                                       : counted(gathering.findings.size(), "finding");
    if (gathering.failed_count > 0)
      line += fmt::format(", {} {}", counted(gathering.failed_count, "trace"),
                          gathering.failed_count == 1 ? "fails" : "fail");
    if (gathering.allowed_count > 0)
      line += fmt::format(", {} allowed", grouped(gathering.allowed_count));
    if (gathering.incomplete_count > 0)
      line += fmt::format(", {} incomplete", grouped(gathering.incomplete_count));
    if (!gathering.errors.empty())
      line += fmt::format(", {}", counted(gathering.errors.size(), "error"));
    text_ += line + "\n";
    if (report_.kept_count)
      text_ += fmt::format("{} written\n", counted(*report_.kept_count, "example"));
  }

  const MergeReport& report_;
  const Drawing& drawing_;
  std::string text_;
};

Json to_json(const Example& example) {
  return {{"path", example.path.string()},
          {"test", example.test},
          {"program", example.program},
          {"events_count", std::to_string(example.size.events)},
          {"schedule", example.schedule.empty() ? Json(nullptr) : Json(example.schedule)}};
}

Json to_json(const std::map<std::string, std::uint64_t>& tests) {
  Json array = Json::array();
  for (const auto& [test, count] : tests)
    array.push_back({{"test", test}, {"traces_count", count}});
  return array;
}

}  // namespace

std::string to_text(const MergeReport& report, const Drawing& drawing, std::size_t findings_max) {
  return MergeText{report, drawing}.draw(findings_max);
}

std::string to_json(const MergeReport& report) {
  const Gathering& gathering = report.gathering;
  Json findings = Json::array();
  for (const GatheredFinding* const finding : gathering.sorted()) {
    Json one{{"fingerprint", finding->fingerprint},
             {"traces_count", finding->traces_count},
             {"tests", to_json(finding->tests)},
             {"smallest", to_json(finding->smallest)}};
    one["finding"] = to_json(finding->judged);
    findings.push_back(std::move(one));
  }
  Json failures = Json::array();
  for (const auto& [test, failure] : gathering.failures)
    failures.push_back({{"test", test},
                        {"traces_count", failure.traces_count},
                        {"smallest", to_json(failure.smallest)}});
  const Json json{{"version", kMergeVersion},
                  {"tool", {{"name", "chantrace"}, {"version", CHANTRACE_VERSION}}},
                  {"summary",
                   {{"traces_count", gathering.traces_count},
                    {"tests_count", gathering.tests.size()},
                    {"failed_count", gathering.failed_count},
                    {"incomplete_count", gathering.incomplete_count},
                    {"findings_count", gathering.findings.size()},
                    {"allowed_count", gathering.allowed_count},
                    {"errors_count", gathering.errors.size()}}},
                  {"findings", std::move(findings)},
                  {"failures", std::move(failures)},
                  {"errors", to_json(gathering.errors)}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string to_sarif(const MergeReport& report) {
  CheckReport check;
  check.errors = report.gathering.errors;
  check.base_directory = report.base_directory;
  for (const GatheredFinding* const finding : report.gathering.sorted()) {
    Verdict verdict;
    verdict.path = finding->smallest.path;
    verdict.title = tests_in_words(finding->tests);
    verdict.findings.push_back(finding->judged);
    verdict.findings.back().traces_count = finding->traces_count;
    check.verdicts.push_back(std::move(verdict));
  }
  return to_sarif(check);
}

}  // namespace chantrace::replay
