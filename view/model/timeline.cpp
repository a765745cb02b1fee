#include "timeline.h"

#include <algorithm>

#include "links.h"

namespace chantrace::view {
namespace {

/// Tasks below the one that started them, each family in the order of starts.
void add_lanes(const Trace& trace, Timeline& timeline) {
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
    const std::uint32_t parent = task.parent < task.id ? timeline.lane_of(task.parent) : kNoLane;
    timeline.lanes_by_task.emplace(to_number(task.id),
                                   static_cast<std::uint32_t>(timeline.lanes.size()));
    timeline.lanes.push_back({.task = task.id,
                              .parent = parent,
                              .depth = parent == kNoLane ? 0 : timeline.lanes[parent].depth + 1});
    const auto family = children.find(to_number(task.id));
    if (family == children.end()) continue;
    next.insert(next.end(), family->second.rbegin(), family->second.rend());
  }
}

/// What one lane is doing.
struct Doing {
  Span span;  ///< That has begun.
  bool has_begun = false;
  bool has_ended = false;
  bool has_deadline = false;  ///< What it is parked in ends by itself.
};

class SpanMaker {
 public:
  SpanMaker(const Trace& trace, Timeline& timeline)
      : trace_(trace), timeline_(timeline), doing_(timeline.lanes.size()) {}

  void add_lane() { doing_.emplace_back(); }

  void add(const Step& step, std::uint32_t lane) {
    const EventRecord& event = event_at(trace_, step.place);
    Doing& doing = doing_[lane];
    if (!doing.has_begun) {
      doing.has_begun = true;
      doing.span = {.lane = lane, .begin = step.number};
      timeline_.lanes[lane].first = step.number;
    }
    timeline_.lanes[lane].last = step.number;
    if (event.operation == Operation::kTaskEnd) {
      close(doing, step.number);
      doing.span.begin = step.number;
      doing.has_ended = true;
      return;
    }
    const bool is_start = phase_of(event) == Phase::kStart;
    if (is_start || (doing.span.kind == Span::Kind::kParked && ends_wait(event))) {
      close(doing, step.number);
      doing.span = {.lane = lane, .begin = step.number};
    }
    if (!is_start) return;
    doing.span.kind = Span::Kind::kParked;
    doing.span.operation = event.operation;
    doing.span.object = event.operation == Operation::kSelect ? 0 : event.object;
    doing.has_deadline =
        outcome_of(event) == Outcome::kTimedOut || event.operation == Operation::kSleep;
  }

  void finish() {
    const std::uint64_t end = timeline_.steps.size() + 1;
    for (Doing& doing : doing_) {
      if (!doing.has_begun || doing.has_ended) continue;
      const std::uint32_t lane = doing.span.lane;
      // What a killed program would have done next is not known.
      if (doing.span.kind == Span::Kind::kParked && !doing.has_deadline && !trace_.is_incomplete())
        doing.span.kind = Span::Kind::kBlocked;
      timeline_.lanes[lane].last = end;
      close(doing, end);
    }
    std::stable_sort(timeline_.spans.begin(), timeline_.spans.end(),
                     [](const Span& left, const Span& right) { return left.lane < right.lane; });
  }

 private:
  void close(Doing& doing, std::uint64_t end) {
    doing.span.end = end;
    if (doing.span.begin < end) timeline_.spans.push_back(doing.span);
  }

  const Trace& trace_;
  Timeline& timeline_;
  std::vector<Doing> doing_;
};

}  // namespace

Timeline make_timeline(const Trace& trace, const TraceOrder& order) {
  Timeline timeline;
  TraceOrder before = order;
  before.places.resize(unwinding_begins_at(trace, order));
  timeline.steps = steps_of(trace, before);
  add_lanes(trace, timeline);
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
