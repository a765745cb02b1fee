/// \file
/// What is made of a trace's findings: which of them fail it, and what is to be said about the
/// rest.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "chantrace/finding.h"
#include "chantrace/trace.h"

namespace chantrace::replay {

/// What the user wants to fail, and what to let pass.
///
/// Threads: a plain value.
struct Policy {
  std::set<FindingKind> fail_on;
  bool fails_on_incomplete = false;
  std::vector<std::string> allow;  ///< Patterns, see `is_allowed`.
};

/// Kinds that fail a trace when nothing else is asked.
std::set<FindingKind> default_fail_kinds();

/// Every kind there is, in the order of their numbers.
std::vector<FindingKind> all_finding_kinds();

/// Reads `--fail-on`: names of kinds, the groups "misuse" and "blocked", "incomplete", "default"
/// and "all", separated by commas.
///
/// Errors: the reason, which names the word and lists what there is.
Result<Policy, std::string> parse_policy(const std::string& fail_on,
                                         std::vector<std::string> allow);

/// True when a pattern fits a task of the finding, its object, or one of its places, as a function
/// or as "file:line" with as much of the path as the pattern has. See `matches`.
bool is_allowed(const Finding& finding, const std::vector<std::string>& patterns);

/// A finding, and what the policy says to it.
struct JudgedFinding {
  Finding finding;
  bool is_failing = false;
  bool is_allowed = false;  ///< It would fail, and the user lets it pass.
  /// How many traces show it, where it stands for those of all of them.
  std::optional<std::uint64_t> traces_count = {};
};

/// All that `check` says about one trace. Holds no part of the trace itself, so that thousands of
/// them can be checked at once.
///
/// Threads: a plain value.
struct Verdict {
  std::filesystem::path path;
  std::string title;
  std::string program;
  std::uint64_t tasks_count = 0;
  std::uint64_t channels_count = 0;
  std::uint64_t events_count = 0;
  std::uint64_t lost_count = 0;
  bool is_incomplete = false;
  std::optional<bool> passed;  ///< What the test itself said; nullopt when it was cut off.
  std::vector<JudgedFinding> findings;
  std::vector<std::string> warnings;
  bool is_failing = false;

  std::vector<Finding> failing_findings() const;
  std::uint64_t allowed_count() const;
};

/// All findings of `trace`: what the runtime saw itself, and what its events show beyond that.
std::vector<Finding> findings_of(const Trace& trace);

Verdict judge(const Trace& trace, const std::filesystem::path& path, const Policy& policy);

/// Why a trace without an end is not a whole one, in words.
std::string_view incomplete_in_words();

}  // namespace chantrace::replay
