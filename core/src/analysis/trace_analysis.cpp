// Everything that a trace shows, from all detectors.

#include <algorithm>

#include "chantrace/trace.h"
#include "object_events.h"
#include "words.h"

namespace chantrace {

std::vector<Finding> analyze(const Trace& trace) {
  const ObjectEvents by_object(trace);
  const TraceOrder order = order_events(trace, by_object);
  const EndState state = end_state(trace, order);
  std::vector<Finding> findings = analyze(state);
  for (const std::string& contradiction : order.contradictions) {
    Finding finding;
    finding.kind = FindingKind::kInconsistent;
    finding.summary = "the trace contradicts itself: " + contradiction;
    findings.push_back(std::move(finding));
  }
  return findings;
}

}  // namespace chantrace
