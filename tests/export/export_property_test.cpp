// What holds of the exports of any program's trace, and of any trace at all: a reader lets damaged
// ones through.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>

#include "export/exported.h"
#include "support/random_trace.h"
#include "support/trace_generators.h"
#include "tracks.h"

namespace chantrace::replay {
namespace {

std::vector<Mark> marks_of(const Tracks& tracks) {
  std::vector<Mark> marks;
  tracks.for_each_mark([&](const Mark& mark) {
    marks.push_back(mark);
    return true;
  });
  return marks;
}

/// What viewers rely on.
void check_marks(const std::vector<Mark>& marks) {
  std::uint64_t last_ns = 0;
  std::map<std::uint32_t, std::uint64_t> open;  // When the slice of a track ends.
  std::map<std::uint64_t, std::uint64_t> flows;
  std::map<std::uint64_t, std::size_t> ends;
  for (const Mark& mark : marks) {
    RC_ASSERT(mark.time_ns >= last_ns);
    last_ns = mark.time_ns;
    if (mark.kind == Mark::Kind::kSliceBegin) {
      RC_ASSERT(open.emplace(mark.track, mark.end_ns).second);
      RC_ASSERT(mark.end_ns >= mark.time_ns);
    }
    if (mark.kind == Mark::Kind::kSliceEnd) {
      RC_ASSERT(open.at(mark.track) == mark.time_ns);
      open.erase(mark.track);
    }
    for (const FlowEnd& flow : mark.flows_from_here)
      RC_ASSERT(flows.emplace(flow.id, mark.time_ns).second);
    for (const FlowEnd& flow : mark.flows_to_here) {
      RC_ASSERT(flows.contains(flow.id));
      RC_ASSERT(++ends[flow.id] == 1u);
    }
  }
  RC_ASSERT(open.empty());
  RC_ASSERT(flows.size() == ends.size());
}

RC_GTEST_PROP(ExportProperty, AProgramHasASliceForEachWaitAndAFlowForEachLink, ()) {
  Trace trace = random_trace();
  make_brief(trace, Charset::kUtf8);
  const view::Timeline timeline = view::make_timeline(trace, order_events(trace));

  const std::vector<Mark> marks = marks_of(Tracks(trace, ""));

  check_marks(marks);
  const auto waits =
      std::count_if(timeline.spans.begin(), timeline.spans.end(),
                    [](const view::Span& span) { return span.kind != view::Span::Kind::kRunning; });
  const auto slices = std::count_if(marks.begin(), marks.end(), [](const Mark& mark) {
    return mark.kind == Mark::Kind::kSliceBegin;
  });
  RC_ASSERT(slices == waits);
  std::size_t flows = 0;
  for (const Mark& mark : marks) flows += mark.flows_from_here.size();
  const auto forward = std::count_if(timeline.links.begin(), timeline.links.end(),
                                     [](const view::Link& link) { return link.from < link.to; });
  RC_ASSERT(flows == static_cast<std::size_t>(forward));
  RC_CLASSIFY(waits > 0, "waits");
  RC_CLASSIFY(static_cast<std::size_t>(forward) < timeline.links.size(), "a link back");
}

RC_GTEST_PROP(ExportProperty, CountersEndAtWhatChannelsHold, ()) {
  Trace trace = random_trace();
  make_brief(trace, Charset::kUtf8);

  std::map<std::uint32_t, std::int64_t> counts;
  for (const Mark& mark : marks_of(Tracks(trace, "")))
    if (mark.kind == Mark::Kind::kCounter) counts[mark.track] = mark.count;

  for (const ObjectState& object :
       view::state_before_unwinding(trace, order_events(trace)).objects) {
    if (object.kind == ObjectKind::kChannel)
      RC_ASSERT(counts[to_number(object.id)] == static_cast<std::int64_t>(object.size));
  }
}

RC_GTEST_PROP(ExportProperty, AnyTraceAtAllCanBeWritten, (Trace trace)) {
  make_brief(trace, Charset::kUtf8);

  check_marks(marks_of(Tracks(trace, "")));
  RC_ASSERT(nlohmann::json::accept(exported(write_chrome, trace)));
  RC_ASSERT(!exported(write_perfetto, trace).empty());
  RC_ASSERT(exported(write_dot, trace).ends_with("}\n"));
  const auto mermaid = [](const Trace& one, std::string_view title, const LineSink& sink) {
    write_mermaid(one, title, {}, sink);
  };
  RC_ASSERT(exported(mermaid, trace).size() <= kDiagramBytesMax);
  const TemporaryFolder folder;
  RC_ASSERT(write_ctf(trace, folder.file("ctf")).empty());
}

}  // namespace
}  // namespace chantrace::replay
