/// \file
/// Exploring a test whose body has arguments: inputs and schedules together.
#pragma once

#include <cstdint>
#include <functional>

#include "chantrace/detail/explore_body.h"
#include "chantrace/detail/test_inputs.h"
#include "chantrace/explore.h"

namespace chantrace {

struct InputsExplored {
  /// Counts are of all inputs; all else is of the one that failed, or of the last one.
  ExploreResult result;
  std::uint64_t inputs = 0;  ///< That were wanted, until one failed.
};

/// Draws inputs and explores `body` with each, until one fails. Makes the input small, as long as
/// some schedule fails with it, and then its schedule. A smaller input may fail under that one, or
/// in ten times as many schedules; then it is all done once more, until nothing smaller is found.
/// The smallest input is the present one in the end.
///
/// `options`: `schedules` are for each input, 100 if not given, and `budget` is for all inputs. Of
/// a shard are those inputs whose number is its index modulo the count of shards.
/// Throws: `std::runtime_error` where no input could be drawn; what an exploration throws.
InputsExplored explore_inputs(detail::TestInputs& inputs, const std::function<void()>& body,
                              const ExploreOptions& options, const detail::Judge& judge);

}  // namespace chantrace
