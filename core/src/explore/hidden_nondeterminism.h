/// \file
/// Whether two executions under one schedule did the same, and what to say where they did not.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "chantrace/detail/event_log.h"
#include "chantrace/detail/explore_body.h"
#include "chantrace/finding.h"
#include "chantrace/schedule.h"

namespace chantrace::detail {

/// What an execution did, as far as every other one under its schedule must do the same.
struct Conduct {
  Schedule schedule;
  std::uint64_t steps = 0;
  bool has_failed = false;
};

/// As far as operations go.
bool is_same(const Conduct& once, const Conduct& again);

/// The first operation that is not the same in both, as a finding; nullopt where all are the same.
///
/// Compared are who makes it, on what, and where in the code; values are not.
std::optional<Finding> find_first_difference(const EventLog& once, const EventLog& again);

/// The same where it is not known which operation that was. nullopt: the executions did the same.
std::optional<Finding> find_difference(const Conduct& once, const Conduct& again);

/// What is to be said where they did not, and `once` has no log. `log`: that of `again`.
Finding find_difference_without_log(const Conduct& once, const Conduct& again, const EventLog& log);

}  // namespace chantrace::detail
