#include "report_json.h"

#include <algorithm>

#include "report.h"

namespace chantrace::replay {
namespace {

using Json = nlohmann::ordered_json;

// Raised when a key changes its meaning or goes; never for a new key.
constexpr int kReportVersion = 1;

Json to_json(const Site& site) {
  return {{"file", site.file}, {"line", site.line}, {"function", site.function}};
}

Json to_json(const std::vector<Participant>& participants) {
  Json array = Json::array();
  for (const Participant& participant : participants) {
    array.push_back({{"task", to_number(participant.task)},
                     {"label", participant.label},
                     {"text", participant.text},
                     {"site", to_json(participant.site)},
                     {"started_at", to_json(participant.started_at)},
                     {"started_by", participant.started_by}});
  }
  return array;
}

Json to_json(const Verdict& verdict) {
  Json findings = Json::array();
  for (const JudgedFinding& judged : verdict.findings) findings.push_back(to_json(judged));
  Json warnings = Json::array();
  for (const std::string& warning : verdict.warnings) warnings.push_back(warning);
  return {{"path", verdict.path.string()},
          {"test", verdict.title},
          {"program", verdict.program},
          {"status", verdict.is_failing ? "failed" : "ok"},
          {"is_incomplete", verdict.is_incomplete},
          {"test_passed", verdict.passed ? Json(*verdict.passed) : Json(nullptr)},
          {"tasks_count", verdict.tasks_count},
          {"channels_count", verdict.channels_count},
          {"events_count", std::to_string(verdict.events_count)},
          {"lost_count", std::to_string(verdict.lost_count)},
          {"findings", std::move(findings)},
          {"warnings", std::move(warnings)}};
}

}  // namespace

Json to_json(const JudgedFinding& judged) {
  const Finding& finding = judged.finding;
  Json sites = Json::array();
  for (const FindingSite& place : finding.sites) {
    Json site{{"role", place.role}};
    site.update(to_json(place.site));
    sites.push_back(std::move(site));
  }
  Json reason = Json::array();
  for (const std::string& line : finding.reason) reason.push_back(line);
  return {{"kind", to_string(finding.kind)},  {"certainty", to_string(finding.certainty)},
          {"is_failing", judged.is_failing},  {"is_allowed", judged.is_allowed},
          {"task", to_number(finding.task)},  {"object", to_number(finding.object)},
          {"summary", finding.summary},       {"reason", std::move(reason)},
          {"sites", std::move(sites)},        {"participants", to_json(finding.participants)},
          {"behind", to_json(finding.behind)}};
}

Json to_json(const std::vector<TraceError>& errors) {
  Json array = Json::array();
  for (const TraceError& error : errors) {
    array.push_back({{"path", error.path},
                     {"offset_bytes", std::to_string(error.offset_bytes)},
                     {"reason", error.reason}});
  }
  return array;
}

std::string to_json(const CheckReport& report) {
  Json traces = Json::array();
  for (const Verdict& verdict : report.verdicts) traces.push_back(to_json(verdict));
  const auto count = [&](bool Verdict::*member) {
    return std::count_if(report.verdicts.begin(), report.verdicts.end(),
                         [&](const Verdict& verdict) { return verdict.*member; });
  };
  const Json json{{"version", kReportVersion},
                  {"tool", {{"name", "chantrace"}, {"version", CHANTRACE_VERSION}}},
                  {"summary",
                   {{"traces_count", report.verdicts.size()},
                    {"failed_count", count(&Verdict::is_failing)},
                    {"incomplete_count", count(&Verdict::is_incomplete)},
                    {"errors_count", report.errors.size()}}},
                  {"traces", std::move(traces)},
                  {"errors", to_json(report.errors)}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace chantrace::replay
