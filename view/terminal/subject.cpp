#include "subject.h"

#include <algorithm>
#include <utility>

#include "model/printable.h"

namespace chantrace::view {

Subject::Subject(std::shared_ptr<const Scene> scene)
    : scene_(std::move(scene)),
      order_(order_events(scene_->trace)),
      names_(scene_->trace),
      clock_(scene_->trace),
      timeline_(make_timeline(scene_->trace, order_)),
      index_(scene_->trace, timeline_),
      standings_(scene_->trace, timeline_.steps),
      end_state_(state_before_unwinding(scene_->trace, order_)) {
  const FindingSteps steps(scene_->trace, timeline_);
  for (const Finding& finding : scene_->findings) {
    finding_steps_.push_back(steps.of(finding));
    if (finding.certainty == Certainty::kNote) continue;
    bad_steps_.insert(bad_steps_.end(), finding_steps_.back().begin(), finding_steps_.back().end());
  }
  std::sort(bad_steps_.begin(), bad_steps_.end());
  for (const Lane& lane : timeline_.lanes)
    names_width_ = std::max(names_width_, indentation_of(lane) + width_of(names_.task(lane.task)));
}

std::string Subject::words(std::uint64_t number, bool with_values) const {
  return describe(trace(), names_, event(number), with_values,
                  cases_of(trace(), step(number).place));
}

const SearchTexts& Subject::search_texts() const {
  if (!search_texts_) search_texts_.emplace(trace(), names_, timeline_);
  return *search_texts_;
}

std::size_t indentation_of(const Lane& lane) {
  constexpr std::uint32_t kDepthMax = 6;
  return std::min(lane.depth, kDepthMax);
}

}  // namespace chantrace::view
