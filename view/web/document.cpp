#include "document.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_map>
#include <utility>

#include "embedded_page.h"
#include "model/changes.h"
#include "model/finding_steps.h"
#include "model/naming.h"
#include "model/quantity.h"
#include "model/timeline.h"

namespace chantrace::view {
namespace {

using Json = nlohmann::json;

/// Texts that are written once, however often they are meant.
class Table {
 public:
  int number(const std::string& text) {
    const auto [found, is_new] = numbers_.emplace(text, static_cast<int>(texts_.size()));
    if (is_new) texts_.push_back(text);
    return found->second;
  }
  const std::vector<std::string>& texts() const { return texts_; }

 private:
  std::unordered_map<std::string, int> numbers_;
  std::vector<std::string> texts_;
};

constexpr int kNone = -1;

class DocumentMaker {
 public:
  DocumentMaker(const Trace& trace, const TraceOrder& order)
      : trace_(trace), names_(trace), clock_(trace), timeline_(make_timeline(trace, order)) {
    for (std::size_t i = 0; i < trace.objects.size(); ++i)
      objects_.emplace(to_number(trace.objects[i].id), static_cast<int>(i));
  }

  Json make_whole(const std::vector<Finding>& findings, std::string_view fallback_title,
                  const LiveState* live) {
    if (live != nullptr)
      for (const TaskId task : live->stuck) mark_as_blocked(timeline_.lane_of(task));
    const FindingSteps finding_steps(trace_, timeline_);
    std::vector<PlacedFinding> placed;
    for (const Finding& finding : findings) placed.push_back({finding, finding_steps.of(finding)});
    Json document = make(fallback_title, timeline_.lanes, placed);
    document["verdict"] = live != nullptr ? "running" : verdict_of(trace_);
    document["warnings"] = trace_.warnings;
    if (live != nullptr) document["live"] = live->events;
    return document;
  }

  Json make_part(const LongTrace& whole, const TracePart& part,
                 const std::vector<PlacedFinding>& findings, std::string_view fallback_title,
                 std::string_view base) {
    Json document = make(fallback_title, whole.lanes(), findings);
    document["verdict"] = verdict_of(whole.definitions());
    document["warnings"] = whole.definitions().warnings;
    document["part"] = {{"first", part.first - part.begins.size()},
                        {"before", part.begins.size()},
                        {"begins", part.begins},
                        {"total", whole.steps_count()},
                        {"base", base}};
    return document;
  }

 private:
  Json make(std::string_view fallback_title, const std::vector<Lane>& lanes,
            const std::vector<PlacedFinding>& findings) {
    Json document;
    document["title"] = title_of(trace_, fallback_title);
    document["program"] = trace_.header.program;
    document["controlled"] = trace_.header.is_controlled;
    document["tasks"] = tasks(lanes);
    document["objects"] = objects();
    document["steps"] = steps();
    document["spans"] = spans();
    document["links"] = links();
    document["changes"] = changes();
    document["findings"] = to_json(findings);
    document["words"] = words_.texts();
    document["operations"] = operations_.texts();
    document["places"] = places_.texts();
    return document;
  }

  static const char* verdict_of(const Trace& trace) {
    if (trace.is_incomplete()) return "incomplete";
    return trace.end->passed ? "passed" : "failed";
  }

  /// What it waits in at the end never comes.
  void mark_as_blocked(std::uint32_t lane) {
    const auto last = std::find_if(timeline_.spans.rbegin(), timeline_.spans.rend(),
                                   [&](const Span& span) { return span.lane == lane; });
    if (last != timeline_.spans.rend() && last->kind == Span::Kind::kParked)
      last->kind = Span::Kind::kBlocked;
  }

  Json tasks(const std::vector<Lane>& lanes) const {
    Json tasks = Json::array();
    for (const Lane& lane : lanes) {
      const TaskInfo* const info = trace_.find_task(lane.task);
      tasks.push_back({{"name", names_.task(lane.task)},
                       {"parent", lane.parent == kNoLane ? kNone : static_cast<int>(lane.parent)},
                       {"depth", lane.depth},
                       {"first", lane.first},
                       {"last", lane.last},
                       {"place", info == nullptr ? std::string() : names_.place(info->site)}});
    }
    return tasks;
  }

  Json objects() const {
    Json objects = Json::array();
    for (const ObjectInfo& object : trace_.objects)
      objects.push_back({{"name", names_.object(object.id)},
                         {"kind", to_string(object.kind)},
                         {"type", object.type},
                         {"capacity", object.capacity},
                         {"place", names_.place(object.site)}});
    return objects;
  }

  int object_of(std::uint32_t id) const {
    const auto found = objects_.find(id);
    return found != objects_.end() ? found->second : kNone;
  }
  int object_of(const EventRecord& event) const {
    return is_on_task(event.operation) ? kNone : object_of(event.object);
  }

  std::string in_words(const Step& step, bool with_values) const {
    return describe(trace_, names_, event_at(trace_, step.place), with_values,
                    cases_of(trace_, step.place));
  }

