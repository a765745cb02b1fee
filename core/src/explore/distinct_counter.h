/// \file
/// Counting different numbers in bounded memory.
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include "random.h"

namespace chantrace::detail {

/// Exact up to some ten thousand different numbers; an estimate with a standard error of 0.8 %
/// beyond.
///
/// Source: Flajolet, Fusy, Gandouet and Meunier, "HyperLogLog: the analysis of a near-optimal
/// cardinality estimation algorithm", AofA 2007.
class DistinctCounter {
 public:
  DistinctCounter() : slots_(kSlots) {}

  /// Whether it is new, as far as that is still known.
  bool add(std::uint64_t number) {
    const std::uint64_t mixed = split_mix(number) | 1;  // 0 is an empty slot.
    const std::size_t bucket = mixed >> (64 - kBucketBits);
    const int rank = std::countl_zero((mixed << kBucketBits) | (1ull << (kBucketBits - 1))) + 1;
    if (rank > ranks_[bucket]) ranks_[bucket] = static_cast<std::uint8_t>(rank);
    if (exact_ == kExactMax) return false;
    std::size_t slot = mixed % kSlots;
    while (slots_[slot] != 0) {
      if (slots_[slot] == mixed) return false;
      slot = (slot + 1) % kSlots;
    }
    slots_[slot] = mixed;
    ++exact_;
    return true;
  }
  std::uint64_t count() const { return exact_ < kExactMax ? exact_ : estimate(); }

 private:
  static constexpr std::size_t kSlots = 65'536;
  static constexpr std::uint64_t kExactMax = 49'152;
  static constexpr int kBucketBits = 14;
  static constexpr std::size_t kBuckets = std::size_t{1} << kBucketBits;

  std::uint64_t estimate() const {
    double sum = 0;
    for (const std::uint8_t rank : ranks_) sum += std::ldexp(1.0, -rank);
    const double buckets = static_cast<double>(kBuckets);
    return static_cast<std::uint64_t>(0.7213 / (1 + 1.079 / buckets) * buckets * buckets / sum);
  }

  std::vector<std::uint64_t> slots_;
  std::array<std::uint8_t, kBuckets> ranks_{};
  std::uint64_t exact_ = 0;
};

}  // namespace chantrace::detail
