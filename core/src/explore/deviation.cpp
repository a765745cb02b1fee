#include "deviation.h"

#include <algorithm>
#include <limits>

namespace chantrace::detail {
namespace {

constexpr std::uint32_t kHalf = 15;  ///< The greatest value of half a byte.
constexpr std::uint32_t kLooks = kHalf - 1;
constexpr std::uint32_t kShiftMax = kLooks - 1;

std::uint32_t clamped(std::uint64_t number) {
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(number, std::numeric_limits<std::uint32_t>::max()));
}

std::uint8_t byte_of(std::uint32_t upper, std::uint32_t lower) {
  return static_cast<std::uint8_t>(upper << 4 | lower);
}

}  // namespace

std::optional<Deviation> DeviationReader::next() {
  std::uint64_t gap = 0;
  std::uint64_t which = 0;
  bool only_looks = false;
  while (!bytes_.empty()) {
    const std::uint32_t upper = bytes_.front() >> 4;
    const std::uint32_t lower = bytes_.front() & kHalf;
    bytes_ = bytes_.subspan(1);
    if (upper < kHalf) return Deviation{clamped(gap + upper), clamped(which + lower), only_looks};
    if (lower <= kShiftMax)
      gap += std::uint64_t{kHalf} << lower;
    else if (lower == kLooks)
      only_looks = true;
    else
      which += kHalf + 1;
  }
  return std::nullopt;
}

std::vector<Deviation> to_deviations(std::span<const std::uint8_t> bytes) {
  std::vector<Deviation> deviations;
  DeviationReader reader(bytes);
  while (const auto deviation = reader.next()) deviations.push_back(*deviation);
  return deviations;
}

void append_bytes(std::vector<std::uint8_t>& bytes, const Deviation& deviation) {
  std::uint32_t rest = deviation.gap / kHalf;
  for (; rest >= 2u << kShiftMax; rest -= 1u << kShiftMax)
    bytes.push_back(byte_of(kHalf, kShiftMax));
  for (std::uint32_t shift = kShiftMax + 1; shift-- > 0;)
    if ((rest >> shift & 1) != 0) bytes.push_back(byte_of(kHalf, shift));
  if (deviation.only_looks) bytes.push_back(byte_of(kHalf, kLooks));
  bytes.insert(bytes.end(), deviation.which / (kHalf + 1), byte_of(kHalf, kHalf));
  bytes.push_back(byte_of(deviation.gap % kHalf, deviation.which % (kHalf + 1)));
}

}  // namespace chantrace::detail
