/// \file
/// Where an execution departs from what it would do by itself, and the bytes that say so.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace chantrace::detail {

/// After `gap` decisions by default another one is made.
struct Deviation {
  std::uint32_t gap = 0;
  /// The task that goes on instead, or one less than what `choose` gets; where that cannot be,
  /// something near it.
  std::uint32_t which = 0;
  /// The task runs only up to where it knows its next operation. Nobody would do this to find
  /// anything; there are executions that went so.
  bool only_looks = false;

  friend bool operator==(const Deviation&, const Deviation&) = default;
};

/// Reads deviations from bytes, of which all are valid. One that is not at its end by the last byte
/// is none.
///
/// A byte is a deviation: its upper half is the gap, its lower half says which. Where the upper
/// half is 15, the byte belongs to the next deviation. Then its lower half adds 16 to what says
/// which where it is 15, is `only_looks` where it is 14, and adds 15 * 2^n to the gap where it is a
/// lower n. So most changes of a byte make another deviation of one, all gaps can be told, and
/// short inputs are schedules with few preemptions.
class DeviationReader {
 public:
  explicit DeviationReader(std::span<const std::uint8_t> bytes = {}) : bytes_(bytes) {}
  std::optional<Deviation> next();

 private:
  std::span<const std::uint8_t> bytes_;
};

std::vector<Deviation> to_deviations(std::span<const std::uint8_t> bytes);
/// The shortest bytes that are read as these.
void append_bytes(std::vector<std::uint8_t>& bytes, const Deviation& deviation);

}  // namespace chantrace::detail
