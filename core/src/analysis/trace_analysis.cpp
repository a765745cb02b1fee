// Everything that a trace shows, from all detectors, and how far it can be relied on.

#include <algorithm>
#include <set>
#include <string>
#include <tuple>

#include "chantrace/trace.h"
#include "lock_order.h"
#include "object_events.h"
#include "race_findings.h"
#include "state_machine.h"
#include "words.h"

namespace chantrace {
namespace {

/// Lines about losses and contradictions that a finding keeps.
constexpr std::size_t kLinesMax = 24;

bool speaks_of(const Finding& finding, TaskId task) {
  if (finding.task == task) return true;
  const auto is_it = [&](const Participant& participant) { return participant.task == task; };
  return std::any_of(finding.participants.begin(), finding.participants.end(), is_it) ||
         std::any_of(finding.behind.begin(), finding.behind.end(), is_it);
}

/// Two findings, of which one is enough: the runtime and the trace have seen the same.
bool are_same(const Finding& left, const Finding& right) {
  if (is_about_waiting(left.kind) && is_about_waiting(right.kind))
    return speaks_of(left, right.task) || speaks_of(right, left.task);
  return left.kind == right.kind && left.task == right.task && left.object == right.object;
}

/// What the runtime saw was exact and stands; what it does not store is taken from the trace.
void merge_runtime_findings(std::vector<Finding>& findings, const std::vector<Finding>& seen) {
  std::vector<Finding> merged;
  for (const Finding& one : seen) {
    merged.push_back(one);
    const auto own = std::find_if(findings.begin(), findings.end(),
                                  [&](const Finding& other) { return are_same(one, other); });
    if (own == findings.end()) continue;
    for (Participant& participant : merged.back().participants)
      for (const Participant& known : own->participants)
        if (known.task == participant.task && participant.started_by.empty())
          participant.started_by = known.started_by;
  }
  for (Finding& finding : findings)
    if (std::none_of(seen.begin(), seen.end(),
                     [&](const Finding& one) { return are_same(one, finding); }))
      merged.push_back(std::move(finding));
  findings = std::move(merged);
}

void add_contradictions(const Trace& trace, const TraceOrder& order,
                        const std::vector<Violation>& violations, std::vector<Finding>& findings) {
  if (order.contradictions.empty() && violations.empty()) return;
  Finding finding;
  finding.kind = FindingKind::kInconsistent;
  std::vector<std::string> lines;
  for (const Violation& violation : violations) lines.push_back(violation.text);
  for (const std::string& contradiction : order.contradictions) lines.push_back(contradiction);
  finding.summary = "the trace contradicts itself: " + lines.front();
  lines.erase(lines.begin());
  if (lines.size() > kLinesMax) lines.resize(kLinesMax);
  finding.reason = std::move(lines);
  finding.reason.push_back(
      "it was damaged or was not written whole; other findings may be wrong too");
  if (!violations.empty() && violations.front().place.stream < trace.streams.size()) {
    const Violation& first = violations.front();
    const TaskStream& stream = trace.streams[first.place.stream];
    finding.task = stream.task;
    finding.object = first.object;
    if (first.place.index < stream.events.size())
      add_site(finding, "at", trace.site(SiteId{stream.events[first.place.index].site}));
  }
  findings.push_back(std::move(finding));
}

/// What is missing, and what that makes doubtful.
class Losses {
 public:
  Losses(const Trace& trace, const ObjectEvents& by_object, const StateIndex& index)
      : trace_(trace), index_(index) {
    for (const TaskStream& stream : trace.streams) {
      if (stream.gaps.empty()) continue;
      if (stream.gaps.back().before >= stream.events.size()) tasks_.insert(to_number(stream.task));
      look_at(stream);
    }
    if (trace.lost_count() == 0) return;
    for (const ObjectEvents::Hole& hole : by_object.holes())
      if (!by_object.is_task(hole.key)) objects_.insert(by_object.id_of(hole.key));
  }

