/// \file
/// Executions that bytes decide: what the harness of a fuzzing engine is made of.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "chantrace/detail/explore_body.h"
#include "chantrace/explore.h"
#include "chantrace/finding.h"
#include "chantrace/schedule.h"

namespace chantrace::detail {

/// What an execution came to.
struct ByteRun {
  bool has_failed = false;
  std::uint64_t decisions = 0;         ///< At each of them the bytes could have deviated.
  std::uint32_t tasks = 0;             ///< That were started, the body among them.
  std::vector<Finding> findings = {};  ///< Of one that failed.
};

/// Runs bodies as bytes say, of which all are valid and mean the same in every process: nothing is
/// learned from one execution for the next.
///
/// Threads: one thread at a time.
class ByteRuns {
 public:
  /// `edges`: where switches from one place in the code to another are counted; as many as a power
  /// of two, or none. Must outlive this.
  explicit ByteRuns(const RunOptions& options, std::span<std::uint8_t> edges = {});
  ~ByteRuns();
  ByteRuns(const ByteRuns&) = delete;
  ByteRuns& operator=(const ByteRuns&) = delete;

  /// Throws: as `explore`.
  ByteRun run(const std::function<void()>& body, std::span<const std::uint8_t> bytes,
              const Judge& judge = first_fault);
  /// Of the last execution.
  Schedule schedule();
  /// The bytes under which `body` does the same as under `schedule`. nullopt: it does something
  /// else than the schedule says, or there are none.
  std::optional<std::vector<std::uint8_t>> find_bytes(const std::function<void()>& body,
                                                      const Schedule& schedule);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// What `mutate_bytes` changes, and how.
struct ByteMutation {
  std::size_t size_max = 0;     ///< Of what it makes.
  std::uint64_t decisions = 0;  ///< Of an execution, about so many; 0: not known.
  std::uint32_t tasks = 0;      ///< The same.
  std::uint64_t seed = 0;       ///< The same, the same result.
};

/// Changes the deviations in `bytes` a little: adds, takes out or moves one, changes what it is to
/// be, pulls two together, or leaves out or repeats some.
void mutate_bytes(std::vector<std::uint8_t>& bytes, const ByteMutation& mutation);

}  // namespace chantrace::detail
