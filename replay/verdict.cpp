#include "verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "model/naming.h"
#include "pattern.h"

namespace chantrace::replay {

using view::title_of;
namespace {

// Notes by nature: something to know, and no fault. They fail a trace only where they are asked
// for.
bool is_note_by_nature(FindingKind kind) {
  return kind == FindingKind::kForeignUnlock || kind == FindingKind::kValueLeft;
}

bool is_failing(const Finding& finding, const Policy& policy) {
  const bool is_asked_for =
      policy.fail_on.contains(finding.kind) ||
      (is_livelock(finding) && policy.fail_on.contains(FindingKind::kBlocked));
  if (!is_asked_for) return false;
  return finding.certainty != Certainty::kNote || is_note_by_nature(finding.kind);
}

/// The kinds that one word of `--fail-on` means; empty when it means none.
std::vector<FindingKind> kinds_of(std::string_view word) {
  if (word == "all") return all_finding_kinds();
  if (word == "default") {
    const std::set<FindingKind> kinds = default_fail_kinds();
    return {kinds.begin(), kinds.end()};
  }
  if (word == "misuse") {
    return {FindingKind::kMutexHeld, FindingKind::kSendOnClosed, FindingKind::kDoubleClose,
            FindingKind::kNegativeWaitGroup, FindingKind::kMisuse};
  }
  if (word == "blocked") return {FindingKind::kBlocked, FindingKind::kLostSignal};
  if (const auto kind = parse_finding_kind(word)) return {*kind};
  return {};
}

bool matches_place(std::string_view pattern, const Site& site) {
  if (!site.function.empty() && matches(pattern, site.function)) return true;
  if (site.file.empty()) return false;
  for (const std::string& place : {site.file, fmt::format("{}:{}", site.file, site.line)}) {
    std::string_view rest = place;
    while (true) {
      if (matches(pattern, rest)) return true;
      const std::size_t slash = rest.find('/');
      if (slash == std::string_view::npos) break;
      rest.remove_prefix(slash + 1);
    }
  }
  return false;
}

bool matches_finding(std::string_view pattern, const Finding& finding) {
  const auto fits = [&](const Participant& participant) {
    return (!participant.label.empty() && matches(pattern, participant.label)) ||
           matches_place(pattern, participant.site) ||
           matches_place(pattern, participant.started_at);
  };
  return std::any_of(finding.participants.begin(), finding.participants.end(), fits) ||
         std::any_of(finding.sites.begin(), finding.sites.end(),
                     [&](const FindingSite& place) { return matches_place(pattern, place.site); });
}

}  // namespace

std::set<FindingKind> default_fail_kinds() {
  return {FindingKind::kDeadlock,    FindingKind::kBlocked,
          FindingKind::kLeaked,      FindingKind::kException,
          FindingKind::kMutexHeld,   FindingKind::kSendOnClosed,
          FindingKind::kDoubleClose, FindingKind::kNegativeWaitGroup,
          FindingKind::kMisuse,      FindingKind::kLostSignal,
          FindingKind::kRace,        FindingKind::kDivergence,
          FindingKind::kInconsistent};
}

std::vector<FindingKind> all_finding_kinds() {
  std::vector<FindingKind> kinds;
  for (int number = 0; number <= static_cast<int>(FindingKind::kUncertain); ++number) {
    kinds.push_back(static_cast<FindingKind>(number));
  }
  return kinds;
}

Result<Policy, std::string> parse_policy(const std::string& fail_on,
                                         std::vector<std::string> allow) {
  Policy policy;
  policy.allow = std::move(allow);
  std::string_view rest = fail_on;
  while (!rest.empty()) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    const std::string_view word = rest.substr(0, comma);
    rest.remove_prefix(std::min(comma + 1, rest.size()));

    const std::vector<FindingKind> kinds = kinds_of(word);
    policy.fails_on_incomplete |= word == "incomplete" || word == "all";
    policy.fail_on.insert(kinds.begin(), kinds.end());
    if (!kinds.empty() || word == "incomplete" || word == "none") continue;

    std::vector<std::string> words{"all", "default", "incomplete", "none"};
    for (const FindingKind kind : all_finding_kinds()) words.emplace_back(to_string(kind));
    const std::string best = nearest(word, words);
    return fmt::format("--fail-on: there is no kind \"{}\"{}; there are {}", word,
                       best.empty() ? "" : fmt::format(", did you mean \"{}\"?", best),
                       fmt::join(words, ", "));
  }
  return policy;
}

bool is_allowed(const Finding& finding, const std::vector<std::string>& patterns) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const std::string& pattern) { return matches_finding(pattern, finding); });
}

std::vector<Finding> Verdict::failing_findings() const {
  std::vector<Finding> failing;
  for (const JudgedFinding& judged : findings) {
    if (judged.is_failing) failing.push_back(judged.finding);
  }
  return failing;
}

std::uint64_t Verdict::allowed_count() const {
  return static_cast<std::uint64_t>(
      std::count_if(findings.begin(), findings.end(),
                    [](const JudgedFinding& judged) { return judged.is_allowed; }));
}

std::vector<Finding> findings_of(const Trace& trace) {
  // The runtime knows more than it records (what an exception said, who still could act), and the
  // events show what it never looks for (orders of locks). The same fault seen by both is said
  // once.
  std::vector<Finding> findings = trace.end ? trace.end->findings : std::vector<Finding>{};
  const auto key = [](const Finding& finding) {
    return std::tuple{finding.kind, finding.task, finding.object};
  };
  std::set<std::tuple<FindingKind, TaskId, ObjectId>> seen;
  for (const Finding& finding : findings) seen.insert(key(finding));
  for (Finding& finding : analyze(trace)) {
    if (!seen.contains(key(finding))) findings.push_back(std::move(finding));
  }
  return findings;
}

Verdict judge(const Trace& trace, const std::filesystem::path& path, const Policy& policy) {
  Verdict verdict;
  verdict.path = path;
  verdict.title = title_of(trace, path.stem().string());
  verdict.program = trace.header.program;
  verdict.tasks_count = trace.tasks.size();
  verdict.channels_count = static_cast<std::uint64_t>(
      std::count_if(trace.objects.begin(), trace.objects.end(),
                    [](const ObjectInfo& object) { return object.kind == ObjectKind::kChannel; }));
  verdict.events_count = trace.events_count();
  verdict.lost_count = trace.lost_count();
  verdict.is_incomplete = trace.is_incomplete();
  if (trace.end) verdict.passed = trace.end->passed;
  verdict.warnings = trace.warnings;
  verdict.is_failing = policy.fails_on_incomplete && trace.is_incomplete();

  for (Finding& finding : findings_of(trace)) {
    JudgedFinding judged;
    judged.is_failing = is_failing(finding, policy);
    judged.is_allowed = judged.is_failing && is_allowed(finding, policy.allow);
    judged.is_failing &= !judged.is_allowed;
    judged.finding = std::move(finding);
    verdict.is_failing |= judged.is_failing;
    verdict.findings.push_back(std::move(judged));
  }
  std::stable_sort(verdict.findings.begin(), verdict.findings.end(),
                   [](const JudgedFinding& left, const JudgedFinding& right) {
                     return std::tuple{!left.is_failing, left.finding.certainty} <
                            std::tuple{!right.is_failing, right.finding.certainty};
                   });
  return verdict;
}

std::string_view incomplete_in_words() {
  return "incomplete: the process was killed or crashed before the test was over; some waits may "
         "only look endless";
}

}  // namespace chantrace::replay
