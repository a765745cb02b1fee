/// \file
/// Finds rounds in a sequence of lines, so that a loop is shown once and counted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace chantrace::replay {

/// `count` times the same `period` lines, from the line `first` on. A line that is not repeated is
/// one round by itself.
///
/// Threads: a plain value.
struct Rounds {
  std::size_t first = 0;
  std::size_t period = 1;
  std::size_t count = 1;

  std::size_t lines() const { return period * count; }
  friend bool operator==(const Rounds&, const Rounds&) = default;
};

/// The longest round that is looked for, in lines.
inline constexpr std::size_t kFoldPeriodMax = 64;

/// Divides all lines into rounds; equal numbers in `shapes` stand for lines that look alike.
///
/// Cost: lines times `kFoldPeriodMax` at most.
std::vector<Rounds> fold(const std::vector<std::uint64_t>& shapes);

}  // namespace chantrace::replay
