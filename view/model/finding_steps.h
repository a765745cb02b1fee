/// \file
/// Where in a timeline those things stand that a finding is about.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "chantrace/trace.h"
#include "timeline.h"

namespace chantrace::view {

/// Finds the steps of findings.
///
/// Threads: any thread, once made. Cost: to make it, linear in steps.
class FindingSteps {
 public:
  /// Both must outlive this.
  FindingSteps(const Trace& trace, const Timeline& timeline);

  /// Where those are stuck that a finding is about, or did what it says; in the order of a cycle.
  std::vector<std::uint64_t> of(const Finding& finding) const;

 private:
  std::uint64_t step_at(TaskId task, const Site& site) const;
  std::uint64_t last_step(TaskId task) const;

  const Timeline& timeline_;
  std::vector<std::uint64_t> last_steps_;                              ///< By lane.
  std::unordered_map<std::uint64_t, std::uint64_t> last_at_;           ///< By lane and site.
  std::unordered_map<std::string, std::vector<std::uint32_t>> sites_;  ///< By file and line.
};

/// Its tasks wait for each other, each for the next and the last for the first.
///
/// `steps`: those of `FindingSteps::of`.
inline bool is_cycle(const Finding& finding, const std::vector<std::uint64_t>& steps) {
  return finding.kind == FindingKind::kDeadlock && steps.size() > 1;
}

}  // namespace chantrace::view
