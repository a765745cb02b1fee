/// \file
/// Which operation of one task came right behind which of another, on the same object: what a
/// feedback-guided search learns from an execution.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace chantrace::detail {

/// The pairs that were ever seen, as a set of hashes of 16 bits: some are taken for others. A
/// larger set costs more to clear than a small bug takes to find.
///
/// Threads: one thread at a time.
class ReadsFromPairs {
 public:
  static constexpr std::size_t kSize = 65'536;

  /// `writer` and `reader` each stand for a task at a place in the code.
  void add(std::uint32_t writer, std::uint32_t reader) {
    const std::uint64_t pair = (std::uint64_t{writer} << 32 | reader) * 0x9e3779b97f4a7c15ull;
    std::uint8_t& is_known = is_known_[pair >> 48];
    news_ += 1u - is_known;
    is_known = 1;
  }
  /// Pairs that were new since the last call.
  std::uint64_t take_news() {
    const std::uint64_t news = news_;
    news_ = 0;
    return news;
  }
  void clear() { is_known_.assign(kSize, 0); }

 private:
  std::vector<std::uint8_t> is_known_ = std::vector<std::uint8_t>(kSize);
  std::uint64_t news_ = 0;
};

}  // namespace chantrace::detail