  /// Columns hold numbers alone, which are some bytes each; objects would be a hundred.
  Json steps() {
    Json task = Json::array(), word = Json::array(), place = Json::array(), object = Json::array(),
         operation = Json::array(), phase = Json::array(), value = Json::array(),
         time = Json::array();
    std::uint64_t before = 0;
    for (std::size_t i = 0; i < timeline_.steps.size(); ++i) {
      const Step& step = timeline_.steps[i];
      const EventRecord& event = event_at(trace_, step.place);
      task.push_back(timeline_.lanes_of_steps[i]);
      word.push_back(words_.number(in_words(step, true)));
      const std::string at = names_.place(SiteId{event.site});
      place.push_back(at.empty() ? kNone : places_.number(at));
      object.push_back(object_of(event));
      operation.push_back(operations_.number(std::string(to_string(event.operation))));
      phase.push_back(static_cast<int>(phase_of(event)));
      value.push_back((event.flags & kHasValue) != 0 ? words_.number(format_value(trace_, event))
                                                     : kNone);
      // Clocks of two tasks may differ a little, and the order does not follow from them.
      const std::uint64_t now = std::max(before, since_start(event.time));
      time.push_back(now - before);
      before = now;
    }
    return {{"task", std::move(task)},           {"word", std::move(word)},
            {"place", std::move(place)},         {"object", std::move(object)},
            {"operation", std::move(operation)}, {"phase", std::move(phase)},
            {"value", std::move(value)},         {"time", std::move(time)}};
  }

  std::uint64_t since_start(std::uint64_t time) const {
    return clock_.is_steps() ? time : clock_.nanoseconds(clock_.since_start(time));
  }

  Json spans() {
    Json task = Json::array(), begin = Json::array(), end = Json::array(), kind = Json::array(),
         word = Json::array(), object = Json::array();
    for (const Span& span : timeline_.spans) {
      const bool is_parked = span.kind != Span::Kind::kRunning;
      task.push_back(span.lane);
      begin.push_back(span.begin);
      end.push_back(span.end);
      kind.push_back(static_cast<int>(span.kind));
      word.push_back(is_parked ? words_.number(in_words(timeline_.steps[span.begin - 1], false))
                               : kNone);
      object.push_back(is_parked && !is_on_task(span.operation) ? object_of(span.object) : kNone);
    }
    return {{"task", std::move(task)}, {"begin", std::move(begin)}, {"end", std::move(end)},
            {"kind", std::move(kind)}, {"word", std::move(word)},   {"object", std::move(object)}};
  }

  Json links() const {
    Json from = Json::array(), to = Json::array(), kind = Json::array();
    for (const Link& link : timeline_.links) {
      from.push_back(link.from);
      to.push_back(link.to);
      kind.push_back(static_cast<int>(link.kind));
    }
    return {{"from", std::move(from)}, {"to", std::move(to)}, {"kind", std::move(kind)}};
  }

  Json changes() const {
    Json step = Json::array(), object = Json::array(), kind = Json::array(), task = Json::array(),
         number = Json::array();
    for (const Change& change : find_changes(trace_, timeline_.steps)) {
      const int of = object_of(change.object);
      if (of == kNone) continue;
      const std::uint32_t lane = timeline_.lane_of(change.task);
      step.push_back(change.step);
      object.push_back(of);
      kind.push_back(static_cast<int>(change.kind));
      task.push_back(lane == kNoLane ? kNone : static_cast<int>(lane));
      number.push_back(change.number);
    }
    return {{"step", std::move(step)},
            {"object", std::move(object)},
            {"kind", std::move(kind)},
            {"task", std::move(task)},
            {"number", std::move(number)}};
  }

  static Json to_json(const std::vector<PlacedFinding>& findings) {
    Json all = Json::array();
    for (const auto& [finding, steps] : findings)
      all.push_back({{"kind", to_string(finding.kind)},
                     {"certainty", to_string(finding.certainty)},
                     {"summary", finding.summary},
                     {"text", to_text(finding, 0)},
                     {"steps", steps},
                     {"cycle", is_cycle(finding, steps)}});
    return all;
  }

  const Trace& trace_;
  const Names names_;
  const TraceClock clock_;
  Timeline timeline_;
  std::unordered_map<std::uint32_t, int> objects_;
  Table words_;
  Table operations_;
  Table places_;
};

/// Inside a string alone, as JSON has no other use for it: no text can end the script it stands in.
std::string without_markup(const Json& document) {
  const std::string json = document.dump(-1, ' ', false, Json::error_handler_t::replace);
  std::string safe;
  safe.reserve(json.size());
  for (const char c : json) {
    if (c == '<')
      safe += "\\u003c";
    else
      safe += c;
  }
  return safe;
}

}  // namespace

std::string to_document(const Trace& trace, const std::vector<Finding>& findings,
                        std::string_view fallback_title, const LiveState* live) {
  return without_markup(
      DocumentMaker(trace, order_events(trace)).make_whole(findings, fallback_title, live));
}

std::string to_document(const LongTrace& whole, const TracePart& part,
                        const std::vector<PlacedFinding>& findings, std::string_view fallback_title,
                        std::string_view base) {
  return without_markup(
      DocumentMaker(part.trace, part.order).make_part(whole, part, findings, fallback_title, base));
}

std::string to_page(std::string_view document) {
  constexpr std::string_view kMark = "{data}";
  const std::string_view page = embedded_page();
  const std::size_t mark = page.find(kMark);
  std::string result(page.substr(0, mark));
  result += document;
  result += page.substr(mark + kMark.size());
  return result;
}

std::string to_page(const Trace& trace, const std::vector<Finding>& findings,
                    std::string_view fallback_title, const LiveState* live) {
  return to_page(to_document(trace, findings, fallback_title, live));
}

}  // namespace chantrace::view
