#include "tracks.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <unordered_map>

#include "analysis/object_state.h"
#include "moments.h"
#include "printable.h"
#include "verdict.h"

namespace chantrace::replay {

using view::cases_of;
using view::counted;
using view::event_at;
using view::kNoLane;
using view::Link;
using view::make_timeline;
using view::Names;
using view::Span;
using view::Step;
using view::Timeline;
using view::title_of;
namespace {

std::string brief(const std::string& text) {
  return detail::cut_to_code_points(text, detail::kShownCodePointsMax);
}

std::string_view category_of(const Trace& trace, const EventRecord& event) {
  if (event.operation == Operation::kSelect) return "select";
  if (event.object == 0 || is_on_task(event.operation)) return "task";
  const ObjectInfo* const object = trace.find_object(ObjectId{event.object});
  return object == nullptr ? "object" : to_string(object->kind);
}

/// Hands out the marks of a trace in the order of its steps.
class Marker {
 public:
  Marker(const Trace& trace, const Names& names, const Timeline& timeline, const MarkSink& use)
      : trace_(trace), names_(names), timeline_(timeline), use_(use) {
    for (const Step& step : timeline.steps)
      times_.push_back(moments_.next(event_at(trace, step.place)));
    times_.push_back(moments_.end(trace));
    next_span_.resize(timeline.lanes.size() + 1);
    for (const Span& span : timeline.spans) ++next_span_[span.lane + 1];
    std::partial_sum(next_span_.begin(), next_span_.end(), next_span_.begin());
    open_.resize(timeline.lanes.size());
    next_gap_.resize(trace.streams.size());
    by_from_.resize(timeline.links.size());
    std::iota(by_from_.begin(), by_from_.end(), 0);
    std::stable_sort(by_from_.begin(), by_from_.end(), [&](std::size_t left, std::size_t right) {
      return timeline.links[left].from < timeline.links[right].from;
    });
  }

  void run() {
    for (const ObjectInfo& object : trace_.objects) begin_counter(object);
    for (const Step& step : timeline_.steps) {
      if (!goes_on_) return;
      now_ns_ = times_[step.number - 1];
      add(step, timeline_.lanes_of_steps[step.number - 1]);
    }
    finish();
  }

 private:
  struct Counter {
    ObjectState object;
    std::int64_t told = 0;
  };

  void give(Mark mark) {
    mark.time_ns = now_ns_;
    goes_on_ = goes_on_ && use_(mark);
  }

  void add(const Step& step, std::uint32_t lane) {
    const EventRecord& event = event_at(trace_, step.place);
    tell_lost(step.place.stream, step.place.index, lane);

    const Span* const ended = open_[lane];
    const bool ends = ended != nullptr && ended->end == step.number;
    const Span* const begun = span_at(lane, step.number);
    // The record of a wait's end has its facts in the slice.
    const bool is_only_end = ends && begun == nullptr && phase_of(event) == Phase::kDone;
    if (ends) {
      Mark mark{.kind = Mark::Kind::kSliceEnd, .track = lane};
      if (is_only_end) add_flows(mark, step.number);
      give(std::move(mark));
      open_[lane] = nullptr;
    }
    if (begun != nullptr) {
      Mark mark = slice_of(*begun, step, event);
      add_flows(mark, step.number);
      give(std::move(mark));
      open_[lane] = begun;
    } else if (!is_only_end) {
      Mark mark{.kind = Mark::Kind::kInstant,
                .track = lane,
                .name = brief(describe(trace_, names_, event, false, cases_of(trace_, step.place))),
                .category = category_of(trace_, event),
                .facts = facts_of(step, event)};
      add_outcome(mark, event);
      add_flows(mark, step.number);
      give(std::move(mark));
    }
    count(step.task, event);
  }

