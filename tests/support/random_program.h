/// \file
/// Random programs of all kinds of operations, for properties that hold of any program.
#pragma once

#include <cstdint>

namespace chantrace {

/// A few tasks that make operations, nested in each other; which ones, `seed` says. What they do
/// may be wrong.
void run_random_program(std::uint64_t seed);

}  // namespace chantrace
