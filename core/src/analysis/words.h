/// \file
/// How tasks, objects, waits and places are said in a finding. One voice for all detectors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "chantrace/end_state.h"
#include "chantrace/finding.h"

namespace chantrace {

/// Finds the tasks and objects of an end state by id. They may stand in any order there.
///
/// Threads: one thread at a time; keeps a reference to the state.
class StateIndex {
 public:
  static constexpr std::uint32_t kNone = UINT32_MAX;

  explicit StateIndex(const EndState& state);

  const EndState& state() const { return state_; }
  /// The position in `state().tasks`, or `kNone`.
  std::uint32_t task_index(TaskId id) const { return find(tasks_, to_number(id)); }
  std::uint32_t object_index(ObjectId id) const { return find(objects_, to_number(id)); }
  /// nullptr: not in the state.
  const TaskState* task(TaskId id) const;
  const ObjectState* object(ObjectId id) const;
  /// Several of the tasks that are left have that name.
  bool is_repeated(std::string_view name) const { return repeated_.contains(name); }

 private:
  using Index = std::vector<std::pair<std::uint32_t, std::uint32_t>>;  // Id, position; by id.
  static std::uint32_t find(const Index& index, std::uint32_t id);

  const EndState& state_;
  std::unordered_set<std::string_view> repeated_;
  Index tasks_;
  Index objects_;
};

/// "pool.cpp:97"; "pool.cpp" without a line; "" for an empty site.
std::string place(const Site& site);
/// " at pool.cpp:97", or "".
std::string at(const Site& site);
/// " since pool.cpp:97", or "".
std::string since(const Site& site);
/// "1 task", "50 tasks".
std::string counted(std::size_t count, std::string_view noun);
/// "a, b, c and 47 more": the first `shown_max` of `names`, and how many there are beside.
std::string listed(const std::vector<std::string>& names, std::size_t shown_max);

/// "worker-2", or "task 4" when it has no label; "worker (task 4)" where others have the same.
std::string name_of(const StateIndex& index, TaskId id);
/// "worker-2 (task 4)".
std::string full_name_of(const StateIndex& index, TaskId id);
/// A channel as `"results"`, a lock as `mu`; `channel 3` without a name.
std::string name_of(const StateIndex& index, ObjectId id);
/// The same with what helps to tell it: `"results" (int, unbuffered)`, `mutex 3 (made at a.cpp:4)`.
std::string described(const StateIndex& index, ObjectId id);

/// What a wait is for, after "parked in" or "blocked for ever in": `send on "results"`.
std::string wait_text(const StateIndex& index, const Wait& wait, bool with_description);
/// The same for all that a parked task waits for.
std::string waits_text(const StateIndex& index, const TaskState& task, bool with_description);
/// `parked in send on "results" (int, unbuffered), its operation 3`, or what else it does.
std::string doing_text(const StateIndex& index, const TaskState& task);
/// The task in the part that it takes in a finding.
Participant make_participant(const StateIndex& index, const TaskState& task);

/// Adds a site that is known and not there yet.
void add_site(Finding& finding, std::string_view role, const Site& site);

}  // namespace chantrace
