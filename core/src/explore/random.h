/// \file
/// The random source of strategies: fast, and the same for the same seed everywhere.
#pragma once

#include <cstdint>

namespace chantrace::detail {

/// Source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
constexpr std::uint64_t split_mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15ull;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

/// The seed of execution number `index` of an exploration.
constexpr std::uint64_t seed_of(std::uint64_t seed, std::uint64_t index) {
  return split_mix(split_mix(seed) ^ index);
}

/// xorshift64*.
///
/// Source: Vigna, "An experimental exploration of Marsaglia's xorshift generators, scrambled",
/// ACM Transactions on Mathematical Software 42(4), 2016.
class Random {
 public:
  explicit Random(std::uint64_t seed = 1) { reset(seed); }
  void reset(std::uint64_t seed) { state_ = split_mix(seed) | 1; }

  std::uint64_t next() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 0x2545f4914f6cdd1dull;
  }
  /// A number below `count`, fair to 2^-32. Requires: 0 < count < 2^32.
  std::uint32_t below(std::uint64_t count) {
    return static_cast<std::uint32_t>(((next() >> 32) * count) >> 32);
  }
  /// From 0 up to 1, and never 1.
  double unit() { return static_cast<double>(next() >> 11) * 0x1p-53; }

 private:
  std::uint64_t state_;
};

}  // namespace chantrace::detail
