#include "step_index.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace chantrace::view {
namespace {

/// The objects that a step uses, in the order of its cases.
std::vector<std::uint32_t> objects_of(const Trace& trace, const Step& step) {
  const EventRecord& event = event_at(trace, step.place);
  if (is_on_task(event.operation)) return {};
  if (event.object != 0) return {event.object};
  if (event.operation != Operation::kSelect || phase_of(event) != Phase::kStart) return {};
  std::vector<std::uint32_t> objects;
  for (const EventRecord* one : cases_of(trace, step.place))
    if (one->object != 0 && std::find(objects.begin(), objects.end(), one->object) == objects.end())
      objects.push_back(one->object);
  return objects;
}

}  // namespace

StepIndex::StepIndex(const Trace& trace, const Timeline& timeline)
    : trace_(trace), timeline_(timeline), links_by_from_(timeline.links.size()) {
  group_by_lane();
  group_by_object(trace);
  sum_spans();
  find_preemptions(trace);
  std::iota(links_by_from_.begin(), links_by_from_.end(), std::size_t{0});
  std::stable_sort(links_by_from_.begin(), links_by_from_.end(),
                   [&](std::size_t left, std::size_t right) {
                     return timeline_.links[left].from < timeline_.links[right].from;
                   });
}

std::span<const std::uint64_t> StepIndex::Groups::at(std::size_t group) const {
  if (group + 1 >= begins.size()) return {};
  return std::span(numbers).subspan(begins[group], begins[group + 1] - begins[group]);
}

void StepIndex::group_by_lane() {
  by_lane_.begins.assign(timeline_.lanes.size() + 1, 0);
  for (const std::uint32_t lane : timeline_.lanes_of_steps) ++by_lane_.begins[lane + 1];
  std::partial_sum(by_lane_.begins.begin(), by_lane_.begins.end(), by_lane_.begins.begin());
  by_lane_.numbers.resize(timeline_.steps.size());
  std::vector<std::size_t> next = by_lane_.begins;
  for (std::size_t i = 0; i < timeline_.steps.size(); ++i)
    by_lane_.numbers[next[timeline_.lanes_of_steps[i]]++] = i + 1;
}

void StepIndex::group_by_object(const Trace& trace) {
  std::vector<std::pair<std::size_t, std::uint64_t>> uses;
  for (const Step& step : timeline_.steps) {
    for (const std::uint32_t object : objects_of(trace, step)) {
      const auto group = groups_of_objects_.emplace(object, groups_of_objects_.size()).first;
      uses.emplace_back(group->second, step.number);
    }
  }
  by_object_.begins.assign(groups_of_objects_.size() + 1, 0);
  for (const auto& [group, step] : uses) ++by_object_.begins[group + 1];
  std::partial_sum(by_object_.begins.begin(), by_object_.begins.end(), by_object_.begins.begin());
  by_object_.numbers.resize(uses.size());
  std::vector<std::size_t> next = by_object_.begins;
  for (const auto& [group, step] : uses) by_object_.numbers[next[group]++] = step;
}

void StepIndex::sum_spans() {
  spans_begin_.assign(timeline_.lanes.size() + 1, 0);
  parked_.reserve(timeline_.spans.size() + 1);
  parked_.push_back(0);
  for (const Span& span : timeline_.spans) {
    ++spans_begin_[span.lane + 1];
    const bool is_parked = span.kind != Span::Kind::kRunning;
    parked_.push_back(parked_.back() + (is_parked ? span.end - span.begin : 0));
  }
  std::partial_sum(spans_begin_.begin(), spans_begin_.end(), spans_begin_.begin());
}

void StepIndex::find_preemptions(const Trace& trace) {
  // On threads tasks go on side by side.
  if (!trace.header.is_controlled) return;
  for (std::size_t i = 1; i < timeline_.steps.size(); ++i) {
    const std::uint32_t before = timeline_.lanes_of_steps[i - 1];
    if (timeline_.lanes_of_steps[i] == before) continue;
    const Span* const span = span_at(before, i + 1);
    if (span != nullptr && span->kind == Span::Kind::kRunning && span->begin < i + 1)
      preemptions_.push_back(i + 1);
  }
}

