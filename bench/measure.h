/// \file
/// Work that is measured against other work: each is one function, run many times between two looks
/// at the clock, so that benchmarks of a group can be interleaved in one process.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

namespace chantrace::bench {

using Nanoseconds = double;

template <typename Work>
Nanoseconds time_of(Work&& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count();
}

/// One thing to measure.
struct Subject {
  std::string name;
  /// How often it is done in one go.
  std::uint64_t count;
  /// Does it `count` times. Returns: what that took.
  std::function<Nanoseconds(std::uint64_t count)> run;
};

/// Sends and receives in turn on a channel of its own that has a buffer.
void pairs(std::uint64_t count);
/// The same through a library that cannot record; see pairs.cpp.
void plain_pairs(std::uint64_t count);

}  // namespace chantrace::bench
