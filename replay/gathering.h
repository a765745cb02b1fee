/// \file
/// Gathers the findings of many traces: each once, counted, with the smallest trace that shows it.
#pragma once

#include <compare>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "chantrace/trace.h"
#include "verdict.h"

namespace chantrace::replay {

/// How much there is to read of a trace. Those with a schedule come first, as they can be run again
/// exactly; of them those with the fewest switches between tasks.
struct TraceSize {
  bool has_no_schedule = false;
  std::uint64_t switches = 0;
  std::uint64_t events = 0;

  friend auto operator<=>(const TraceSize&, const TraceSize&) = default;
};

TraceSize size_of(const Trace& trace);

/// A trace that shows a finding.
struct Example {
  TraceSize size;
  std::filesystem::path path;
  std::string test;
  std::string program;
  std::string schedule;  ///< As a token; empty: none.

  /// Equal only for one and the same.
  friend auto operator<=>(const Example&, const Example&) = default;
};

/// One finding, however many traces show it.
struct GatheredFinding {
  JudgedFinding judged;  ///< As the smallest trace shows it.
  std::string fingerprint;
  std::uint64_t traces_count = 0;
  std::map<std::string, std::uint64_t> tests;  ///< Traces of each test.
  Example smallest;
};

/// Tests that failed by themselves: an assertion did not hold, and nothing was found.
struct GatheredFailure {
  std::uint64_t traces_count = 0;
  Example smallest;
};

/// Grows with what is found, not with the number of traces.
struct Gathering {
  std::map<std::string, GatheredFinding> findings;  ///< By fingerprint.
  std::map<std::string, GatheredFailure> failures;  ///< By test.
  std::uint64_t traces_count = 0;
  std::uint64_t failed_count = 0;  ///< With findings that fail.
  std::uint64_t incomplete_count = 0;
  std::uint64_t allowed_count = 0;             ///< Findings.
  std::map<std::string, std::uint64_t> tests;  ///< Traces of each test.
  std::vector<TraceError> errors;

  /// Those that fail first, then by how many traces show them.
  std::vector<const GatheredFinding*> sorted() const;
};

/// Adds what `policy` makes of `trace`. The order in which traces are added makes no difference.
void gather(const Trace& trace, const std::filesystem::path& path, const Policy& policy,
            Gathering& gathering);

/// The name of the file in which an example of this finding is kept:
/// "deadlock-pool.cpp-95-1f3a...".
std::string example_name(const std::string& fingerprint);

/// Writes the smallest trace of each finding and failure into `folder`. One that is there already
/// for the same stays, unless it is larger; anything else of that name stays, and is an error. The
/// examples of `gathering` are then those of the folder.
///
/// Returns: how many were written. Errors are added to those of `gathering`.
std::uint64_t keep_examples(Gathering& gathering, const std::filesystem::path& folder,
                            const Policy& policy);

}  // namespace chantrace::replay
