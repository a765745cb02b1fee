#include "step_cell.h"

#include "model/interleaving.h"

namespace chantrace::replay {

using view::cases_of;
using view::describe;
using view::event_at;
using view::Names;

Cell step_cell(const Trace& trace, const Names& names, const EventPlace& place,
               const StepCellOptions& options) {
  const EventRecord& event = event_at(trace, place);
  const std::vector<const EventRecord*> cases = cases_of(trace, place);
  const std::string_view resumes = phase_of(event) != Phase::kDone || !options.is_in_columns ? ""
                                   : options.charset == Charset::kUtf8 ? "╰ "
                                                                       : "` ";
  const auto words = [&](bool with_values) {
    return std::string(resumes) + describe(trace, names, event, with_values, cases);
  };
  Cell cell;
  cell.text = words(options.with_values);
  if ((event.flags & kHasValue) != 0) cell.brief = words(false);
  if (phase_of(event) == Phase::kStart) {
    cell.mark = "parks";
    cell.mark_style = Style::kWarning;
  }
  const Outcome outcome = outcome_of(event);
  if (outcome == Outcome::kMisuse || outcome == Outcome::kException) cell.style = Style::kBad;
  cell.place = names.brief_place(SiteId{event.site});
  return cell;
}

}  // namespace chantrace::replay
