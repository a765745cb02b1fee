/// \file
/// The programs that are measured, and what others have measured of them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bugs/programs.h"
#include "chantrace/schedule.h"

namespace chantrace::bench {

/// How often one schedule shows the bug: under the random walk, PCT of depth 3, and POS.
struct Rates {
  double random = 0;
  double priorities = 0;
  double sampling = 0;
};

enum class Group { kSctbench, kLockFree, kKernel };

struct BugProgram {
  std::string name;
  void (*run)(bugs::Variant) = nullptr;
  Group group = Group::kSctbench;
  /// Of the independent reference simulator, where there are any; by `TimeMode`.
  std::optional<Rates> reference[2] = {};
  /// Needs more than three events to come in one order, so that PCT of depth 3 promises nothing.
  bool is_deep = false;
  /// Dozens of tasks: has smaller limits.
  bool is_large = false;

  void faulty() const { run(bugs::Variant::kFaulty); }
  void fixed() const { run(bugs::Variant::kFixed); }
  const std::optional<Rates>& reference_in(TimeMode mode) const {
    return reference[static_cast<std::size_t>(mode)];
  }
};

/// All of them: the public benchmark, lock-free ones, kernels.
std::vector<BugProgram> bug_programs();

}  // namespace chantrace::bench
