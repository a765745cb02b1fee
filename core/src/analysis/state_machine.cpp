#include "state_machine.h"

#include <algorithm>
#include <optional>

#include "channel_machine.h"
#include "lock_machine.h"
#include "waits_of_trace.h"

namespace chantrace {
namespace {

class Checker {
 public:
  Checker(const Trace& trace, const ObjectEvents& by_object)
      : trace_(trace), by_object_(by_object), waits_(trace) {}

  std::vector<Violation> run() {
    for (const Violation& violation : waits_.violations()) add(violation);
    std::size_t next_hole = 0;
    const auto& holes = by_object_.holes();
    for (std::uint32_t key = 0; key < by_object_.keys_count(); ++key) {
      while (next_hole < holes.size() && holes[next_hole].key < key) ++next_hole;
      std::size_t end = next_hole;
      while (end < holes.size() && holes[end].key == key) ++end;
      if (!by_object_.events(key).empty())
        check(key, std::span(holes).subspan(next_hole, end - next_hole));
      next_hole = end;
    }
    if (count_ > kViolationsMax)
      violations_.push_back(
          {{}, {}, std::to_string(count_ - kViolationsMax) + " more events contradict the others"});
    return std::move(violations_);
  }

 private:
  using Holes = std::span<const ObjectEvents::Hole>;

  void add(const Violation& violation) {
    if (count_++ < kViolationsMax) violations_.push_back(violation);
  }

  void check(std::uint32_t key, Holes holes) {
    const std::size_t known = known_events(key);
    if (by_object_.is_task(key)) return check_with(key, holes, known, TaskMachine(trace_));
    const ObjectInfo* const info = trace_.find_object(ObjectId{by_object_.id_of(key)});
    if (info == nullptr) return;
    switch (info->kind) {
      case ObjectKind::kChannel:
        return check_with(key, holes, known, ChannelMachine(trace_, waits_, *info));
      case ObjectKind::kMutex:
      case ObjectKind::kSharedMutex:
        return check_with(key, holes, known, LockMachine(trace_, *info));
      case ObjectKind::kWaitGroup:
        return check_with(key, holes, known, WaitGroupMachine(trace_, waits_, *info));
      case ObjectKind::kSemaphore:
        return check_with(key, holes, known, SemaphoreMachine(trace_, waits_, *info));
      case ObjectKind::kConditionVariable:
        return check_with(key, holes, known, ConditionMachine(trace_, waits_));
      default:
        return;
    }
  }

  /// How many of the key's events can be judged: those before a wait of which nothing is known, and
  /// before two with one sequence number.
  std::size_t known_events(std::uint32_t key) const {
    const auto events = by_object_.events(key);
    for (std::size_t i = 0; i < events.size(); ++i) {
      if (waits_.fate(events[i]) == WaitFate::kUnknown) return i;
      if (i > 0 && event_at(trace_, events[i]).sequence == event_at(trace_, events[i - 1]).sequence)
        return i - 1;
    }
    return events.size();
  }

  template <typename Machine>
  static bool skip_hole(Machine& machine, std::uint32_t count) {
    if constexpr (requires { machine.skip(count); }) return machine.skip(count);
    return false;
  }

  template <typename Machine>
  void check_with(std::uint32_t key, Holes holes, std::size_t known, Machine machine) {
    const auto events = by_object_.events(key);
    std::size_t next_hole = 0;
    for (std::size_t i = 0; i < known; ++i) {
      if (next_hole < holes.size() && holes[next_hole].before == i &&
          !skip_hole(machine, holes[next_hole++].count))
        return complain_of_hole(events, i);
      if (const MachineError error = machine.apply(events[i])) return complain(events[i], *error);
    }
  }

  /// Behind a hole the state is not known. Without losses only tasks that were woken, and had no
  /// time to record it, can leave one.
  void complain_of_hole(std::span<const EventPlace> events, std::size_t position) {
    if (trace_.lost_count() > 0 || may_lack_tails_ || has_cancelled(trace_, events.first(position)))
      return;
    complain(events[position], "comes after a record that is missing");
  }

  void complain(const EventPlace& place, const std::string& what) {
    const EventRecord& event = event_at(trace_, place);
    add({place, ObjectId{is_on_task(event.operation) ? 0 : event.object},
         event_text(trace_, place) + ", " + what});
  }

  const Trace& trace_;
  const ObjectEvents& by_object_;
  const WaitsOfTrace waits_;
  const bool may_lack_tails_ = may_lack_tails(trace_);
  std::vector<Violation> violations_;
  std::size_t count_ = 0;
};

}  // namespace

std::vector<Violation> check_state_machines(const Trace& trace, const ObjectEvents& by_object) {
  return Checker(trace, by_object).run();
}

}  // namespace chantrace
