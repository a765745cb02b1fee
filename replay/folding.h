/// \file
/// Finds rounds in a sequence of lines, so that a loop is shown once and counted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace chantrace::replay {

/// `rounds` times the same `period` lines, from the line `first` on. A line that is not repeated is
/// a run of one round.
///
/// Threads: a plain value.
struct Run {
  std::size_t first = 0;
  std::size_t period = 1;
  std::size_t rounds = 1;

  std::size_t lines() const { return period * rounds; }
  friend bool operator==(const Run&, const Run&) = default;
};

/// The longest round that is looked for, in lines.
inline constexpr std::size_t kFoldPeriodMax = 64;

/// Divides all lines into runs; equal numbers in `shapes` stand for lines that look alike.
///
/// Cost: lines times `kFoldPeriodMax` at most.
std::vector<Run> fold(const std::vector<std::uint64_t>& shapes);

}  // namespace chantrace::replay
