#include "chantrace/detail/trace_window.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "object_events.h"
#include "object_state.h"

namespace chantrace::detail {
namespace {

/// Who holds a lock is kept, and not since where. Never destroyed: a thread that outlives `main`
/// may still come here.
const Trace& no_sites() {
  static const Trace& none = *new Trace;
  return none;
}

/// Of a select; more than the 15 bits of a case's index is damage.
constexpr std::size_t kCasesMax = 1 << 15;

bool tells_by_timer(ObjectKind kind) {
  return kind == ObjectKind::kChannel || kind == ObjectKind::kTimer ||
         kind == ObjectKind::kTicker || kind == ObjectKind::kContext;
}

/// Whether a task still waits in the operation that `open` began when it has made `event`.
bool goes_on_waiting(const std::vector<EventRecord>& open, const EventRecord& event) {
  if (event.operation == Operation::kStack) return true;
  // A condition wait gives back its lock once it has begun.
  return !open.empty() && open.back().operation == Operation::kConditionWait &&
         (event.operation == Operation::kUnlock || event.operation == Operation::kUnlockShared);
}

/// `info` as of the moment at which it stood like `state`.
void begin_as(ObjectInfo& info, const ObjectState& state) {
  info.initial_size = state.size;
  info.initial_count = tells_by_timer(info.kind) ? (state.timer_is_pending ? 1 : 0) : state.count;
  info.is_initially_closed = state.is_closed;
  info.initial_holders.clear();
  for (const Holder& holder : state.holders) info.initial_holders.push_back(holder.task);
}

}  // namespace

void TraceWindow::define_object(const ObjectInfo& info) {
  ObjectState& state = objects_[to_number(info.id)];
  state.kind = info.kind;
  state.capacity = info.capacity;
  state.size = info.initial_size;
  state.is_closed = info.is_initially_closed;
  if (tells_by_timer(info.kind))
    state.timer_is_pending = info.initial_count != 0;
  else
    state.count = info.initial_count;
  for (const TaskId holder : info.initial_holders)
    if (state.holders.size() < kHoldersMax) state.holders.push_back({holder, {}, false});
}

void TraceWindow::forget_task(TaskId task) { tasks_.erase(to_number(task)); }
void TraceWindow::forget_object(ObjectId object) { objects_.erase(to_number(object)); }

std::size_t TraceWindow::size_bytes() const {
  constexpr std::size_t kNodeBytes = 32;  // Of a map, about.
  std::size_t size = 0;
  for (const auto& [id, object] : objects_)
    size += kNodeBytes + sizeof object + object.holders.size() * sizeof(Holder) +
            (object.givers.size() + object.takers.size()) * sizeof(TaskId);
  for (const auto& [id, past] : tasks_)
    size += kNodeBytes + sizeof past + past.open.size() * (sizeof(EventRecord) + 8);
  return size;
}

void TraceWindow::Past::forget() {
  open.clear();
  open_numbers.clear();
}

std::vector<std::uint64_t> TraceWindow::open(TaskId task) const {
  const auto past = tasks_.find(to_number(task));
  return past != tasks_.end() ? past->second.open_numbers : std::vector<std::uint64_t>();
}

void TraceWindow::pass(TaskId task, const EventRecord& event, std::uint64_t number) {
  if (event.operation == Operation::kTaskEnd) {
    tasks_.erase(to_number(task));
    return;
  }
  Past& past = tasks_[to_number(task)];
  if (event.operation == Operation::kNone) {
    past.count += event.value;
    past.forget();  // Its end may be among those.
    return;
  }
  ++past.count;
  if (phase_of(event) == Phase::kStart) {
    // A task waits in one operation, which comes behind its cases.
    const bool is_of_select = !past.open.empty() && past.open.size() < kCasesMax &&
                              past.open.back().operation == Operation::kSelectCase;
    if (!is_of_select) past.forget();
    past.open.push_back(event);
    past.open_numbers.push_back(number);
  } else if (!goes_on_waiting(past.open, event)) {
    past.forget();
  }
  if (event.object == 0 || is_on_task(event.operation)) return;
  if (const auto object = objects_.find(event.object); object != objects_.end())
    apply_to_object(object->second, no_sites(), task, event);
}

void TraceWindow::add(TaskId task, const EventRecord& event) {
  TaskStream& stream = streams_[to_number(task)];
  if (event.operation != Operation::kNone) {
    stream.events.push_back(event);
    return;
  }
  const std::uint64_t before = stream.events.size();
  if (stream.gaps.empty() || stream.gaps.back().before != before)
    stream.gaps.push_back({before, 0});
  stream.gaps.back().count += event.value;
}

Trace TraceWindow::finish(Trace names) && {
  Trace trace = std::move(names);
  for (ObjectInfo& info : trace.objects)
    if (const auto state = objects_.find(to_number(info.id)); state != objects_.end())
      begin_as(info, state->second);
  for (const auto& [task, past] : tasks_) {
    TaskStream& stream = streams_[task];
    const std::uint64_t open = past.open.size();
    stream.events.insert(stream.events.begin(), past.open.begin(), past.open.end());
    for (Gap& gap : stream.gaps) gap.before += open;
    const std::uint64_t missing = past.count - open;
    if (missing == 0) continue;
    if (open == 0 && !stream.gaps.empty() && stream.gaps.front().before == 0)
      stream.gaps.front().count += missing;
    else
      stream.gaps.insert(stream.gaps.begin(), {0, missing});
  }
  for (auto& [task, stream] : streams_) {
    stream.task = TaskId{task};
    if (!stream.events.empty() || !stream.gaps.empty()) trace.streams.push_back(std::move(stream));
  }
  const auto by_id = [](const auto& one) { return to_number(one.id); };
  std::ranges::sort(trace.tasks, {}, by_id);
  std::ranges::sort(trace.objects, {}, by_id);
  std::ranges::sort(trace.streams, {},
                    [](const TaskStream& stream) { return to_number(stream.task); });
  return trace;
}

}  // namespace chantrace::detail
