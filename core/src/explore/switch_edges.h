/// \file
/// From which place in the code to which one an execution switched, as numbers that fuzzing engines
/// take for coverage.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "../runtime/strategy.h"

namespace chantrace::detail {

/// Counts switches from one task to another. An edge is the last operation of the task that ran and
/// the first one of the next, each with its task and its place in the code. It is the same number
/// in every process: files count by their names, since where those are in memory differs.
///
/// Threads: one thread at a time.
class SwitchEdges {
 public:
  /// `counters`: one for each edge, for some together. Their number is a power of two; there may be
  /// none.
  explicit SwitchEdges(std::span<std::uint8_t> counters) : counters_(counters) {}

  void begin() { last_ = {}; }
  /// As `Strategy::pick` was asked, and what it said.
  void note(const Runnable& chosen) {
    // It is asked again when it knows its operation.
    if (chosen.operation == Operation::kNone && chosen.task != kClockTask) return;
    if (chosen.task != last_.task && !counters_.empty())
      count(mix(place_of(last_), place_of(chosen)));
    last_ = Last{chosen.task, chosen.operation, chosen.site != nullptr ? *chosen.site : Location()};
  }
  /// As `Strategy::choose` was asked, by the task that runs, and what it said.
  void note_choice(std::uint32_t choice) {
    if (!counters_.empty()) count(mix(place_of(last_), ~std::uint64_t{choice}));
  }

 private:
  /// Sites do not outlive their operations.
  struct Last {
    std::uint32_t task = 0;
    Operation operation = Operation::kNone;
    Location site = {};
  };

  static std::uint64_t mix(std::uint64_t left, std::uint64_t right) {
    return (left ^ (right * 0x9e3779b97f4a7c15ull)) * 0xff51afd7ed558ccdull;
  }
  static std::uint64_t place_of(std::uint32_t task, Operation operation, const Location& site) {
    std::string_view file = site.file;
    file.remove_prefix(file.rfind('/') + 1);  // npos + 1 is 0.
    std::uint64_t hash = 0;
    for (const char c : file) hash = hash * 31 + static_cast<std::uint8_t>(c);
    // Of many tasks those that do the same are told apart a little.
    constexpr std::uint32_t kTasksToldApart = 16;
    return mix(mix(hash, site.line),
               std::uint64_t{task % kTasksToldApart} << 32 | static_cast<std::uint32_t>(operation));
  }
  static std::uint64_t place_of(const Last& last) {
    return place_of(last.task, last.operation, last.site);
  }
  static std::uint64_t place_of(const Runnable& next) {
    return place_of(next.task, next.operation, next.site != nullptr ? *next.site : Location());
  }
  void count(std::uint64_t edge) {
    std::uint8_t& counter = counters_[(edge >> 32) & (counters_.size() - 1)];
    if (counter != 0xff) ++counter;
  }

  std::span<std::uint8_t> counters_;
  Last last_;
};

}  // namespace chantrace::detail
