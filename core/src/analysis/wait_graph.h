/// \file
/// Who waits for whom at an end, and who can still go on.
#pragma once

#include <cstdint>
#include <vector>

#include "chantrace/end_state.h"
#include "words.h"

namespace chantrace {

/// What becomes of a task.
enum class Fate : std::uint8_t {
  kOver,      ///< It has ended, or is the body and has left the test.
  kGoesOn,    ///< It runs, or something that can still happen would wake it.
  kDoubtful,  ///< Nobody who is known to could wake it; a task that goes on might, for the first
              ///< time.
  kStuck,     ///< Nothing can wake it.
};

/// Who has done at `object`, which is no lock, what `wait` waits for; may name a task twice.
std::vector<TaskId> helpers_of(const Wait& wait, const ObjectState& object);

/// The other tasks that one wait depends on.
struct WaitRule {
  enum class Kind : std::uint8_t {
    kNever,  ///< Nothing ends it: a nil channel, a destroyed object.
    kAll,  ///< All of `tasks` must act, and nobody else can: the holders of a lock, a joined task.
    kAny,  ///< One of `tasks` has done so before; another task could for the first time.
    kReady,  ///< Nothing stands in its way, or a timer ends it.
  };
  Kind kind = Kind::kAny;
  std::vector<std::uint32_t> tasks;  ///< Positions in the state's tasks; each once.
};

/// The wait-for graph of an end state. Locks and joins give definite edges. A channel, condition
/// variable, wait group or semaphore gives a possible edge to each task that has used it in the
/// role that is needed now.
///
/// Threads: one thread at a time; keeps a reference to the index.
/// Cost: linear in tasks, waits and users.
class WaitGraph {
 public:
  explicit WaitGraph(const StateIndex& index);

  Fate fate(std::uint32_t task) const { return fates_[task]; }
  /// The rules of a parked task's waits, in their order.
  const std::vector<WaitRule>& rules(std::uint32_t task) const { return rules_[task]; }
  /// A task that goes on; `StateIndex::kNone` when there is none.
  std::uint32_t first_that_goes_on() const { return first_that_goes_on_; }

  /// The tasks among those with `is_member` set that are stuck for themselves and not only behind
  /// others: the terminal strongly connected components, each by position, in order of their first.
  std::vector<std::vector<std::uint32_t>> roots(const std::vector<bool>& is_member) const;
  /// Tasks that wait for each other in a circle, in its order, from the lowest. Prefers a circle of
  /// definite edges alone. Requires: a component that `roots` returned.
  std::vector<std::uint32_t> cycle(const std::vector<std::uint32_t>& component) const;
  /// For each task the position in `roots` of the one that it is stuck behind; `StateIndex::kNone`
  /// for those in no root's wake.
  std::vector<std::uint32_t> root_behind(const std::vector<std::vector<std::uint32_t>>& roots,
                                         const std::vector<bool>& is_member) const;
  /// The task waits for itself to let go of a lock, or to end.
  bool waits_for_itself(std::uint32_t task) const;

 private:
  WaitRule make_rule(std::uint32_t task, const Wait& wait) const;
  WaitRule lock_rule(std::uint32_t task, const Wait& wait, const ObjectState& object) const;
  std::vector<bool> free_tasks(bool strangers_may_help) const;
  /// Calls `visit(to, is_definite)` for each edge, and leaves out possible edges to the task
  /// itself.
  template <typename Visit>
  void for_each_edge(std::uint32_t task, const Visit& visit) const {
    for (const WaitRule& rule : rules_[task])
      for (const std::uint32_t to : rule.tasks)
        if (rule.kind == WaitRule::Kind::kAll || to != task)
          visit(to, rule.kind == WaitRule::Kind::kAll);
  }

  const StateIndex& index_;
  std::vector<std::vector<WaitRule>> rules_;         ///< By task.
  std::vector<std::uint32_t> first_writer_waiting_;  ///< By object; or `kNone`.
  std::vector<Fate> fates_;
  std::uint32_t first_that_goes_on_ = StateIndex::kNone;
};

}  // namespace chantrace
