// The state at a trace's end, as the runtime would have described it at that moment.

#include "chantrace/end_state.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "chantrace/trace.h"
#include "object_events.h"
#include "object_state.h"
#include "words.h"

namespace chantrace {
namespace {

constexpr std::string_view kTimersLabel = "timers";

bool may_belong_to_open_wait(const EventRecord& event) {
  // A condition wait gives back its mutex after it has queued itself.
  return event.operation == Operation::kUnlock || event.operation == Operation::kStack;
}

Misuse::Kind misuse_kind(const EventRecord& event) {
  switch (event.operation) {
    case Operation::kSend:
    case Operation::kSelect:
      return Misuse::Kind::kSendOnClosed;
    case Operation::kClose:
      return event.object == 0 ? Misuse::Kind::kCloseOfNil : Misuse::Kind::kCloseOfClosed;
    case Operation::kWaitGroupAdd:
      return Misuse::Kind::kNegativeWaitGroup;
    case Operation::kUnlock:
    case Operation::kUnlockShared:
      return Misuse::Kind::kUnlockOfUnlocked;
    default:
      return Misuse::Kind::kOther;
  }
}

bool is_timed(const ObjectInfo& info) {
  switch (info.kind) {
    case ObjectKind::kTimer:
    case ObjectKind::kTicker:
    case ObjectKind::kContext:
    case ObjectKind::kChannel:
      return true;
    default:
      return false;
  }
}

class EndStateBuilder {
 public:
  EndStateBuilder(const Trace& trace, const TraceOrder& order) : trace_(trace), order_(order) {}

  EndState build() {
    define_tasks();
    define_objects();
    for (const EventPlace& place : order_.places) {
      const TaskStream& stream = trace_.streams[place.stream];
      apply(tasks_of_streams_[place.stream], stream.events[place.index]);
    }
    finish_tasks();
    finish_timers();
    state_.body_ended = has_body_ended();
    state_.foreign_threads = trace_.end ? trace_.end->foreign_threads : 0;
    state_.is_partial = trace_.is_incomplete();
    return std::move(state_);
  }

 private:
  /// What is known of a task while its events go by.
  struct TaskProgress {
    const EventRecord* open = nullptr;      ///< The start of the operation it is in.
    std::vector<const EventRecord*> cases;  ///< Of the select that it is about to start or is in.
    const EventRecord* last = nullptr;
    std::uint64_t operations = 0;
    std::uint32_t open_misuse = UINT32_MAX;  ///< The misuse that its last record told of.
    bool is_cut = false;  ///< Unwound when the run was over: nothing after that counts.
    bool has_fired_timers = false;
  };

  void define_tasks() {
    std::uint32_t greatest = 0;
    std::vector<std::uint32_t> ids;
    for (const TaskInfo& info : trace_.tasks) ids.push_back(to_number(info.id));
    for (const TaskStream& stream : trace_.streams) ids.push_back(to_number(stream.task));
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    if (!ids.empty()) greatest = ids.back();
    state_.tasks.resize(ids.size());
    progress_.resize(ids.size());
    for (std::size_t i = 0; i < ids.size(); ++i) state_.tasks[i].id = TaskId{ids[i]};
    task_ids_.emplace(std::move(ids), greatest, 0);
    for (const TaskInfo& info : trace_.tasks) {
      TaskState& task = state_.tasks[task_ids_->index_of(to_number(info.id))];
      task.parent = info.parent;
      task.label = info.label;
      task.is_host = info.is_host;
      task.is_body = info.is_body;
      task.is_older = info.is_older;
      task.started_at = trace_.site(info.site);
    }
    for (const TaskStream& stream : trace_.streams)
      tasks_of_streams_.push_back(task_ids_->index_of(to_number(stream.task)));
  }

  void define_objects() {
    std::uint32_t greatest = 0;
    std::vector<std::uint32_t> ids;
    for (const ObjectInfo& info : trace_.objects) ids.push_back(to_number(info.id));
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    if (!ids.empty()) greatest = ids.back();
    state_.objects.resize(ids.size());
    for (std::size_t i = 0; i < ids.size(); ++i) state_.objects[i].id = ObjectId{ids[i]};
    const bool is_dense = !ids.empty() && ids.front() == 1 && greatest == ids.size();
    is_dense_ = is_dense;
    object_ids_.emplace(std::move(ids), greatest, 0);
    for (const ObjectInfo& info : trace_.objects) {
      ObjectState& object = state_.objects[object_ids_->index_of(to_number(info.id))];
      object.kind = info.kind;
      object.name = info.name;
      object.type = info.type;
      object.created_at = trace_.site(info.site);
      object.capacity = info.capacity;
      object.size = info.initial_size;
      object.is_closed = info.is_initially_closed;
      if (is_timed(info))
        object.timer_is_pending = info.initial_count != 0;
      else
        object.count = info.initial_count;
      for (const TaskId holder : info.initial_holders)
        object.holders.push_back({holder, {}, false});
    }
  }

