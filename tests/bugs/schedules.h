/// \file
/// How many schedules a correct program is run under.
#pragma once

#include <cstdint>

#include "chantrace/detail/race_annotations.h"

namespace chantrace::bugs {

// Sanitizers make an execution some hundred, and some thirty times as long.
#if defined(CHANTRACE_WITH_TSAN)
inline constexpr std::uint64_t kSchedulesOfFixed = 100;
#elif defined(__SANITIZE_ADDRESS__)
inline constexpr std::uint64_t kSchedulesOfFixed = 1'000;
#else
inline constexpr std::uint64_t kSchedulesOfFixed = 10'000;
#endif

}  // namespace chantrace::bugs
