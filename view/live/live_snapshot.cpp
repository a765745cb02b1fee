#include "live_snapshot.h"

#include <limits>

#include "chantrace/session.h"

namespace chantrace::view {

std::uint64_t newest_event() {
  return events_since(std::numeric_limits<std::uint64_t>::max(), 0).total;
}

std::uint64_t state_version() {
  // FNV-1a, over 64 bits at a time.
  std::uint64_t hash = 14'695'981'039'346'656'037u;
  const auto add = [&](std::uint64_t number) { hash = (hash ^ number) * 1'099'511'628'211u; };
  add(newest_event());
  const AnalyzerReport report = Analyzer().report();
  for (const BlockedTask& task : report.leaked) add(to_number(task.task));
  add(report.findings.size());
  return hash;
}

std::vector<Finding> findings_of(const AnalyzerReport& report) {
  std::vector<Finding> findings = report.findings;
  for (const BlockedTask& task : report.leaked) {
    if (task.outlook == WaitingTask::Outlook::kStuck) continue;  // It is among them.
    Finding& finding = findings.emplace_back();
    finding.kind = FindingKind::kLeaked;
    finding.certainty = Certainty::kPossible;
    finding.task = task.task;
    finding.summary = task.label + " leaked, waiting in " + task.what;
    finding.reason = task.reason;
    finding.participants.push_back(
        {task.task, task.label, "parked in " + task.what, task.waiting_at, task.started_at, {}});
  }
  return findings;
}

LiveSnapshot take_snapshot(std::size_t count) {
  LiveSnapshot snapshot;
  snapshot.trace = recent_trace(count);
  snapshot.live.events = newest_event();
  const AnalyzerReport report = Analyzer().report();
  snapshot.findings = findings_of(report);
  for (const BlockedTask& task : report.leaked)
    if (task.outlook == WaitingTask::Outlook::kStuck) snapshot.live.stuck.push_back(task.task);
  return snapshot;
}

}  // namespace chantrace::view