  ObjectState* object_of(const EventRecord& event) {
    if (event.object == 0) return nullptr;
    if (is_dense_)
      return event.object <= state_.objects.size() ? &state_.objects[event.object - 1] : nullptr;
    const std::uint32_t index = object_ids_->index_of(event.object);
    return index == DenseIds::kNone ? nullptr : &state_.objects[index];
  }

  void apply(std::uint32_t index, const EventRecord& event) {
    TaskProgress& progress = progress_[index];
    if (event.operation == Operation::kStack) return;
    if (progress.is_cut || is_after_the_run(event)) return cut(progress, event);
    const Phase phase = phase_of(event);
    const Outcome outcome = outcome_of(event);
    TaskState& task = state_.tasks[index];
    if (outcome == Outcome::kCancelled) {
      cut(progress, event);
      if (event.operation == Operation::kTaskEnd) end_task(task, progress, event);
      return;
    }
    if (event.operation == Operation::kTaskEnd) {
      end_task(task, progress, event);
      return;
    }
    if (task.status != TaskStatus::kRunning) task.status = TaskStatus::kRunning;
    if (starts_operation(event)) ++progress.operations;

    if (event.operation == Operation::kSelectCase) {
      if (progress.open != nullptr || (!progress.cases.empty() && case_index(event) == 0)) {
        progress.open = nullptr;
        progress.cases.clear();
      }
      progress.cases.push_back(&event);
    } else if (phase == Phase::kStart) {
      if (event.operation != Operation::kSelect) progress.cases.clear();
      progress.open = &event;
    } else {
      if (!(progress.open != nullptr && phase == Phase::kBoth && may_belong_to_open_wait(event) &&
            progress.open->operation == Operation::kConditionWait))
        close_open(progress);
    }
    if (phase != Phase::kDone || progress.last == nullptr) progress.last = &event;
    progress.open_misuse = UINT32_MAX;
    if (!is_on_task(event.operation))
      if (ObjectState* const object = object_of(event))
        apply_to_object(*object, trace_, task.id, event);
    if (outcome == Outcome::kMisuse || outcome == Outcome::kForeign)
      add_misuse(task.id, progress, event, outcome);
    if (event.operation == Operation::kTimerFire) progress.has_fired_timers = true;
  }

  /// The run was over before this event: it comes after one of a task that was being unwound.
  bool is_after_the_run(const EventRecord& event) const {
    if (!has_cut_ || event.sequence == 0) return false;
    const auto& touched = is_on_task(event.operation) ? touched_tasks_ : touched_objects_;
    return touched.contains(event.object);
  }

  /// The state that counts is the one before the first task was unwound. What an unwound task does,
  /// such as giving back its locks, lets others go on that were stuck; that does not count either.
  void cut(TaskProgress& progress, const EventRecord& event) {
    has_cut_ = true;
    progress.is_cut = true;
    if (event.sequence == 0) return;
    (is_on_task(event.operation) ? touched_tasks_ : touched_objects_).insert(event.object);
  }

  static void close_open(TaskProgress& progress) {
    progress.open = nullptr;
    progress.cases.clear();
  }

  void end_task(TaskState& task, TaskProgress& progress, const EventRecord& event) {
    if (outcome_of(event) == Outcome::kCancelled && progress.open != nullptr) return;
    progress.open = nullptr;
    progress.cases.clear();
    switch (outcome_of(event)) {
      case Outcome::kException:
        task.status = TaskStatus::kEndedByException;
        break;
      case Outcome::kCancelled:
        task.status = TaskStatus::kCancelled;
        break;
      default:
        task.status = TaskStatus::kEnded;
        break;
    }
    if (outcome_of(event) == Outcome::kException) {
      if (progress.open_misuse != UINT32_MAX) state_.misuses[progress.open_misuse].escaped = true;
      if ((event.flags & kValueIsText) != 0)
        if (const auto text = trace_.texts.find(event.value); text != trace_.texts.end())
          task.exception = text->second;
    }
    task.ended_at = progress.last != nullptr ? trace_.site(SiteId{progress.last->site})
                                             : trace_.site(SiteId{event.site});
  }

