/// \file
/// Whether two executions under one schedule did the same, and what to say where they did not.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "chantrace/detail/event_log.h"
#include "chantrace/detail/explore_body.h"
#include "chantrace/finding.h"

namespace chantrace::detail {

/// What an execution did, as far as every other one under its schedule must do the same.
struct Conduct {
  std::uint64_t fingerprint = 0;
  std::uint64_t steps = 0;
  bool has_failed = false;
};

/// The first operation that is not the same in both, as a finding; nullopt where all are the same.
///
/// Compared are who makes it, on what, and where in the code; values are not.
std::optional<Finding> find_first_difference(const EventLog& once, const EventLog& again);

/// The same where it is not known which operation that was. nullopt: the executions did the same.
std::optional<Finding> find_difference(const Conduct& once, const Conduct& again);

}  // namespace chantrace::detail
