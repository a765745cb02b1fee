#include "gathering.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <system_error>
#include <tuple>

#include "input.h"

namespace chantrace::replay {
namespace {

namespace fs = std::filesystem;

/// The longest readable part of an example's name.
constexpr std::size_t kNameMax = 80;

Example example_of(const Trace& trace, const fs::path& path, const Verdict& verdict) {
  const bool has_schedule = trace.end && trace.end->schedule;
  return {.size = size_of(trace),
          .path = path,
          .test = verdict.title,
          .program = verdict.program,
          .schedule = has_schedule ? trace.end->schedule->to_string() : std::string()};
}

bool is_gathered(const JudgedFinding& judged) {
  return judged.is_failing || (!judged.is_allowed && judged.finding.certainty != Certainty::kNote);
}

std::uint64_t hash_of(std::string_view text) {
  // Source: FNV-1a.
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

/// By which name the failure of a test goes that nothing was found of.
std::string fingerprint_of_failure(const std::string& test) { return "failed " + test; }

/// `trace` as an example of what goes by `fingerprint`; nullopt: it is none.
std::optional<Example> as_example(const Trace& trace, const fs::path& path, const Policy& policy,
                                  const std::string& fingerprint) {
  Gathering alone;
  gather(trace, path, policy, alone);
  const auto finding = alone.findings.find(fingerprint);
  if (finding != alone.findings.end()) return finding->second.smallest;
  for (const auto& [test, failure] : alone.failures)
    if (fingerprint_of_failure(test) == fingerprint) return failure.smallest;
  return std::nullopt;
}

/// Keeps `example`, or makes it the one that is kept already. Returns whether it was written.
Result<bool, TraceError> keep(Example& example, const std::string& fingerprint,
                              const fs::path& folder, const Policy& policy) {
  const fs::path target = folder / (example_name(fingerprint) + std::string(kTraceExtension));
  std::error_code ignored;
  if (fs::exists(fs::symlink_status(target, ignored))) {
    const auto there = load_trace(target);
    const auto kept =
        there.has_value() ? as_example(there.value(), target, policy, fingerprint) : std::nullopt;
    if (!kept)
      return TraceError{.path = target.string(),
                        .offset_bytes = 0,
                        .reason = "is something else, and was not overwritten"};
    if (kept->size <= example.size) {
      example = *kept;
      return false;
    }
  }
  const auto trace = load_trace(example.path);
  if (!trace.has_value()) return trace.error();
  if (auto failure = write_trace(trace.value(), target)) return *failure;
  example.path = target;
  return true;
}

}  // namespace

TraceSize size_of(const Trace& trace) {
  const bool has_schedule = trace.end && trace.end->schedule;
  return {.has_no_schedule = !has_schedule,
          .switches = has_schedule ? trace.end->schedule->segments.size() : 0,
          .events = trace.events_count()};
}

std::vector<const GatheredFinding*> Gathering::sorted() const {
  std::vector<const GatheredFinding*> all;
  for (const auto& [fingerprint, finding] : findings) all.push_back(&finding);
  std::stable_sort(all.begin(), all.end(),
                   [](const GatheredFinding* left, const GatheredFinding* right) {
                     return std::tuple{!left->judged.is_failing, right->traces_count} <
                            std::tuple{!right->judged.is_failing, left->traces_count};
                   });
  return all;
}

void gather(const Trace& trace, const fs::path& path, const Policy& policy, Gathering& gathering) {
  const Verdict verdict = judge(trace, path, policy);
  const Example example = example_of(trace, path, verdict);
  ++gathering.traces_count;
  ++gathering.tests[verdict.title];
  gathering.failed_count += verdict.is_failing ? 1 : 0;
  gathering.incomplete_count += verdict.is_incomplete ? 1 : 0;
  gathering.allowed_count += verdict.allowed_count();

  std::set<std::string> seen;  // A trace may show one twice, and counts once.
  for (const JudgedFinding& judged : verdict.findings) {
    if (!is_gathered(judged)) continue;
    const std::string print = fingerprint(judged.finding);
    if (!seen.insert(print).second) continue;
    const auto [entry, is_new] = gathering.findings.try_emplace(print);
    GatheredFinding& gathered = entry->second;
    ++gathered.traces_count;
    ++gathered.tests[verdict.title];
    const bool is_failing = judged.is_failing || gathered.judged.is_failing;
    if (is_new || example < gathered.smallest) {
      gathered.judged = judged;
      gathered.fingerprint = print;
      gathered.smallest = example;
    }
    gathered.judged.is_failing = is_failing;
  }
  if (!seen.empty() || verdict.allowed_count() > 0 || verdict.passed.value_or(true)) return;
  const auto [entry, is_new] = gathering.failures.try_emplace(verdict.title);
  ++entry->second.traces_count;
  if (is_new || example < entry->second.smallest) entry->second.smallest = example;
}

std::string example_name(const std::string& fingerprint) {
  std::string name;
  for (const char c : fingerprint.substr(0, kNameMax)) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || c == '.' || c == '_';
    if (is_plain)
      name += c;
    else if (!name.empty() && name.back() != '-')
      name += '-';
  }
  // Names that only look alike are told apart.
  return fmt::format("{}{}{:08x}", name, name.ends_with('-') ? "" : "-",
                     hash_of(fingerprint) & 0xffffffff);
}

std::uint64_t keep_examples(Gathering& gathering, const fs::path& folder, const Policy& policy) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) {
    gathering.errors.push_back(
        {.path = folder.string(), .offset_bytes = 0, .reason = error.message()});
    return 0;
  }
  std::uint64_t written = 0;
  const auto keep_one = [&](Example& example, const std::string& fingerprint) {
    const auto kept = keep(example, fingerprint, folder, policy);
    if (!kept.has_value())
      gathering.errors.push_back(kept.error());
    else
      written += kept.value() ? 1 : 0;
  };
  for (auto& [fingerprint, finding] : gathering.findings) keep_one(finding.smallest, fingerprint);
  for (auto& [test, failure] : gathering.failures)
    keep_one(failure.smallest, fingerprint_of_failure(test));
  return written;
}

}  // namespace chantrace::replay
