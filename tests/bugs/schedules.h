/// \file
/// How many schedules a correct program is run under.
#pragma once

#include <cstdint>

#include "chantrace/detail/race_annotations.h"

namespace chantrace::bugs {

#ifdef CHANTRACE_WITH_TSAN
// It makes an execution some hundred times as long.
inline constexpr std::uint64_t kSchedulesOfFixed = 100;
#else
inline constexpr std::uint64_t kSchedulesOfFixed = 10'000;
#endif

}  // namespace chantrace::bugs