  void add_misuse(TaskId task, TaskProgress& progress, const EventRecord& event, Outcome outcome) {
    Misuse misuse;
    misuse.kind = outcome == Outcome::kForeign ? Misuse::Kind::kForeignUnlock : misuse_kind(event);
    misuse.task = task;
    misuse.object = ObjectId{event.object};
    misuse.site = trace_.site(SiteId{event.site});
    if (outcome == Outcome::kMisuse)
      progress.open_misuse = static_cast<std::uint32_t>(state_.misuses.size());
    state_.misuses.push_back(std::move(misuse));
  }

  void finish_tasks() {
    std::vector<TaskState> kept;
    kept.reserve(state_.tasks.size());
    for (std::size_t i = 0; i < state_.tasks.size(); ++i) {
      TaskState& task = state_.tasks[i];
      const TaskProgress& progress = progress_[i];
      // The pseudo-task that fires timers is part of the library.
      if (progress.has_fired_timers || (task.label == kTimersLabel && to_number(task.parent) == 0 &&
                                        !task.is_host && !task.is_body))
        continue;
      // Who was there before the body may well wait for what comes after it.
      const bool waits_for_later = task.is_older && state_.body_ended;
      if (progress.open != nullptr && !waits_for_later) park(task, progress);
      kept.push_back(std::move(task));
    }
    state_.tasks = std::move(kept);
  }

  void park(TaskState& task, const TaskProgress& progress) {
    const EventRecord& open = *progress.open;
    task.status = TaskStatus::kParked;
    task.waiting_at = trace_.site(SiteId{open.site});
    task.operation_index = progress.operations;
    task.is_select = open.operation == Operation::kSelect;
    // A start has no outcome yet; the mark of a timed form stands in its place.
    const bool has_deadline = outcome_of(open) == Outcome::kTimedOut ||
                              open.operation == Operation::kSleep ||
                              open.operation == Operation::kYield;
    if (task.is_select) {
      for (const EventRecord* const one : progress.cases) {
        Wait wait;
        wait.operation = is_send_case(*one) ? Operation::kSend : Operation::kReceive;
        wait.object = ObjectId{one->object};
        wait.is_nil_channel = one->object == 0;
        wait.has_deadline = has_deadline;
        task.waits.push_back(wait);
      }
      if (task.waits.empty() && has_deadline)
        task.waits.push_back({.operation = Operation::kSleep, .has_deadline = true});
      return;
    }
    Wait wait;
    wait.operation = open.operation;
    wait.has_deadline = has_deadline;
    if (is_on_task(open.operation)) {
      wait.task = TaskId{open.object};
    } else {
      wait.object = ObjectId{open.object};
      wait.is_nil_channel = open.object == 0 && is_channel_operation(open.operation);
    }
    task.waits.push_back(wait);
  }

  /// Who waits for a timer waits at its channel.
  void finish_timers() {
    for (const ObjectInfo& info : trace_.objects) {
      if (to_number(info.channel) == 0) continue;
      const std::uint32_t channel = object_ids_->index_of(to_number(info.channel));
      if (channel == DenseIds::kNone) continue;
      state_.objects[channel].timer_is_pending =
          state_.objects[object_ids_->index_of(to_number(info.id))].timer_is_pending;
    }
  }

  bool has_body_ended() const {
    bool is_body_parked = false;
    for (const TaskState& task : state_.tasks) {
      if (!task.is_body) continue;
      if (task.status == TaskStatus::kEnded || task.status == TaskStatus::kEndedByException)
        return true;
      is_body_parked |= task.status == TaskStatus::kParked || task.status == TaskStatus::kCancelled;
    }
    return !is_body_parked && trace_.end && trace_.end->body_ended;
  }

  const Trace& trace_;
  const TraceOrder& order_;
  EndState state_;
  std::vector<TaskProgress> progress_;
  std::vector<std::uint32_t> tasks_of_streams_;
  std::optional<DenseIds> task_ids_;
  std::optional<DenseIds> object_ids_;
  bool is_dense_ = false;
  bool has_cut_ = false;
  std::unordered_set<std::uint32_t> touched_objects_;  // By tasks that were cut.
  std::unordered_set<std::uint32_t> touched_tasks_;
};

}  // namespace

EndState end_state(const Trace& trace, const TraceOrder& order) {
  return EndStateBuilder(trace, order).build();
}

}  // namespace chantrace
