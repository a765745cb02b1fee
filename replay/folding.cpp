#include "folding.h"

#include <algorithm>

namespace chantrace::replay {
namespace {

// Two rounds are no loop yet, and a line that says "2 more" in place of two lines saves nothing.
constexpr std::size_t kRoundsMin = 3;
constexpr std::size_t kSavedLinesMin = 3;

/// The run that starts at `first` and covers the most lines; the shortest period of those.
Rounds best_rounds(const std::vector<std::uint64_t>& shapes, std::size_t first) {
  Rounds best{.first = first, .period = 1, .count = 1};
  for (std::size_t period = 1; period <= kFoldPeriodMax; ++period) {
    std::size_t same = 0;
    while (first + same + period < shapes.size() &&
           shapes[first + same] == shapes[first + same + period]) {
      ++same;
    }
    const std::size_t rounds = same / period + 1;
    const bool is_worth_it = rounds >= kRoundsMin && (rounds - 1) * period >= kSavedLinesMin;
    if (is_worth_it && rounds * period > best.lines()) best = {first, period, rounds};
    // The rest of a long run is covered already: a longer period would find the same again.
    if (is_worth_it && first + same + period == shapes.size()) break;
  }
  return best;
}

}  // namespace

std::vector<Rounds> fold(const std::vector<std::uint64_t>& shapes) {
  std::vector<Rounds> runs;
  for (std::size_t line = 0; line < shapes.size();) {
    runs.push_back(best_rounds(shapes, line));
    line += runs.back().lines();
  }
  return runs;
}

}  // namespace chantrace::replay
