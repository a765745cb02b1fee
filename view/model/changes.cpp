#include "changes.h"

#include <algorithm>
#include <unordered_map>

#include "analysis/object_state.h"

namespace chantrace::view {
namespace {

/// Values of one channel that are looked at; what comes on top is counted alone.
constexpr std::uint64_t kBufferMax = 65'536;

void erase_one(std::vector<TaskId>& tasks, TaskId task) {
  const auto found = std::find(tasks.begin(), tasks.end(), task);
  if (found != tasks.end()) tasks.erase(found);
}

class ChangeFinder {
 public:
  explicit ChangeFinder(const Trace& trace) : trace_(trace) {
    for (const ObjectInfo& object : trace.objects) begin(object);
  }

  void add(const Step& step) {
    const EventRecord& event = event_at(trace_, step.place);
    now_ = step.number;
    const Phase phase = phase_of(event);
    if (phase == Phase::kStart) {
      offered_[to_number(step.task)] = now_;
      park(step, event);
    }
    if (phase == Phase::kDone) go_on(step.task);
    if (event.object == 0 || is_on_task(event.operation)) return;
    ObjectState& object = objects_[event.object];
    const ObjectState before = state_of(object);
    apply_to_object(object, trace_, step.task, event);
    // A send that parked offered its value when it did so.
    const std::uint64_t value_step = phase == Phase::kDone ? offered_[to_number(step.task)] : now_;
    compare(event.object, before, object, value_step);
  }

  std::vector<Change> take() { return std::move(changes_); }

 private:
  /// Only what is compared.
  static ObjectState state_of(const ObjectState& object) {
    ObjectState state;
    state.size = object.size;
    state.is_closed = object.is_closed;
    state.count = object.count;
    state.holders = object.holders;
    return state;
  }

  void begin(const ObjectInfo& info) {
    const std::uint32_t id = to_number(info.id);
    ObjectState& object = objects_[id];
    object.id = info.id;
    object.kind = info.kind;
    object.capacity = info.capacity;
    const ObjectState empty = state_of(object);
    object.size = info.initial_size;
    object.is_closed = info.is_initially_closed;
    const bool has_timer = info.kind == ObjectKind::kChannel || info.kind == ObjectKind::kTimer ||
                           info.kind == ObjectKind::kTicker || info.kind == ObjectKind::kContext;
    if (!has_timer) object.count = info.initial_count;
    for (const TaskId holder : info.initial_holders)
      object.holders.push_back({holder, Site{}, false});
    compare(id, empty, object, 0);
  }

  void compare(std::uint32_t id, const ObjectState& before, const ObjectState& after,
               std::uint64_t value_step) {
    for (std::uint64_t size = before.size; size > after.size && size > 0; --size)
      if (size <= kBufferMax) change(id, Change::Kind::kPop);
    for (std::uint64_t size = before.size; size < std::min(after.size, kBufferMax); ++size)
      change(id, Change::Kind::kPush, TaskId{}, static_cast<std::int64_t>(value_step));
    if (after.is_closed && !before.is_closed) change(id, Change::Kind::kClose);
    if (after.count != before.count) change(id, Change::Kind::kCount, TaskId{}, after.count);
    if (after.holders == before.holders) return;
    std::vector<TaskId> gone;
    for (const Holder& holder : before.holders) gone.push_back(holder.task);
    std::vector<TaskId> come;
    for (const Holder& holder : after.holders) {
      const auto same = std::find(gone.begin(), gone.end(), holder.task);
      if (same != gone.end())
        gone.erase(same);
      else
        come.push_back(holder.task);
    }
    for (const TaskId task : gone) change(id, Change::Kind::kRelease, task);
    for (const TaskId task : come) change(id, Change::Kind::kHold, task);
  }

  void park(const Step& step, const EventRecord& event) {
    std::vector<std::uint32_t>& at = waits_at_[to_number(step.task)];
    if (event.operation == Operation::kSelect) {
      for (const EventRecord* one : cases_of(trace_, step.place))
        if (one->object != 0) at.push_back(one->object);
    } else if (event.object != 0 && !is_on_task(event.operation)) {
      at.push_back(event.object);
    }
    for (const std::uint32_t object : at) change(object, Change::Kind::kWait, step.task);
  }

  void go_on(TaskId task) {
    const auto found = waits_at_.find(to_number(task));
    if (found == waits_at_.end()) return;
    for (const std::uint32_t object : found->second) change(object, Change::Kind::kGoOn, task);
    found->second.clear();
  }

  void change(std::uint32_t object, Change::Kind kind, TaskId task = {}, std::int64_t number = 0) {
    changes_.push_back({now_, object, kind, task, number});
  }

  const Trace& trace_;
  std::uint64_t now_ = 0;
  std::unordered_map<std::uint32_t, ObjectState> objects_;
  std::unordered_map<std::uint32_t, std::uint64_t> offered_;                ///< By task.
  std::unordered_map<std::uint32_t, std::vector<std::uint32_t>> waits_at_;  ///< By task.
  std::vector<Change> changes_;
};

}  // namespace

void Standing::apply(const Change& change) {
  switch (change.kind) {
    case Change::Kind::kPush:
      buffer.push_back(static_cast<std::uint64_t>(change.number));
      break;
    case Change::Kind::kPop:
      if (!buffer.empty()) buffer.pop_front();
      break;
    case Change::Kind::kClose:
      is_closed = true;
      break;
    case Change::Kind::kHold:
      holders.push_back(change.task);
      break;
    case Change::Kind::kRelease:
      erase_one(holders, change.task);
      break;
    case Change::Kind::kCount:
      count = change.number;
      break;
    case Change::Kind::kWait:
      waiters.push_back(change.task);
      break;
    case Change::Kind::kGoOn:
      erase_one(waiters, change.task);
      break;
  }
}

std::vector<Change> find_changes(const Trace& trace, const std::vector<Step>& steps) {
  ChangeFinder finder(trace);
  for (const Step& step : steps) finder.add(step);
  return finder.take();
}

}  // namespace chantrace::view
