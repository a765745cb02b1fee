#include "document.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include "embedded_page.h"
#include "model/changes.h"
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
  DocumentMaker(const Trace& trace, const std::vector<Finding>& findings, const LiveState* live)
      : trace_(trace),
        findings_(findings),
        names_(trace),
        clock_(trace),
        timeline_(make_timeline(trace, order_events(trace))) {
    for (std::size_t i = 0; i < trace.objects.size(); ++i)
      objects_.emplace(to_number(trace.objects[i].id), static_cast<int>(i));
    if (live == nullptr) return;
    live_events_ = live->events;
    for (const TaskId task : live->stuck) mark_as_blocked(timeline_.lane_of(task));
  }

  Json make(std::string_view fallback_title) {
    Json document;
    document["title"] = title_of(trace_, fallback_title);
    document["program"] = trace_.header.program;
    if (live_events_) document["live"] = *live_events_;
    document["verdict"] = live_events_             ? "running"
                          : trace_.is_incomplete() ? "incomplete"
                          : trace_.end->passed     ? "passed"
                                                   : "failed";
    document["controlled"] = trace_.header.is_controlled;
    document["warnings"] = trace_.warnings;
    document["tasks"] = tasks();
    document["objects"] = objects();
    document["steps"] = steps();
    document["spans"] = spans();
    document["links"] = links();
    document["changes"] = changes();
    document["findings"] = findings();
    document["words"] = words_.texts();
    document["operations"] = operations_.texts();
    document["places"] = places_.texts();
    return document;
  }

 private:
  /// What it waits in at the end never comes.
  void mark_as_blocked(std::uint32_t lane) {
    const auto last = std::find_if(timeline_.spans.rbegin(), timeline_.spans.rend(),
                                   [&](const Span& span) { return span.lane == lane; });
    if (last != timeline_.spans.rend() && last->kind == Span::Kind::kParked)
      last->kind = Span::Kind::kBlocked;
  }

  Json tasks() const {
    Json tasks = Json::array();
    for (const Lane& lane : timeline_.lanes) {
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
      time.push_back(i == 0 ? 0 : now - before);
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

  static std::uint64_t key_of(std::uint32_t lane, std::uint32_t site) {
    return std::uint64_t{lane} << 32 | site;
  }
  static std::string key_of(const Site& site) {
    return site.file + ":" + std::to_string(site.line);
  }

  /// What `steps_of` looks up.
  void index_steps() {
    last_steps_.assign(timeline_.lanes.size(), 0);
    for (std::size_t i = 0; i < timeline_.steps.size(); ++i) {
      const EventRecord& event = event_at(trace_, timeline_.steps[i].place);
      last_steps_[timeline_.lanes_of_steps[i]] = i + 1;
      if (event.site != 0) last_at_[key_of(timeline_.lanes_of_steps[i], event.site)] = i + 1;
    }
    for (const auto& [id, site] : trace_.sites) sites_[key_of(site)].push_back(id);
  }

  /// The last step that a task made at a place; 0: none.
  std::uint64_t step_at(TaskId task, const Site& site) const {
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
  std::uint64_t last_step(TaskId task) const {
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

  /// Where those stand that a finding is about: where they are stuck, or did what it says.
  std::vector<std::uint64_t> steps_of(const Finding& finding) const {
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

  Json findings() {
    index_steps();
    Json all = Json::array();
    for (const Finding& finding : findings_) {
      std::vector<std::uint64_t> steps = steps_of(finding);
      const bool is_cycle = finding.kind == FindingKind::kDeadlock && steps.size() > 1;
      all.push_back({{"kind", to_string(finding.kind)},
                     {"certainty", to_string(finding.certainty)},
                     {"summary", finding.summary},
                     {"text", to_text(finding, 0)},
                     {"steps", std::move(steps)},
                     {"cycle", is_cycle}});
    }
    return all;
  }

  const Trace& trace_;
  const std::vector<Finding>& findings_;
  const Names names_;
  const TraceClock clock_;
  Timeline timeline_;
  std::optional<std::uint64_t> live_events_;
  std::unordered_map<std::uint32_t, int> objects_;
  std::vector<std::uint64_t> last_steps_;                              ///< By lane.
  std::unordered_map<std::uint64_t, std::uint64_t> last_at_;           ///< By lane and site.
  std::unordered_map<std::string, std::vector<std::uint32_t>> sites_;  ///< By file and line.
  Table words_;
  Table operations_;
  Table places_;
};

}  // namespace

std::string to_document(const Trace& trace, const std::vector<Finding>& findings,
                        std::string_view fallback_title, const LiveState* live) {
  const std::string json = DocumentMaker(trace, findings, live)
                               .make(fallback_title)
                               .dump(-1, ' ', false, Json::error_handler_t::replace);
  // Inside a string alone, as JSON has no other use for it: no text can end the script it stands
  // in.
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

std::string to_page(const Trace& trace, const std::vector<Finding>& findings,
                    std::string_view fallback_title, const LiveState* live) {
  constexpr std::string_view kMark = "{data}";
  const std::string_view page = embedded_page();
  const std::size_t mark = page.find(kMark);
  std::string result(page.substr(0, mark));
  result += to_document(trace, findings, fallback_title, live);
  result += page.substr(mark + kMark.size());
  return result;
}

}  // namespace chantrace::view
