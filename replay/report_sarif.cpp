#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "report.h"

namespace chantrace::replay {
namespace {

using Json = nlohmann::ordered_json;

std::string_view description_of(FindingKind kind) {
  switch (kind) {
    case FindingKind::kDeadlock:
      return "Tasks wait for each other in a cycle.";
    case FindingKind::kBlocked:
      return "The test waits, and nothing can wake it.";
    case FindingKind::kLeaked:
      return "A task is still alive when the test's body has ended.";
    case FindingKind::kException:
      return "A task ended by an exception.";
    case FindingKind::kMutexHeld:
      return "A lock is still held at the end.";
    case FindingKind::kSendOnClosed:
      return "A value was sent on a closed channel.";
    case FindingKind::kDoubleClose:
      return "A closed or nil channel was closed.";
    case FindingKind::kNegativeWaitGroup:
      return "The count of a wait group fell below zero.";
    case FindingKind::kMisuse:
      return "A call broke a rule of the object it was made on.";
    case FindingKind::kForeignUnlock:
      return "A lock was released by a task that did not take it.";
    case FindingKind::kValueLeft:
      return "A value was sent and never received.";
    case FindingKind::kLockOrder:
      return "Locks are taken in two orders that can deadlock.";
    case FindingKind::kLostSignal:
      return "A condition was signalled before anyone waited for it.";
    case FindingKind::kRace:
      return "Two tasks access a variable without an order between them.";
    case FindingKind::kStepLimit:
      return "The run was ended at its limit of steps.";
    case FindingKind::kDivergence:
      return "What ran again under its schedule was not the same.";
    case FindingKind::kForeignThread:
      return "A thread took part that cannot be scheduled.";
    case FindingKind::kInconsistent:
      return "The trace contradicts itself.";
    case FindingKind::kUncertain:
      return "Events were lost, so not everything is known.";
  }
  return "Unknown.";
}

std::string_view level_of(const JudgedFinding& judged) {
  if (judged.is_failing) return "error";
  return judged.finding.certainty == Certainty::kNote || judged.is_allowed ? "note" : "warning";
}

/// A path as a URI reference: relative as it is, absolute as `file:`.
std::string uri_of(const std::string& path) {
  constexpr std::string_view kUnreserved = "-._~/!$&'()*+,;=@";
  std::string uri = path.starts_with('/') ? "file://" : "";
  for (const char c : path) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || kUnreserved.find(c) != std::string_view::npos;
    uri += is_plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return uri;
}

Json location_of(const Site& site, std::string_view role, const CheckReport& report) {
  Json physical{
      {"artifactLocation", {{"uri", uri_of(relative_file(site.file, report.base_directory))}}}};
  // SARIF counts lines from 1, and leaves the region out where there is no line.
  if (site.line > 0) physical["region"] = {{"startLine", site.line}};
  Json location{{"physicalLocation", std::move(physical)}};
  if (!role.empty()) location["message"] = {{"text", role}};
  if (!site.function.empty()) {
    location["logicalLocations"] = Json::array({{{"name", site.function}, {"kind", "function"}}});
  }
  return location;
}

std::string message_of(const Verdict& verdict, const Finding& finding) {
  std::string text =
      fmt::format("{}: {} ({})", verdict.title, finding.summary, to_string(finding.certainty));
  for (const std::string& line : finding.reason) text += "\n" + line;
  return text;
}

Json result_of(const Verdict& verdict, const JudgedFinding& judged, const CheckReport& report) {
  const Finding& finding = judged.finding;
  const Site* const place = main_place(finding);
  Json locations = Json::array();
  // A finding without a place in the sources is shown at its trace.
  locations.push_back(
      place != nullptr
          ? location_of(*place, "", report)
          : location_of({.file = verdict.path.string(), .function = {}, .line = 0}, "", report));
  Json related = Json::array();
  for (const FindingSite& other : finding.sites) {
    if (&other.site == place || other.site.file.empty()) continue;
    related.push_back(location_of(other.site, other.role, report));
  }
  const std::string where =
      place == nullptr ? ""
                       : relative_file(place->file, report.base_directory) + ":" + place->function;
  Json result{{"ruleId", to_string(finding.kind)},
              {"ruleIndex", static_cast<int>(finding.kind)},
              {"level", level_of(judged)},
              {"message", {{"text", message_of(verdict, finding)}}},
              {"locations", std::move(locations)},
              {"fingerprints", {{"chantrace/finding/v1", fingerprint(finding)}}},
              // Without a line, so that a result stays the same while code above it changes. Of
              // many traces, other ones may show it each time.
              {"partialFingerprints",
               {{"chantrace/v1", fmt::format("{}|{}|{}", judged.traces_count ? "" : verdict.title,
                                             to_string(finding.kind), where)}}},
              {"properties",
               {{"certainty", to_string(finding.certainty)}, {"trace", verdict.path.string()}}}};
  if (judged.traces_count) result["occurrenceCount"] = *judged.traces_count;
  if (!related.empty()) result["relatedLocations"] = std::move(related);
  if (judged.is_allowed) {
    result["suppressions"] = Json::array({{{"kind", "external"}, {"justification", "--allow"}}});
  }
  return result;
}

}  // namespace

std::string to_sarif(const CheckReport& report) {
  Json rules = Json::array();
  for (const FindingKind kind : all_finding_kinds()) {
    rules.push_back({{"id", to_string(kind)},
                     {"shortDescription", {{"text", description_of(kind)}}},
                     {"defaultConfiguration",
                      {{"level", default_fail_kinds().contains(kind) ? "error" : "warning"}}}});
  }
  Json results = Json::array();
  for (const Verdict& verdict : report.verdicts) {
    for (const JudgedFinding& judged : verdict.findings) {
      results.push_back(result_of(verdict, judged, report));
    }
  }
  Json notifications = Json::array();
  for (const TraceError& error : report.errors) {
    notifications.push_back({{"level", "error"}, {"message", {{"text", error.to_string()}}}});
  }
  const Json json{
      {"$schema", "https://json.schemastore.org/sarif-2.1.0.json"},
      {"version", "2.1.0"},
      {"runs",
       Json::array({{{"tool",
                      {{"driver",
                        {{"name", "chantrace"},
                         {"version", CHANTRACE_VERSION},
                         {"rules", std::move(rules)}}}}},
                     {"invocations",
                      Json::array({{{"executionSuccessful", report.errors.empty()},
                                    {"toolExecutionNotifications", std::move(notifications)}}})},
                     {"columnKind", "utf16CodeUnits"},
                     {"results", std::move(results)}}})}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace chantrace::replay
