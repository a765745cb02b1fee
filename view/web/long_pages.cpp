#include "long_pages.h"

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "chantrace/end_state.h"
#include "model/finding_steps.h"
#include "model/long_search.h"
#include "model/quantity.h"

namespace chantrace::view {
namespace {

using Json = nlohmann::json;

/// Steps of a document: a page draws them in some milliseconds, and is given them in a tenth of a
/// second.
constexpr std::uint64_t kDocumentSteps = 64 * 1024;
constexpr std::uint64_t kCellsMax = 8192;
constexpr const char* kNotLookedFor =
    "this trace is long: what is stuck or leaked at its end is told here, but orders of locks and "
    "data races are not looked for; \"chantrace check\" does that";
constexpr std::string_view kChanged = "the trace has changed; load the page again";

Response answer(std::string body) {
  return {.type = "application/json", .body = std::make_shared<std::string>(std::move(body))};
}

/// What the runtime has found and what the end shows: neither needs all events.
std::vector<PlacedFinding> find_findings(LongTrace& trace) {
  const std::uint64_t count = trace.steps_count();
  const auto part = trace.part(count > kDocumentSteps ? count - kDocumentSteps + 1 : 1, count);
  if (!part) return {};
  std::vector<Finding> findings;
  if (const auto& end = trace.definitions().end) findings = end->findings;
  const std::size_t told = findings.size();
  for (Finding& finding : analyze(end_state(part->trace, part->order))) {
    const bool is_told = std::any_of(
        findings.begin(), findings.begin() + static_cast<std::ptrdiff_t>(told),
        [&](const Finding& one) { return one.kind == finding.kind && one.task == finding.task; });
    if (!is_told) findings.push_back(std::move(finding));
  }
  const Timeline timeline = make_timeline(part->trace, part->order);
  const FindingSteps finding_steps(part->trace, timeline);
  std::vector<PlacedFinding> placed;
  for (Finding& finding : findings) {
    std::vector<std::uint64_t> steps = finding_steps.of(finding);
    for (std::uint64_t& step : steps) step = part->number_of(step);
    placed.push_back({std::move(finding), std::move(steps)});
  }
  Finding note;
  note.kind = FindingKind::kUncertain;
  note.certainty = Certainty::kNote;
  note.summary = kNotLookedFor;
  placed.push_back({std::move(note), {}});
  return placed;
}

/// Its place in the document's list; -1: none.
std::int64_t index_of(const Trace& definitions, std::uint32_t object) {
  const auto found = std::ranges::lower_bound(
      definitions.objects, object, {}, [](const ObjectInfo& one) { return to_number(one.id); });
  return found != definitions.objects.end() && to_number(found->id) == object
             ? found - definitions.objects.begin()
             : -1;
}

}  // namespace

LongPages::LongPages(LongTrace trace, std::string title, std::string base)
    : trace_(std::move(trace)),
      title_(std::move(title)),
      base_(std::move(base)),
      findings_(find_findings(trace_)) {}

Response LongPages::page() {
  const auto part = trace_.part(1, kDocumentSteps);
  if (!part) return refuse(500, kChanged);
  return {.type = "text/html; charset=utf-8",
          .body = std::make_shared<std::string>(
              to_page(to_document(trace_, *part, findings_, title_, base_)))};
}

bool LongPages::answers(std::string_view what) {
  return what == "document" || what == "levels" || what == "next";
}

Response LongPages::respond(std::string_view what, const Request& request) {
  if (what == "document") return document(request);
  if (what == "levels") return levels(request);
  if (what == "next") return next(request);
  return refuse(404, "there is no such page");
}

Response LongPages::document(const Request& request) {
  const auto step = request.number("step", 1);
  if (!step) return refuse(400, "step is the number of a step");
  const std::uint64_t middle = std::clamp<std::uint64_t>(*step, 1, trace_.steps_count() + 1);
  const std::uint64_t from = middle > kDocumentSteps / 2 ? middle - kDocumentSteps / 2 : 1;
  const auto part = trace_.part(from, from + kDocumentSteps - 1);
  if (!part) return refuse(500, kChanged);
  return answer(to_document(trace_, *part, findings_, title_, base_));
}

Response LongPages::levels(const Request& request) const {
  const auto from = request.number("from", 1);
  const auto to = request.number("to", trace_.steps_count());
  const auto cells = request.number("cells", 1000);
  const auto lane = request.number("lane", 0);
  const auto lanes = request.number("lanes", trace_.lanes().size());
  if (!from || !to || !cells || !lane || !lanes)
    return refuse(400, "from, to, cells, lane and lanes are numbers");
  const auto narrow = [](std::uint64_t number) {
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(number, UINT32_MAX));
  };
  const LevelView view =
      trace_.levels().view(*from, *to, static_cast<std::size_t>(std::min(*cells, kCellsMax)),
                           narrow(*lane), narrow(*lanes));
  const Trace& definitions = trace_.definitions();
  const TraceClock clock(definitions);
  Json times = Json::array();
  for (const std::uint64_t time : view.times)
    times.push_back(clock.is_steps() ? time : clock.nanoseconds(clock.since_start(time)));
  Json steps = Json::array(), parked = Json::array(), objects = Json::array();
  for (const std::vector<LevelCell>& cells_of_lane : view.lanes) {
    Json steps_of_lane = Json::array(), parked_of_lane = Json::array(),
         objects_of_lane = Json::array();
    for (const LevelCell& cell : cells_of_lane) {
      steps_of_lane.push_back(cell.steps);
      parked_of_lane.push_back(cell.parked);
      objects_of_lane.push_back(index_of(definitions, cell.object));
    }
    steps.push_back(std::move(steps_of_lane));
    parked.push_back(std::move(parked_of_lane));
    objects.push_back(std::move(objects_of_lane));
  }
  const Json all = {{"from", view.from},
                    {"every", view.every},
                    {"lane", view.lane},
                    {"total", trace_.steps_count()},
                    {"steps", std::move(steps)},
                    {"parked", std::move(parked)},
                    {"object", std::move(objects)},
                    {"time", std::move(times)}};
  return answer(all.dump());
}

Response LongPages::next(const Request& request) {
  const auto from = request.number("from", 0);
  const auto lane = request.number("task", UINT64_MAX);
  const auto object = request.number("object", UINT64_MAX);
  const std::string_view direction = request.parameter("direction").value_or("1");
  if (!from || !lane || !object || (direction != "1" && direction != "-1"))
    return refuse(400, "from, task and object are numbers, and direction is 1 or -1");
  StepQuery query{.text = request.text("q").value_or("")};
  const Trace& definitions = trace_.definitions();
  if (*lane < trace_.lanes().size())
    query.lane = static_cast<std::uint32_t>(*lane);
  else if (*object < definitions.objects.size())
    query.object = definitions.objects[static_cast<std::size_t>(*object)].id;
  else
    query.is_preemption = request.parameter("preemption") == "1";
  if (!query.lane && !query.object && !query.is_preemption && query.text.empty())
    return refuse(400, "what is next is one of task, object, preemption and q");
  const auto step = find_step(trace_, query, *from, direction == "1");
  if (!step) return refuse(500, kChanged);
  return answer(Json{{"step", *step}}.dump());
}

}  // namespace chantrace::view
