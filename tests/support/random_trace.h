/// \file
/// Traces of random programs, for properties that hold of any trace.
#pragma once

#include <rapidcheck.h>

#include <cstdint>

#include "chantrace/chantrace.h"
#include "support/random_program.h"
#include "support/record_controlled.h"

namespace chantrace {

/// A random program under a random schedule.
inline Trace random_trace() {
  const auto program = *rc::gen::arbitrary<std::uint64_t>();
  const auto seed = *rc::gen::arbitrary<std::uint64_t>();
  const auto body = [&] { run_random_program(program); };
  const ExploreResult result = explore(
      body, {.schedules = 1, .strategy = random_walk(), .seed = seed, .shrink = {.executions = 0}});
  return record_controlled(body, result.last_schedule);
}

}  // namespace chantrace
