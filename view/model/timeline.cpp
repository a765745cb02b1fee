#include "timeline.h"

#include <algorithm>

#include "links.h"

namespace chantrace::view {
namespace {

class SpanMaker {
 public:
  SpanMaker(const Trace& trace, Timeline& timeline)
      : trace_(trace), timeline_(timeline), activities_(timeline.lanes.size()) {}

  void add_lane() { activities_.emplace_back(); }

  void add(const Step& step, std::uint32_t lane) {
    Lane& made = timeline_.lanes[lane];
    if (made.first == 0) made.first = step.number;
    made.last = step.number;
    close(activities_[lane].add(lane, step.number, event_at(trace_, step.place)));
  }

  void finish() {
    const std::uint64_t end = timeline_.steps.size() + 1;
    for (Activity& activity : activities_) {
      if (!activity.goes_on()) continue;
      timeline_.lanes[activity.span().lane].last = end;
      // What a killed program would have done next is not known.
      close(activity.end_at(end, !trace_.is_incomplete()));
    }
    std::stable_sort(timeline_.spans.begin(), timeline_.spans.end(),
                     [](const Span& left, const Span& right) { return left.lane < right.lane; });
  }

 private:
  void close(const Span& span) {
    if (span.begin < span.end) timeline_.spans.push_back(span);
  }

  const Trace& trace_;
  Timeline& timeline_;
  std::vector<Activity> activities_;
};

}  // namespace

std::vector<Lane> make_lanes(const Trace& trace) {
  std::vector<Lane> lanes;
  std::unordered_map<std::uint32_t, std::uint32_t> lanes_by_task;
  std::unordered_map<std::uint32_t, std::vector<const TaskInfo*>> children;
  std::vector<const TaskInfo*> next;
  for (const TaskInfo& task : trace.tasks) {
    // A task is started by an older one, which has the smaller number.
    const bool has_parent = task.parent < task.id && trace.find_task(task.parent) != nullptr;
    (has_parent ? children[to_number(task.parent)] : next).push_back(&task);
  }
  std::reverse(next.begin(), next.end());
  while (!next.empty()) {
    const TaskInfo& task = *next.back();
    next.pop_back();
    const auto parent = lanes_by_task.find(to_number(task.parent));
    const bool has_parent = task.parent < task.id && parent != lanes_by_task.end();
    const std::uint32_t parent_lane = has_parent ? parent->second : kNoLane;
    lanes_by_task.emplace(to_number(task.id), static_cast<std::uint32_t>(lanes.size()));
    lanes.push_back({.task = task.id,
                     .parent = parent_lane,
                     .depth = has_parent ? lanes[parent_lane].depth + 1 : 0});
    const auto family = children.find(to_number(task.id));
    if (family == children.end()) continue;
    next.insert(next.end(), family->second.rbegin(), family->second.rend());
  }
  return lanes;
}

Span Activity::add(std::uint32_t lane, std::uint64_t step, const EventRecord& event) {
  if (!has_begun_) {
    has_begun_ = true;
    span_ = {.lane = lane, .begin = step};
  }
  if (event.operation == Operation::kTaskEnd) {
    has_ended_ = true;
    return turn_at(step);
  }
  const bool is_start = phase_of(event) == Phase::kStart;
  if (!is_start && (span_.kind != Span::Kind::kParked || !ends_wait(event))) return {};
  const Span before = turn_at(step);
  if (!is_start) return before;
  span_.kind = Span::Kind::kParked;
  span_.operation = event.operation;
  span_.object = event.operation == Operation::kSelect ? 0 : event.object;
  has_deadline_ = outcome_of(event) == Outcome::kTimedOut || event.operation == Operation::kSleep;
  return before;
}

Span Activity::end_at(std::uint64_t step, bool is_for_ever) {
  if (span_.kind == Span::Kind::kParked && !has_deadline_ && is_for_ever)
    span_.kind = Span::Kind::kBlocked;
  return turn_at(step);
}

Span Activity::turn_at(std::uint64_t step) {
  Span before = span_;
  before.end = step;
  span_ = {.lane = before.lane, .begin = step};
  return before;
}

Timeline make_timeline(const Trace& trace, const TraceOrder& order) {
  Timeline timeline;
  TraceOrder before = order;
  before.places.resize(unwinding_begins_at(trace, order));
  timeline.steps = steps_of(trace, before);
  timeline.lanes = make_lanes(trace);
  for (std::uint32_t lane = 0; lane < timeline.lanes.size(); ++lane)
    timeline.lanes_by_task.emplace(to_number(timeline.lanes[lane].task), lane);
  timeline.lanes_of_steps.reserve(timeline.steps.size());
  SpanMaker spans(trace, timeline);
  for (const Step& step : timeline.steps) {
    std::uint32_t lane = timeline.lane_of(step.task);
    if (lane == kNoLane) {
      // A damaged trace may have events of a task that it does not define.
      lane = static_cast<std::uint32_t>(timeline.lanes.size());
      timeline.lanes.push_back({.task = step.task});
      timeline.lanes_by_task.emplace(to_number(step.task), lane);
      spans.add_lane();
    }
    timeline.lanes_of_steps.push_back(lane);
    spans.add(step, lane);
  }
  spans.finish();
  timeline.links = find_links(trace, before, timeline.steps);
  return timeline;
}

}  // namespace chantrace::view