std::span<const std::uint64_t> StepIndex::steps_of_lane(std::uint32_t lane) const {
  return by_lane_.at(lane);
}

std::span<const std::uint64_t> StepIndex::steps_on(std::uint32_t object) const {
  const auto group = groups_of_objects_.find(object);
  if (group == groups_of_objects_.end()) return {};
  return by_object_.at(group->second);
}

std::uint32_t StepIndex::object_of(std::uint64_t step) const {
  if (step < 1 || step > count()) return 0;
  const std::vector<std::uint32_t> objects = objects_of(trace_, timeline_.steps[step - 1]);
  return objects.empty() ? 0 : objects.front();
}

std::span<const Span> StepIndex::spans_of_lane(std::uint32_t lane) const {
  if (lane >= timeline_.lanes.size()) return {};
  return std::span(timeline_.spans)
      .subspan(spans_begin_[lane], spans_begin_[lane + 1] - spans_begin_[lane]);
}

const Span* StepIndex::span_at(std::uint32_t lane, std::uint64_t step) const {
  const std::span<const Span> spans = spans_of_lane(lane);
  const auto found =
      std::upper_bound(spans.begin(), spans.end(), step,
                       [](std::uint64_t wanted, const Span& span) { return wanted < span.end; });
  return found != spans.end() && found->begin <= step ? &*found : nullptr;
}

std::uint64_t StepIndex::parked_before(std::uint32_t lane, std::uint64_t step) const {
  const std::span<const Span> spans = spans_of_lane(lane);
  const auto found =
      std::upper_bound(spans.begin(), spans.end(), step,
                       [](std::uint64_t wanted, const Span& span) { return wanted < span.end; });
  const auto index = spans_begin_[lane] + static_cast<std::size_t>(found - spans.begin());
  const bool is_inside =
      found != spans.end() && found->kind != Span::Kind::kRunning && found->begin < step;
  return parked_[index] - parked_[spans_begin_[lane]] + (is_inside ? step - found->begin : 0);
}

std::uint64_t StepIndex::parked_between(std::uint32_t lane, std::uint64_t begin,
                                        std::uint64_t end) const {
  if (lane >= timeline_.lanes.size() || end <= begin) return 0;
  return parked_before(lane, end) - parked_before(lane, begin);
}

std::span<const Link> StepIndex::links_to(std::uint64_t step) const {
  const auto [first, last] =
      std::equal_range(timeline_.links.begin(), timeline_.links.end(), Link{.from = 0, .to = step},
                       [](const Link& left, const Link& right) { return left.to < right.to; });
  return {first, last};
}

std::vector<Link> StepIndex::links_from(std::uint64_t step) const {
  auto at = std::lower_bound(
      links_by_from_.begin(), links_by_from_.end(), step,
      [&](std::size_t link, std::uint64_t wanted) { return timeline_.links[link].from < wanted; });
  std::vector<Link> found;
  for (; at != links_by_from_.end() && timeline_.links[*at].from == step; ++at)
    found.push_back(timeline_.links[*at]);
  return found;
}

bool StepIndex::is_preemption(std::uint64_t step) const {
  return std::binary_search(preemptions_.begin(), preemptions_.end(), step);
}

std::uint64_t next_of(std::span<const std::uint64_t> steps, std::uint64_t step) {
  const auto found = std::upper_bound(steps.begin(), steps.end(), step);
  return found != steps.end() ? *found : 0;
}

std::uint64_t previous_of(std::span<const std::uint64_t> steps, std::uint64_t step) {
  const auto found = std::lower_bound(steps.begin(), steps.end(), step);
  return found != steps.begin() ? *std::prev(found) : 0;
}

}  // namespace chantrace::view