  /// The slice of a wait that begins at that step; nullptr: none does.
  const Span* span_at(std::uint32_t lane, std::uint64_t step) {
    std::size_t& next = next_span_[lane];
    const auto is_here = [&] {
      return next < timeline_.spans.size() && timeline_.spans[next].lane == lane;
    };
    while (is_here() && timeline_.spans[next].begin < step) ++next;
    if (!is_here() || timeline_.spans[next].begin != step) return nullptr;
    const Span& span = timeline_.spans[next];
    return span.kind == Span::Kind::kRunning ? nullptr : &span;
  }

  Mark slice_of(const Span& span, const Step& step, const EventRecord& event) const {
    Mark mark{.kind = Mark::Kind::kSliceBegin,
              .track = span.lane,
              .end_ns = times_[span.end - 1],
              .name = brief(describe(trace_, names_, event, false, cases_of(trace_, step.place))),
              .category = category_of(trace_, event),
              .is_for_ever = span.kind == Span::Kind::kBlocked,
              .facts = facts_of(step, event)};
    if (mark.is_for_ever) mark.name += ": blocked for ever";
    if (span.end > timeline_.steps.size()) return mark;
    const EventRecord& end = event_at(trace_, timeline_.steps[span.end - 1].place);
    mark.facts.push_back({.name = "until step", .text = {}, .number = span.end});
    if (phase_of(end) == Phase::kDone) {
      // A send has its value from the beginning.
      if (std::none_of(mark.facts.begin(), mark.facts.end(),
                       [](const Fact& fact) { return fact.name == "value"; }))
        add_value(mark.facts, end);
      add_outcome(mark, end);
    }
    return mark;
  }

  std::vector<Fact> facts_of(const Step& step, const EventRecord& event) const {
    std::vector<Fact> facts;
    facts.push_back({.name = "step", .text = {}, .number = step.number});
    facts.push_back({.name = "operation", .text = std::string(to_string(event.operation))});
    if (event.object != 0) {
      facts.push_back({.name = "object",
                       .text = is_on_task(event.operation)
                                   ? names_.task(TaskId{event.object})
                                   : names_.object_and_place(ObjectId{event.object})});
    }
    const std::string place = names_.place(SiteId{event.site});
    if (!place.empty()) facts.push_back({.name = "place", .text = place});
    add_value(facts, event);
    return facts;
  }

  void add_value(std::vector<Fact>& facts, const EventRecord& event) const {
    if ((event.flags & kHasValue) == 0) return;
    std::string value = detail::shown(format_value(trace_, event));
    if (!value.empty()) facts.push_back({.name = "value", .text = std::move(value)});
  }

  static void add_outcome(Mark& mark, const EventRecord& event) {
    if (outcome_of(event) == Outcome::kOk) return;
    mark.facts.push_back({.name = "outcome", .text = std::string(to_string(outcome_of(event)))});
  }

  void add_flows(Mark& mark, std::uint64_t step) {
    const std::vector<Link>& links = timeline_.links;
    for (; next_to_ < links.size() && links[next_to_].to <= step; ++next_to_)
      if (links[next_to_].to == step && links[next_to_].from < step)
        mark.flows_to_here.push_back({next_to_ + 1, links[next_to_].kind});
    for (; next_from_ < by_from_.size() && links[by_from_[next_from_]].from <= step; ++next_from_) {
      const Link& link = links[by_from_[next_from_]];
      // The records of a damaged trace may lead back.
      if (link.from == step && link.to > step)
        mark.flows_from_here.push_back({by_from_[next_from_] + 1, link.kind});
    }
  }

  void begin_counter(const ObjectInfo& info) {
    if (info.kind != ObjectKind::kChannel && info.kind != ObjectKind::kWaitGroup &&
        info.kind != ObjectKind::kSemaphore)
      return;
    Counter& counter = counters_[to_number(info.id)];
    counter.object.id = info.id;
    counter.object.kind = info.kind;
    counter.object.capacity = info.capacity;
    counter.object.size = info.initial_size;
    if (info.kind != ObjectKind::kChannel) counter.object.count = info.initial_count;
    tell_count(counter);
  }

