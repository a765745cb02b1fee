#include <fmt/format.h>

#include "export_formats.h"
#include "model/json_string.h"
#include "tracks.h"

namespace chantrace::replay {

using view::json_string;

using view::kNoLane;
namespace {

/// Nanoseconds as microseconds, without a loss.
std::string microseconds(std::uint64_t ns) {
  return fmt::format("{}.{:03}", ns / 1'000, ns % 1'000);
}

// Source: "Trace Event Format", the document that all viewers of it refer to. A flow is bound to
// the slice around it, so it is written behind the slice or the instant at its moment.
class ChromeWriter {
 public:
  ChromeWriter(const Tracks& tracks, const LineSink& sink) : tracks_(tracks), sink_(sink) {}

  bool write_head() {
    const TraceHeader& header = tracks_.trace().header;
    if (!sink_(
            fmt::format("{{\"displayTimeUnit\":\"ns\",\"otherData\":{{\"test\":{},\"program\":{}}},"
                        "\"traceEvents\":[\n",
                        json_string(header.test), json_string(header.program))))
      return false;
    if (!write_name("process_name", 0, tracks_.title())) return false;
    for (std::uint32_t lane = 0; lane < tracks_.lanes().size(); ++lane) {
      if (!write_name("thread_name", lane, tracks_.names().task(tracks_.lanes()[lane].task)) ||
          !write_event(fmt::format("\"ph\":\"M\",\"name\":\"thread_sort_index\",{},"
                                   "\"args\":{{\"sort_index\":{}}}",
                                   where(lane), lane)))
        return false;
    }
    return true;
  }

  bool write(const Mark& mark) {
    switch (mark.kind) {
      case Mark::Kind::kSliceBegin:
        if (!write_event(fmt::format("\"ph\":\"X\",{},\"dur\":{},{}", what_and_when(mark),
                                     microseconds(mark.end_ns - mark.time_ns), facts_of(mark))))
          return false;
        break;
      case Mark::Kind::kSliceEnd:
        break;
      case Mark::Kind::kInstant:
        if (!write_event(fmt::format("\"ph\":\"i\",\"s\":\"{}\",{},{}",
                                     mark.track == kNoLane ? 'p' : 't', what_and_when(mark),
                                     facts_of(mark))))
          return false;
        break;
      case Mark::Kind::kCounter:
        return write_event(
            fmt::format("\"ph\":\"C\",\"name\":{},\"pid\":{},\"ts\":{},"
                        "\"args\":{{\"count\":{}}}",
                        json_string(mark.name), tracks_.process_number(),
                        microseconds(mark.time_ns), mark.count));
    }
    for (const FlowEnd& flow : mark.flows_to_here)
      if (!write_flow(mark, flow, "\"ph\":\"f\",\"bp\":\"e\"")) return false;
    for (const FlowEnd& flow : mark.flows_from_here)
      if (!write_flow(mark, flow, "\"ph\":\"s\"")) return false;
    return true;
  }

  void write_tail() { sink_("\n]}\n"); }

 private:
  std::string where(std::uint32_t lane) const {
    return fmt::format("\"pid\":{},\"tid\":{}", tracks_.process_number(),
                       tracks_.thread_number(lane == kNoLane ? 0 : lane));
  }

  std::string what_and_when(const Mark& mark) const {
    return fmt::format("\"name\":{},\"cat\":\"{}{}\",{},\"ts\":{}", json_string(mark.name),
                       mark.category, mark.is_for_ever ? ",blocked" : "", where(mark.track),
                       microseconds(mark.time_ns));
  }

  static std::string facts_of(const Mark& mark) {
    std::string facts = "\"args\":{";
    for (const Fact& fact : mark.facts) {
      if (facts.back() != '{') facts += ',';
      facts += fmt::format("\"{}\":", fact.name);
      facts += fact.is_number() ? fmt::format("{}", fact.number) : json_string(fact.text);
    }
    return facts + '}';
  }

  bool write_flow(const Mark& mark, const FlowEnd& flow, std::string_view end) {
    return write_event(fmt::format("{},\"name\":\"{}\",\"cat\":\"flow\",\"id\":{},{},\"ts\":{}",
                                   end, to_string(flow.kind), flow.id, where(mark.track),
                                   microseconds(mark.time_ns)));
  }

  bool write_name(std::string_view what, std::uint32_t lane, const std::string& name) {
    return write_event(fmt::format("\"ph\":\"M\",\"name\":\"{}\",{},\"args\":{{\"name\":{}}}", what,
                                   where(lane), json_string(name)));
  }

  bool write_event(std::string_view members) {
    const bool goes_on = sink_(fmt::format("{}{{{}}}", is_first_ ? "" : ",\n", members));
    is_first_ = false;
    return goes_on;
  }

  const Tracks& tracks_;
  const LineSink& sink_;
  bool is_first_ = true;
};

}  // namespace

void write_chrome(const Trace& trace, std::string_view fallback_title, const LineSink& sink) {
  const Tracks tracks(trace, fallback_title);
  ChromeWriter writer(tracks, sink);
  if (!writer.write_head()) return;
  bool goes_on = true;
  tracks.for_each_mark([&](const Mark& mark) { return goes_on = writer.write(mark); });
  if (goes_on) writer.write_tail();
}

}  // namespace chantrace::replay
