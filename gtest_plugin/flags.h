/// \file
/// What a user can tell the listener, on the command line or in the environment.
#pragma once

#include <chrono>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "chantrace/finding.h"

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
};

/// Reads the environment, then the command line, whose flags it removes.
///
/// Errors: prints a line and ends the program with status 2.
Flags read_flags(int* argc, char** argv);

/// Whether `text` is like `pattern`, in which `*` stands for any text and `?` for one character.
bool matches(std::string_view pattern, std::string_view text);

}  // namespace chantrace