  void count(TaskId task, const EventRecord& event) {
    if (event.object == 0 || is_on_task(event.operation)) return;
    const auto found = counters_.find(event.object);
    if (found == counters_.end()) return;
    apply_to_object(found->second.object, trace_, task, event);
    tell_count(found->second);
  }

  void tell_count(Counter& counter) {
    const ObjectState& object = counter.object;
    const bool is_channel = object.kind == ObjectKind::kChannel;
    const std::int64_t now = is_channel ? static_cast<std::int64_t>(object.size) : object.count;
    if (now == counter.told) return;
    counter.told = now;
    give({.kind = Mark::Kind::kCounter,
          .track = to_number(object.id),
          .name = names_.object(object.id) + (is_channel ? ": values" : ": count"),
          .count = now});
  }

  /// What was lost of a stream before its record `index`.
  void tell_lost(std::size_t stream, std::uint64_t index, std::uint32_t lane) {
    const std::vector<Gap>& gaps = trace_.streams[stream].gaps;
    for (std::size_t& next = next_gap_[stream]; next < gaps.size() && gaps[next].before <= index;
         ++next) {
      give({.kind = Mark::Kind::kInstant,
            .track = lane,
            .name = counted(gaps[next].count, "event") + " lost",
            .category = "lost"});
    }
  }

  void finish() {
    now_ns_ = times_.back();
    for (std::size_t stream = 0; stream < trace_.streams.size(); ++stream)
      tell_lost(stream, UINT64_MAX, timeline_.lane_of(trace_.streams[stream].task));
    for (std::uint32_t lane = 0; lane < open_.size() && goes_on_; ++lane)
      if (open_[lane] != nullptr) give({.kind = Mark::Kind::kSliceEnd, .track = lane});
    if (!goes_on_) return;
    for (const Finding& finding : findings_of(trace_)) {
      give({.kind = Mark::Kind::kInstant,
            .track = kNoLane,
            .name = brief(fmt::format("{} ({})", finding.summary, to_string(finding.certainty))),
            .category = "finding",
            .facts = {{.name = "text", .text = to_text(finding, 0)}}});
    }
  }

  const Trace& trace_;
  const Names& names_;
  const Timeline& timeline_;
  const MarkSink& use_;
  Moments moments_{trace_};
  std::vector<std::uint64_t> times_;    ///< By step number less one; the last is the end's.
  std::vector<std::size_t> next_span_;  ///< By lane: the first that may still come.
  std::vector<const Span*> open_;       ///< By lane: the slice that has begun; nullptr: none.
  std::vector<std::size_t> next_gap_;   ///< By stream.
  std::vector<std::size_t> by_from_;    ///< Links, by the step that they come from.
  std::size_t next_to_ = 0;
  std::size_t next_from_ = 0;
  std::unordered_map<std::uint32_t, Counter> counters_;
  std::uint64_t now_ns_ = 0;
  bool goes_on_ = true;
};

}  // namespace

std::string_view to_string(Link::Kind kind) {
  switch (kind) {
    case Link::Kind::kValue:
      return "value";
    case Link::Kind::kWakeUp:
      return "wake-up";
    case Link::Kind::kLock:
      return "lock";
    case Link::Kind::kSpawn:
      return "spawn";
    case Link::Kind::kJoin:
      return "join";
  }
  return "unknown";
}

Tracks::Tracks(const Trace& trace, std::string_view fallback_title)
    : trace_(trace),
      names_(trace),
      timeline_(make_timeline(trace, order_events(trace))),
      title_(title_of(trace, fallback_title)) {
  if (trace.header.is_controlled) title_ += " (a step is 1 us)";
  // Viewers have signed numbers of 32 bits, and no process 0.
  constexpr std::uint64_t kMost = 1 << 30;
  const std::uint64_t id = trace.header.process_id;
  process_number_ = id > 0 && id < kMost ? static_cast<std::uint32_t>(id) : 1;
}

void Tracks::for_each_mark(const MarkSink& use) const {
  Marker(trace_, names_, timeline_, use).run();
}

}  // namespace chantrace::replay
