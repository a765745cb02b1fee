/// \file
/// What a user can tell the listener, on the command line or in the environment.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "chantrace/detail/control_options.h"
#include "chantrace/explore.h"
#include "chantrace/finding.h"
#include "chantrace/trace.h"

namespace chantrace {

/// Which traces stay.
enum class Keep { kFailed, kAll, kNone };

struct Flags {
  std::filesystem::path out = "traces";
  Keep keep = Keep::kFailed;
  std::set<FindingKind> fail_on;
  std::vector<std::string> allow;
  bool values = true;
  std::chrono::milliseconds patience{1'000};
  std::chrono::milliseconds foreign_patience{10'000};
  std::chrono::seconds watchdog{60};

  // Schedules. What is not given is left to the test's own options, or the library's.
  std::optional<std::uint64_t> explore;  ///< For each test; 0: runs on threads.
  std::optional<std::chrono::milliseconds> budget;
  std::optional<SearchStrategy> strategy;
  std::optional<std::uint64_t> seed;
  /// What this process explores of each test.
  std::optional<Shard> explore_shard;
  /// GoogleTest's shards are parts of each test's exploration, and no longer of the tests.
  bool takes_googletest_shards = false;
  std::optional<std::uint64_t> shrink;
  std::optional<std::uint64_t> steps_max;
  std::optional<std::uint64_t> stack_kib;
  std::optional<TimeMode> time_mode;
  std::optional<Schedule> replay;
  std::shared_ptr<const Trace> replayed_trace;  ///< Of threads: it has no schedule.
  std::string replay_text;                      ///< As it was given.
  detail::OperationOfTask stop_at;  ///< For a debugger, in a test that runs under a schedule.
  std::string program;              ///< As it was called.

  /// Whether tests run under a schedule, or in an order, that is given.
  bool replays() const { return replay.has_value() || replayed_trace != nullptr; }
  /// Whether each test is explored.
  bool explores() const { return explore ? *explore > 0 : budget.has_value(); }
  void apply_to(ExploreOptions& options) const;
};

/// Reads the environment, then the command line, whose flags it removes.
///
/// Errors: prints a line and ends the program with status 2.
Flags read_flags(int* argc, char** argv);

/// Whether `text` is like `pattern`, in which `*` stands for any text and `?` for one character.
bool matches(std::string_view pattern, std::string_view text);

}  // namespace chantrace
