#include "finding_steps.h"

#include <algorithm>
#include <iterator>
#include <set>

namespace chantrace::view {
namespace {

std::uint64_t key_of(std::uint32_t lane, std::uint32_t site) {
  return std::uint64_t{lane} << 32 | site;
}

std::string key_of(const Site& site) { return site.file + ":" + std::to_string(site.line); }

}  // namespace

FindingSteps::FindingSteps(const Trace& trace, const Timeline& timeline)
    : timeline_(timeline), last_steps_(timeline.lanes.size(), 0) {
  for (std::size_t i = 0; i < timeline.steps.size(); ++i) {
    const EventRecord& event = event_at(trace, timeline.steps[i].place);
    last_steps_[timeline.lanes_of_steps[i]] = i + 1;
    if (event.site != 0) last_at_[key_of(timeline.lanes_of_steps[i], event.site)] = i + 1;
  }
  for (const auto& [id, site] : trace.sites) sites_[key_of(site)].push_back(id);
}

std::vector<std::uint64_t> FindingSteps::of(const Finding& finding) const {
  std::vector<std::uint64_t> steps;
  std::set<std::uint64_t> known;
  const auto add = [&](std::uint64_t step) {
    if (step != 0 && known.insert(step).second) steps.push_back(step);
  };
  const bool waits = is_about_waiting(finding.kind);
  for (const Participant& one : finding.participants) {
    const std::uint64_t there = waits ? 0 : step_at(one.task, one.site);
    add(there != 0 ? there : last_step(one.task));
  }
  if (!steps.empty()) return steps;
  for (const FindingSite& place : finding.sites) {
    if (waits || !steps.empty()) break;
    add(step_at(finding.task, place.site));
  }
  if (steps.empty()) add(last_step(finding.task));
  return steps;
}

/// The last step that a task made at a place; 0: none.
std::uint64_t FindingSteps::step_at(TaskId task, const Site& site) const {
  std::uint64_t last = 0;
  const auto ids = sites_.find(key_of(site));
  if (ids == sites_.end()) return 0;
  for (const std::uint32_t id : ids->second) {
    const auto found = last_at_.find(key_of(timeline_.lane_of(task), id));
    if (found != last_at_.end()) last = std::max(last, found->second);
  }
  return last;
}

/// The step in which a task is stuck, or its last one; 0: it made none.
std::uint64_t FindingSteps::last_step(TaskId task) const {
  const std::uint32_t lane = timeline_.lane_of(task);
  if (lane == kNoLane) return 0;
  const auto behind =
      std::upper_bound(timeline_.spans.begin(), timeline_.spans.end(), lane,
                       [](std::uint32_t wanted, const Span& span) { return wanted < span.lane; });
  if (behind != timeline_.spans.begin()) {
    const Span& last = *std::prev(behind);
    if (last.lane == lane && last.kind != Span::Kind::kRunning) return last.begin;
  }
  return last_steps_[lane];
}

}  // namespace chantrace::view
