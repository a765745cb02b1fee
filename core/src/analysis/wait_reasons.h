/// \file
/// Why a task waits, and why nobody will end that, in the words of a finding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "wait_graph.h"
#include "words.h"

namespace chantrace {

/// Users of an object that a reason tells the fate of, a line each.
constexpr std::size_t kUsersShownMax = 4;
/// Lines of reason that a finding keeps.
inline constexpr std::size_t kReasonMax = 24;

/// Threads: one thread at a time; keeps references to both.
class WaitReasons {
 public:
  WaitReasons(const StateIndex& index, const WaitGraph& graph) : index_(index), graph_(graph) {}

  /// "ended at pool.cpp:112", "has left the test body", "is parked in lock of mu at pool.cpp:5".
  std::string fate_text(const TaskState& user) const;
  /// Why a parked task waits, a line for each thing to know.
  std::vector<std::string> reason_of(std::uint32_t position) const;
  /// Why a task that is not stuck for sure might still go on.
  std::vector<std::string> doubt_of(std::uint32_t position) const;
  std::string lost_signal_text(const ObjectState& object) const;
  /// Why `from` waits for `to`: "waits for mu, held by worker-2 since a.cpp:12".
  std::string edge_text(std::uint32_t from, std::uint32_t to) const;
  /// The same in a summary: "for mu held by worker-2".
  std::string short_edge_text(std::uint32_t from, std::uint32_t to) const;

 private:
  const TaskState& task(std::uint32_t position) const { return index_.state().tasks[position]; }
  std::string name(std::uint32_t position) const { return name_of(index_, task(position).id); }
  std::string full_name(std::uint32_t position) const {
    return full_name_of(index_, task(position).id);
  }
  /// Which tasks have given to (or taken from) the object that `wait` is at, and what became of
  /// them.
  std::vector<std::string> open_reason(const TaskState& waiting, const Wait& wait) const;
  std::vector<std::string> lock_reason(const TaskState& waiting, const Wait& wait,
                                       const ObjectState& object) const;
  std::vector<std::string> wait_reason(const TaskState& waiting, const Wait& wait,
                                       const WaitRule& rule) const;

  /// Which of the waits of `from` is for `to`; their number: none.
  std::size_t find_edge(std::uint32_t from, std::uint32_t to) const;

  const StateIndex& index_;
  const WaitGraph& graph_;
};

}  // namespace chantrace