  void add_finding(std::vector<Finding>& findings) {
    if (trace_.is_incomplete()) {
      Finding finding;
      finding.kind = FindingKind::kUncertain;
      finding.certainty = Certainty::kNote;
      finding.summary = "the trace is incomplete: the process ended before its test did";
      finding.reason.push_back(
          "what each task did last may be missing; a task shown as waiting may have gone on");
      findings.push_back(std::move(finding));
    }
    if (lines_.empty()) return;
    Finding finding;
    finding.kind = FindingKind::kUncertain;
    finding.certainty = Certainty::kNote;
    finding.summary = counted(trace_.lost_count(), "event") + " of " +
                      counted(lossy_tasks_, "task") +
                      (trace_.lost_count() == 1 ? " was" : " were") + " lost: the buffer was full";
    finding.reason = std::move(lines_);
    std::vector<std::string> touched;
    for (const std::uint32_t object : objects_)
      touched.push_back(name_of(index_, ObjectId{object}));
    finding.reason.push_back(touched.empty() ? "no object's records have a hole from it"
                                             : "touched: " + listed(touched, 6) +
                                                   "; what is said of all else is sure");
    findings.push_back(std::move(finding));
  }

  /// A finding that rests on something that was lost is only possible.
  void soften(Finding& finding) const {
    if (finding.certainty != Certainty::kCertain) return;
    if (!is_about_what_is_left(finding.kind)) return;
    for (const Participant& participant : finding.participants) {
      const TaskState* const task = index_.task(participant.task);
      if (task == nullptr) continue;
      if (tasks_.contains(to_number(task->id))) return doubt(finding, "events of " + task->label);
      for (const Wait& wait : task->waits)
        if (objects_.contains(to_number(wait.object)))
          return doubt(finding, "events on " + name_of(index_, wait.object));
    }
    if (objects_.contains(to_number(finding.object)))
      doubt(finding, "events on " + name_of(index_, finding.object));
  }

 private:
  void look_at(const TaskStream& stream) {
    ++lossy_tasks_;
    for (const Gap& gap : stream.gaps) {
      if (lines_.size() == kLinesMax) return;
      lines_.push_back(name_of(index_, stream.task) + ": " + counted(gap.count, "event") +
                       (gap.before >= stream.events.size()
                            ? " at its end"
                            : " before its event " + std::to_string(gap.before + 1)));
    }
  }

  static void doubt(Finding& finding, const std::string& what) {
    finding.certainty = Certainty::kPossible;
    finding.reason.push_back(what + " were lost, so this is not sure");
  }

  const Trace& trace_;
  const StateIndex& index_;
  std::set<std::uint32_t> tasks_;    // Whose last events are lost.
  std::set<std::uint32_t> objects_;  // Whose events have holes.
  std::vector<std::string> lines_;
  std::size_t lossy_tasks_ = 0;
};

}  // namespace

std::vector<Finding> analyze(const Trace& trace) {
  const ObjectEvents by_object(trace);
  const TraceOrder order = order_events(trace, by_object);
  const EndState state = end_state(trace, order);
  const StateIndex index(state);
  std::vector<Finding> findings = analyze(state);
  Losses losses(trace, by_object, index);
  for (Finding& finding : findings) losses.soften(finding);
  for (Finding& race : find_races(trace, order, by_object, index))
    findings.push_back(std::move(race));
  if (trace.end) merge_runtime_findings(findings, trace.end->findings);
  for (Finding& lock_order : find_lock_orders(trace, order, index))
    if (!has_come_true(lock_order, findings)) findings.push_back(std::move(lock_order));
  add_contradictions(trace, order, check_state_machines(trace, by_object), findings);
  losses.add_finding(findings);
  std::stable_sort(findings.begin(), findings.end(), [](const Finding& a, const Finding& b) {
    return std::tuple(a.certainty, to_number(a.task)) < std::tuple(b.certainty, to_number(b.task));
  });
  return findings;
}

}  // namespace chantrace
