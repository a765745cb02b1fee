/// \file
/// One fuzz target's executions, and what there is to say about one that fails.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "chantrace/detail/byte_runs.h"
#include "chantrace/detail/explore_body.h"
#include "chantrace/fuzz_target.h"

namespace chantrace {

/// Threads: one thread at a time.
class Harness {
 public:
  /// `edges`: see `ByteRuns`.
  explicit Harness(const detail::FuzzTarget& target, std::span<std::uint8_t> edges = {});

  detail::ByteRun run(std::span<const std::uint8_t> input);
  /// Of the last execution.
  Schedule schedule() { return runs_.schedule(); }
  /// What failed, in one line.
  static std::string summarize(const detail::ByteRun& failed);
  /// nullopt: as `ByteRuns::find_bytes`.
  std::optional<std::vector<std::uint8_t>> find_input(const Schedule& schedule);

  /// What failed in the last execution, in several lines: the findings under the smallest schedule
  /// that fails in the same way, its steps, why it fails, and its token.
  std::string describe(const detail::ByteRun& failed);

 private:
  const detail::FuzzTarget& target_;
  const std::function<void()> body_;
  const detail::Judge judge_;
  detail::ByteRuns runs_;
};

}  // namespace chantrace
