/// \file
/// A trace that is too long to be looked at whole: what it is from afar, and any part of it as a
/// trace of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "chantrace/trace.h"
#include "levels.h"
#include "timeline.h"

namespace chantrace::view {

/// Some steps of a long trace. Objects begin as they stood before, and tasks that were waiting
/// still do: the first steps are those that began such waits.
///
/// Threads: a plain value.
struct TracePart {
  Trace trace;  ///< Has an end where the whole's is in the part.
  TraceOrder order;
  std::uint64_t first = 1;  ///< The number in the whole of its first step of its own.
  std::uint64_t last = 0;   ///< The number in the whole of its last step.
  /// Numbers in the whole of the steps before the part's own, ascending.
  std::vector<std::uint64_t> begins;

  /// In the whole: of a step of the part, from 1; 0 stays 0.
  std::uint64_t number_of(std::uint64_t step) const {
    if (step == 0) return 0;
    return step <= begins.size() ? begins[step - 1] : first + step - 1 - begins.size();
  }
};

/// Memory: what the definitions take, one byte or two an event, and some tens of megabytes.
///
/// Threads: one thread at a time.
class LongTrace {
 public:
  /// Cost: linear in events: see `visit_in_order`.
  ///
  /// Errors: why it cannot be read, or not in parts; then `read_trace` may do.
  static Result<LongTrace, TraceError> open(const std::filesystem::path& path,
                                            const ReadLimits& limits = {});
  LongTrace(LongTrace&&) noexcept;
  LongTrace& operator=(LongTrace&&) noexcept;
  ~LongTrace();

  /// All but the events; printable, and with short names.
  const Trace& definitions() const;
  std::uint64_t steps_count() const;
  /// With the numbers that their first and last steps have in the whole.
  const std::vector<Lane>& lanes() const;
  const Levels& levels() const;
  /// Steps in groups of so many: block n has those behind n * kBlockSteps.
  static constexpr std::uint64_t kBlockSteps = 64 * 1024;
  /// Whether a step of that block is on `object`, or a select that waits for it.
  bool uses(std::uint64_t block, ObjectId object) const;

  /// Those steps, or those of them that there are.
  ///
  /// Cost: linear in steps, and in objects and tasks.
  ///
  /// Errors: nullopt: the file is not what it was.
  std::optional<TracePart> part(std::uint64_t from, std::uint64_t to);

 private:
  struct Impl;
  explicit LongTrace(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace chantrace::view
