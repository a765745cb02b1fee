#include "long_search.h"

#include <algorithm>
#include <vector>

#include "naming.h"
#include "search.h"
#include "step_index.h"

namespace chantrace::view {
namespace {

/// Steps of a part, in those of the part.
std::vector<std::uint64_t> matches_in(const TracePart& part, const StepQuery& query) {
  const Timeline timeline = make_timeline(part.trace, part.order);
  if (!query.text.empty())
    return SearchTexts(part.trace, Names(part.trace), timeline,
                       SearchTexts::needs_words(query.text))
        .find(query.text);
  const StepIndex index(part.trace, timeline);
  if (query.is_preemption) return index.preemptions();
  const auto steps = query.lane ? index.steps_of_lane(*query.lane)
                                : index.steps_on(to_number(query.object.value_or(ObjectId{})));
  return {steps.begin(), steps.end()};
}

bool may_be_in(const LongTrace& trace, const StepQuery& query, std::uint64_t block) {
  if (query.object) return trace.uses(block, *query.object);
  if (!query.lane) return true;
  const std::uint64_t first = block * LongTrace::kBlockSteps + 1;
  return trace.levels().has_steps(*query.lane, first, first + LongTrace::kBlockSteps - 1);
}

}  // namespace

std::optional<std::uint64_t> find_step(LongTrace& trace, const StepQuery& query, std::uint64_t from,
                                       bool is_forward) {
  const std::uint64_t count = trace.steps_count();
  if (count == 0 || (is_forward ? from >= count : from <= 1)) return 0;
  if (query.lane && *query.lane >= trace.lanes().size()) return 0;
  const std::uint64_t blocks = (count - 1) / LongTrace::kBlockSteps + 1;
  // The last step that is asked of is the next one, or the one before.
  const std::uint64_t nearest = std::min(is_forward ? from + 1 : from - 1, count);
  for (std::uint64_t block = (nearest - 1) / LongTrace::kBlockSteps; block < blocks;
       is_forward ? ++block : --block) {
    if (!may_be_in(trace, query, block)) continue;
    const std::uint64_t first = block * LongTrace::kBlockSteps + 1;
    const std::uint64_t last = first + LongTrace::kBlockSteps - 1;
    // Whether a step is a preemption is told by the one before it.
    const auto part = trace.part(first > 1 ? first - 1 : 1, last);
    if (!part) return std::nullopt;
    std::uint64_t found = 0;
    for (const std::uint64_t match : matches_in(*part, query)) {
      if (match <= part->begins.size()) continue;
      const std::uint64_t step = part->number_of(match);
      if (step < first) continue;
      if (is_forward && step > from) return step;
      if (!is_forward && step < from) found = step;
    }
    if (found != 0) return found;
  }
  return 0;
}

}  // namespace chantrace::view
