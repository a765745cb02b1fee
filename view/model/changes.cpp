#include "changes.h"

#include <algorithm>
#include <unordered_map>

#include "analysis/object_state.h"

namespace chantrace::view {
namespace {

/// As many as a page can count to.
constexpr std::uint64_t kSizeMax = std::uint64_t{1} << 53;
/// Of an object that is older than the trace.
constexpr std::size_t kHoldersMax = 1'000;

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
    if (ends_wait(event)) go_on(step.task);
    if (phase == Phase::kStart) {
      offered_[to_number(step.task)] = now_;
      park(step, event);
    }
    if (event.object == 0 || is_on_task(event.operation)) return;
    Known& known = objects_[event.object];
    apply_to_object(known.object, trace_, step.task, event);
    // A send that parked offered its value when it did so; of a select the end alone has it.
    const bool was_offered = phase == Phase::kDone && event.operation != Operation::kSelect;
    compare(event.object, known, was_offered ? offered_[to_number(step.task)] : now_);
  }

  std::vector<Change> take() { return std::move(changes_); }

 private:
  /// An object, and what has been told of it.
  struct Known {
    ObjectState object;
    std::uint64_t size = 0;
    bool is_closed = false;
    std::int64_t count = 0;
    std::vector<TaskId> holders;
  };

  void begin(const ObjectInfo& info) {
    Known& known = objects_[to_number(info.id)];
    ObjectState& object = known.object;
    object.id = info.id;
    object.kind = info.kind;
    object.capacity = info.capacity;
    object.size = info.initial_size;
    object.is_closed = info.is_initially_closed;
    const bool has_timer = info.kind == ObjectKind::kChannel || info.kind == ObjectKind::kTimer ||
                           info.kind == ObjectKind::kTicker || info.kind == ObjectKind::kContext;
    if (!has_timer) object.count = info.initial_count;
    for (const TaskId holder : info.initial_holders)
      if (object.holders.size() < kHoldersMax) object.holders.push_back({holder, Site{}, false});
    compare(to_number(info.id), known, 0);
  }

  /// Tells what of an object is not as it was told. `value_step`: what has the value that came.
  void compare(std::uint32_t id, Known& known, std::uint64_t value_step) {
    const ObjectState& object = known.object;
    const std::uint64_t size = std::min(object.size, kSizeMax);
    if (size == known.size + 1 && value_step != 0)
      change(id, Change::Kind::kPush, TaskId{}, static_cast<std::int64_t>(value_step));
    else if (size + 1 == known.size)
      change(id, Change::Kind::kPop);
    else if (size != known.size)
      change(id, Change::Kind::kSize, TaskId{}, static_cast<std::int64_t>(size));
    known.size = size;
    if (object.is_closed && !known.is_closed) change(id, Change::Kind::kClose);
    known.is_closed = object.is_closed;
    if (object.count != known.count) change(id, Change::Kind::kCount, TaskId{}, object.count);
    known.count = object.count;
    compare_holders(id, known);
  }

  /// One comes at the end, or one goes; a once has another one.
  void compare_holders(std::uint32_t id, Known& known) {
    const std::vector<Holder>& holders = known.object.holders;
    std::size_t same = 0;
    while (same < known.holders.size()) {
      if (same < holders.size() && holders[same].task == known.holders[same]) {
        ++same;
        continue;
      }
      change(id, Change::Kind::kRelease, known.holders[same]);
      known.holders.erase(known.holders.begin() + static_cast<std::ptrdiff_t>(same));
    }
    for (; same < holders.size(); ++same) {
      known.holders.push_back(holders[same].task);
      change(id, Change::Kind::kHold, holders[same].task);
    }
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
  std::unordered_map<std::uint32_t, Known> objects_;
  std::unordered_map<std::uint32_t, std::uint64_t> offered_;                ///< By task.
  std::unordered_map<std::uint32_t, std::vector<std::uint32_t>> waits_at_;  ///< By task.
  std::vector<Change> changes_;
};

}  // namespace

void Standing::apply(const Change& change) {
  switch (change.kind) {
    case Change::Kind::kPush:
      buffer.push_back(static_cast<std::uint64_t>(change.number));
      ++size;
      break;
    case Change::Kind::kPop:
      if (size == buffer.size() && !buffer.empty()) buffer.pop_front();
      if (size > 0) --size;
      break;
    case Change::Kind::kSize:
      size = static_cast<std::uint64_t>(change.number);
      while (buffer.size() > size) buffer.pop_front();
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
