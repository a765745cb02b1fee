/// \file
/// The next step of a long trace that is like this or that, part by part.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "chantrace/event.h"
#include "long_trace.h"

namespace chantrace::view {

/// What a step is to be; exactly one of these.
struct StepQuery {
  std::optional<std::uint32_t> lane = {};
  std::optional<ObjectId> object = {};
  bool is_preemption = false;
  std::string text = {};  ///< See `SearchTexts`.
};

/// The nearest such step behind `from`, or before it; 0: there is none. 0 as `from` is before all.
///
/// Cost: of the parts up to there; those are passed over in which neither the lane nor the object
/// is met. Of a text that is nowhere, a second for each million of steps.
///
/// Errors: nullopt: the file is not what it was.
std::optional<std::uint64_t> find_step(LongTrace& trace, const StepQuery& query, std::uint64_t from,
                                       bool is_forward);

}  // namespace chantrace::view
