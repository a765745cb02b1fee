/// \file
/// Work that is measured against other work: each is one function, run many times between two looks
/// at the clock, so that benchmarks of a group can be interleaved in one process.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace chantrace::bench {

/// One thing to measure.
struct Subject {
  std::string name;
  /// Does the work `count` times.
  std::function<void(std::uint64_t count)> run;
};

/// The same send and receive on one thread through a library that cannot record; see
/// plain_pair.cpp.
void plain_pairs(std::uint64_t count);

}  // namespace chantrace::bench
