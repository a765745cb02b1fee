/// \file
/// Where two traces of one test first differ, both recorded under one schedule.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "chantrace/trace.h"

namespace chantrace::replay {

/// The first operation that is not the same.
struct Difference {
  std::uint64_t step = 0;  ///< Operations of all tasks before it, as the executor counts them.
  std::string task;
  std::uint64_t record = 0;  ///< It is the task's record number `record`, from 1.
  std::string recorded;      ///< In words; "nothing" where the task had ended.
  std::string now;

  friend bool operator==(const Difference&, const Difference&) = default;
};

/// Compares all that a record says: operation, outcome, object, place, step, and its value, unless
/// that is an address or the bytes of something unknown.
///
/// Returns: nullopt where nothing differs.
/// Cost: linear in the events.
std::optional<Difference> find_difference(const Trace& recorded, const Trace& now);

}  // namespace chantrace::replay
