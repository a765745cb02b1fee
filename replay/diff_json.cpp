#include <nlohmann/json.hpp>

#include "diff_report.h"
#include "model/interleaving.h"

namespace chantrace::replay {

using view::cases_of;
using view::describe;
using view::event_at;
using view::title_of;
namespace {

using Json = nlohmann::ordered_json;

// Raised when a key changes its meaning or goes; never for a new key.
constexpr int kDiffVersion = 1;

/// Writes one `DiffReport`.
class DiffJson {
 public:
  DiffJson(const DiffReport& report, std::size_t rows_max)
      : report_(report),
        comparison_(report.comparison),
        rows_max_(rows_max),
        left_numbers_(step_numbers(comparison_.left, comparison_.left_order)),
        right_numbers_(step_numbers(comparison_.right, comparison_.right_order)) {}

  Json whole() const {
    const Alignment& alignment = comparison_.alignment;
    Json partings = Json::array();
    for (const Parting& parting : alignment.partings) partings.push_back(to_json(parting));
    return {{"version", kDiffVersion},
            {"tool", {{"name", "chantrace"}, {"version", CHANTRACE_VERSION}}},
            {"is_same", comparison_.is_same()},
            {"is_same_test", comparison_.is_same_test()},
            {"is_same_build", comparison_.same.has_same_build()},
            {"a", side(report_.left, comparison_.left)},
            {"b", side(report_.right, comparison_.right)},
            {"common_events_count", std::to_string(alignment.common.size())},
            {"first_difference", alignment.partings.empty() ? Json(nullptr) : around()},
            {"differences", std::move(partings)},
            {"tasks", tasks()},
            {"ends", ends()},
            {"findings",
             {{"only_a", findings(comparison_.only_left)},
              {"only_b", findings(comparison_.only_right)}}}};
  }

 private:
  Json side(const DiffSide& side, const Trace& trace) const {
    return {{"path", side.path},
            {"test", title_of(trace, "")},
            {"program", trace.header.program},
            {"is_incomplete", trace.is_incomplete()},
            {"test_passed", trace.end ? Json(trace.end->passed) : Json(nullptr)},
            {"tasks_count", trace.tasks.size()},
            {"events_count", std::to_string(trace.events_count())},
            {"lost_count", std::to_string(trace.lost_count())}};
  }

  Json step(const Trace& trace, const EventPlace& place) const {
    const bool is_left = &trace == &comparison_.left;
    const EventRecord& event = event_at(trace, place);
    const Site& site = trace.site(SiteId{event.site});
    const auto& numbers = is_left ? left_numbers_ : right_numbers_;
    return {{"step", std::to_string(numbers[place.stream][place.index])},
            {"task", comparison_.names.task(trace.streams[place.stream].task)},
            {"text", describe(trace, comparison_.names, event, true, cases_of(trace, place))},
            {"parks", phase_of(event) == Phase::kStart},
            {"file", site.file},
            {"line", site.line}};
  }
  Json step(const Trace& trace, const std::optional<EventPlace>& place) const {
    return place ? step(trace, *place) : Json(nullptr);
  }

  Json to_json(const Parting& parting) const {
    return {{"a", step(comparison_.left, parting.left)},
            {"b", step(comparison_.right, parting.right)},
            {"a_text", left_in_words(comparison_, parting)},
            {"b_text", right_in_words(comparison_, parting)}};
  }

  Json around() const {
    const Parting& first = comparison_.alignment.partings.front();
    const PartingSteps steps = steps_around(comparison_, first, rows_max_);
    Json json = to_json(first);
    json["before"] = Json::array();
    json["a_goes_on"] = Json::array();
    json["b_goes_on"] = Json::array();
    for (const CommonRecord& common : steps.before)
      json["before"].push_back(step(comparison_.left, common.left));
    for (const EventPlace& place : steps.left)
      json["a_goes_on"].push_back(step(comparison_.left, place));
    for (const EventPlace& place : steps.right)
      json["b_goes_on"].push_back(step(comparison_.right, place));
    return json;
  }

  Json operation(const Trace& trace, bool is_there,
                 const std::optional<DoneOperation>& operation) const {
    if (!is_there || !operation) return nullptr;
    Json json = step(trace, operation->first);
    json["text"] = in_words(trace, comparison_.names, operation);
    json["is_done"] = operation->last.has_value();
    return json;
  }

  Json tasks() const {
    Json array = Json::array();
    for (const TaskDifference& one : comparison_.tasks)
      array.push_back({{"task", comparison_.names.task(one.task)},
                       {"is_in_a", one.is_in_left},
                       {"is_in_b", one.is_in_right},
                       {"same_operations_count", std::to_string(one.same_count)},
                       {"a", operation(comparison_.left, one.is_in_left, one.left)},
                       {"b", operation(comparison_.right, one.is_in_right, one.right)}});
    return array;
  }

  Json ends() const {
    Json array = Json::array();
    for (const EndDifference& end : comparison_.ends)
      array.push_back({{"name", end.name}, {"a", end.left}, {"b", end.right}});
    return array;
  }

  static Json findings(const std::vector<Finding>& findings) {
    Json array = Json::array();
    for (const Finding& finding : findings)
      array.push_back({{"kind", to_string(finding.kind)},
                       {"certainty", to_string(finding.certainty)},
                       {"summary", finding.summary},
                       {"fingerprint", fingerprint(finding)}});
    return array;
  }

  const DiffReport& report_;
  const Comparison& comparison_;
  const std::size_t rows_max_;
  const std::vector<std::vector<std::uint64_t>> left_numbers_;
  const std::vector<std::vector<std::uint64_t>> right_numbers_;
};

}  // namespace

std::string to_json(const DiffReport& report, std::size_t rows_max) {
  return DiffJson{report, rows_max}.whole().dump(2, ' ', false, Json::error_handler_t::replace) +
         "\n";
}

}  // namespace chantrace::replay
