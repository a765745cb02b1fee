/// \file
/// How channels, locks and the like stand at any step.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "changes.h"
#include "chantrace/trace.h"
#include "naming.h"
#include "timeline.h"

namespace chantrace::view {

/// Steps may be asked for in any order: from a checkpoint it is some hundreds of changes of that
/// object, or as many as there are values in its buffer and tasks that wait.
///
/// Threads: any thread, once made. Cost: time and memory linear in changes.
class Standings {
 public:
  Standings(const Trace& trace, const std::vector<Step>& steps);

  /// Those that are worth a line: channels, locks and what else waits or counts, and whatever
  /// changes. In the order of the trace.
  const std::vector<std::uint32_t>& objects() const { return objects_; }
  /// After `step`; at 0 before the first.
  Standing at(std::uint32_t object, std::uint64_t step) const;
  /// The objects that a step changes, and that it is on; of those that are worth a line. Sorted.
  std::vector<std::uint32_t> touched_by(std::uint64_t step) const;

 private:
  struct Checkpoint {
    std::size_t changes_count = 0;  ///< So many are applied.
    Standing standing;
  };
  struct History {
    std::vector<Change> changes;
    std::vector<Checkpoint> checkpoints;
  };

  static void add_checkpoints(History& history);

  const Trace& trace_;
  const std::vector<Step>& steps_;
  std::vector<std::uint32_t> objects_;
  std::unordered_map<std::uint32_t, History> histories_;
  /// Object of each change, by step: those of step n begin at `changed_begin_[n]`.
  std::vector<std::uint32_t> changed_;
  std::vector<std::size_t> changed_begin_;
};

/// A standing in words.
struct StandingWords {
  std::string state;    ///< "2 of 10: [7, 8]", "held by left", "count 3".
  std::string waiting;  ///< "left, right and 12 more"; empty: nobody.
};

/// `steps`: all of the trace, of which the buffer has values. `names_max`: how many tasks or values
/// are named.
StandingWords in_words(const Trace& trace, const std::vector<Step>& steps, const Names& names,
                       std::uint32_t object, const Standing& standing, std::size_t names_max = 12);

}  // namespace chantrace::view
