#include "recorded_order.h"

#include <algorithm>
#include <set>
#include <utility>

namespace chantrace::detail {
namespace {

const EventRecord& event_at(const Trace& trace, const EventPlace& place) {
  return trace.streams[place.stream].events[place.index];
}

/// Of these no step is made: see `kNoSteps` of the controlled executor. The others are records that
/// tell more of an operation, or its end.
bool is_step(Operation operation) {
  switch (operation) {
    case Operation::kNone:
    case Operation::kChannelMake:
    case Operation::kChannelRegister:
    case Operation::kTaskBegin:
    case Operation::kTaskEnd:
    case Operation::kTaskJoin:
    case Operation::kSleep:
    case Operation::kYield:
    case Operation::kChoose:
    case Operation::kContextMake:
    case Operation::kStack:
    case Operation::kOnceEnd:
      return false;
    default:
      return true;
  }
}

/// What the task does next leaves no mark in a trace, or it is not known yet.
bool is_unmarked(const Runnable& one) {
  return one.operation == Operation::kNone || one.operation == Operation::kLook;
}

/// The task that serves timers.
bool is_timers(const TaskInfo& task) {
  return task.is_host && !task.is_body && task.label == "timers";
}

/// Goes through one trace's events in their order.
class StepReader {
 public:
  explicit StepReader(const Trace& trace) : trace_(trace) {
    streams_.resize(trace.streams.size());
    for (std::size_t i = 0; i < trace.streams.size(); ++i) {
      const TaskInfo* const task = trace.find_task(trace.streams[i].task);
      streams_[i].is_timers = task != nullptr && is_timers(*task);
    }
  }

  std::vector<RecordedStep> read() {
    for (const EventPlace& place : order_events(trace_).places) read(place);
    return std::move(steps_);
  }

 private:
  struct Stream {
    bool is_timers = false;
    bool is_over = false;    ///< It is being unwound.
    bool has_cases = false;  ///< Of a select that begins.
    Operation last = Operation::kNone;
  };

  /// True where it can only have happened because tasks were unwound.
  bool is_consequence(const EventRecord& event) const {
    return outcome_of(event) == Outcome::kCancelled ||
           (!is_on_task(event.operation) && over_.contains(event.object));
  }

  void read(const EventPlace& place) {
    Stream& stream = streams_[place.stream];
    const EventRecord& event = event_at(trace_, place);
    const Operation last = std::exchange(stream.last, event.operation);
    if (is_consequence(event)) stream.is_over = true;
    if (stream.is_over) {
      // It may give back what another one waits for, which then goes on before it is unwound too.
      if (event.sequence != 0 && !is_on_task(event.operation)) over_.insert(event.object);
      return;
    }
    if (stream.is_timers) {
      if (event.operation == Operation::kTimerFire ||
          (event.operation == Operation::kContextCancel && last != Operation::kContextCancel))
        steps_.push_back({{}, true, place});
      return;
    }
    if (ends_by_time(event)) add(place, true);
    // What is below a context ends with it. What ends behind it is let pass as not told apart.
    if (event.operation == Operation::kContextCancel && last == Operation::kContextCancel) return;
    if (event.operation == Operation::kSelectCase) {
      if (!std::exchange(stream.has_cases, true)) add(place, false);
      return;
    }
    if (!is_step(event.operation) || is_look(event)) return;
    if (event.operation == Operation::kSelect && std::exchange(stream.has_cases, false)) return;
    if (phase_of(event) == (is_taken_when_done(place) ? Phase::kStart : Phase::kDone)) return;
    add(place, false);
  }

  /// A look at a context is a step under control, and recorded only where that is over.
  bool is_look(const EventRecord& event) const {
    if (event.operation != Operation::kLoad) return false;
    const ObjectInfo* const object = trace_.find_object(ObjectId{event.object});
    return object != nullptr && object->kind == ObjectKind::kContext;
  }

  static bool ends_by_time(const EventRecord& event) {
    return phase_of(event) == Phase::kDone &&
           (event.operation == Operation::kSleep || outcome_of(event) == Outcome::kTimedOut);
  }

  /// It is about a mutex that was taken in the end, or never.
  bool is_taken_when_done(const EventPlace& place) const {
    const EventRecord& event = event_at(trace_, place);
    if (event.operation != Operation::kLock) return false;
    const ObjectInfo* const object = trace_.find_object(ObjectId{event.object});
    if (object == nullptr || object->kind != ObjectKind::kMutex) return false;
    const std::vector<EventRecord>& events = trace_.streams[place.stream].events;
    const std::size_t done = place.index + (phase_of(event) == Phase::kStart ? 1 : 0);
    return done == events.size() || outcome_of(events[done]) != Outcome::kTimedOut;
  }

  void add(const EventPlace& place, bool is_time) {
    steps_.push_back({trace_.streams[place.stream].task, is_time, place});
  }

  const Trace& trace_;
  std::vector<Stream> streams_;
  std::set<std::uint32_t> over_;  ///< Objects that were used by tasks that were being unwound.
  std::vector<RecordedStep> steps_;
};

/// "send(results)"
std::string words_for_event(const Trace& trace, const EventRecord& event) {
  const bool is_case = event.operation == Operation::kSelectCase;
  std::string text{to_string(is_case ? Operation::kSelect : event.operation)};
  if (is_case || event.object == 0) return text;
  if (is_on_task(event.operation)) {
    const TaskInfo* const task = trace.find_task(TaskId{event.object});
    return text + " " + (task != nullptr ? task->label : "task " + std::to_string(event.object));
  }
  const ObjectInfo* const object = trace.find_object(ObjectId{event.object});
  if (object == nullptr) return text;
  const std::string name = !object->name.empty() ? object->name
                                                 : std::string(to_string(object->kind)) + " " +
                                                       std::to_string(event.object);
  return text + "(" + name + ")";
}

}  // namespace

std::vector<RecordedStep> steps_of(const Trace& trace) { return StepReader(trace).read(); }

RecordedOrder::RecordedOrder(const Trace& trace) : trace_(trace), steps_(steps_of(trace)) {
  for (const TaskInfo& task : trace.tasks)
    if (task.is_body) started_.push_back(task.id);
  if (started_.empty()) started_.push_back(TaskId{1});
  for (const RecordedStep& step : steps_)
    if (!step.is_time && record_of(step).operation == Operation::kTaskSpawn)
      started_.push_back(TaskId{record_of(step).object});
  following_.assign(steps_.size(), kNoStep);
  std::map<TaskId, std::size_t> last;
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const auto [before, is_first] = last.try_emplace(steps_[i].task, i);
    if (!is_first) following_[std::exchange(before->second, i)] = i;
    first_of_.try_emplace(steps_[i].task, i);
  }
  for (const TaskStream& stream : trace.streams)
    for (const EventRecord& event : stream.events)
      if (event.operation == Operation::kChoose)
        choices_[stream.task].numbers.push_back(static_cast<std::uint32_t>(event.value));
}

const EventRecord& RecordedOrder::record_of(const RecordedStep& step) const {
  return event_at(trace_, step.place);
}

bool RecordedOrder::takes_no_case(std::size_t step) const {
  if (step == kNoStep || steps_[step].is_time) return false;
  const EventRecord& record = record_of(steps_[step]);
  return record.operation == Operation::kSelect && phase_of(record) == Phase::kBoth &&
         case_index(record) == kNoCase;
}

void RecordedOrder::make(std::size_t step) {
  is_made_[step] = true;
  while (next_ < steps_.size() && is_made_[next_]) ++next_;
  next_of_[steps_[step].task] = following_[step];
}

std::size_t RecordedOrder::place_of_early(std::span<const Runnable> runnable) const {
  for (std::size_t i = 0; i < runnable.size(); ++i) {
    const Runnable& one = runnable[i];
    const bool may_be = is_unmarked(one) || one.operation == Operation::kSelect;
    if (one.task == kClockTask || !may_be) continue;
    const auto next = next_of_.find(recorded_[one.task]);
    if (next == next_of_.end() || !takes_no_case(next->second)) continue;
    // Of a task that has done nothing yet, when it began is as good a guess.
    if (first_of_.at(next->first) != next->second) return i;
  }
  return kNobody;
}

void RecordedOrder::begin(std::uint64_t) {
  next_ = 0;
  next_of_ = first_of_;
  is_made_.assign(steps_.size(), false);
  recorded_ = {TaskId{}, started_.front()};
  met_ = 1;
  running_ = 1;
  case_ = kNoCase;
  for (auto& [task, choice] : choices_) choice.next = 0;
  divergence_.reset();
}

void RecordedOrder::meet_tasks(std::span<const Runnable> runnable) {
  // They are started in the order of the trace, and numbered in the order in which they are.
  std::uint32_t greatest = 0;
  for (const Runnable& one : runnable) greatest = std::max(greatest, one.task);
  if (greatest >= recorded_.size()) recorded_.resize(greatest + 1);
  for (std::uint32_t task = 2; task < recorded_.size() && met_ < started_.size(); ++task) {
    if (recorded_[task] != TaskId{}) continue;
    // The timers' task takes a number too, and never stands among these.
    const bool is_there = std::any_of(runnable.begin(), runnable.end(),
                                      [&](const Runnable& one) { return one.task == task; });
    if (is_there) recorded_[task] = started_[met_++];
  }
}

std::size_t RecordedOrder::place_of(std::span<const Runnable> runnable, TaskId task) const {
  for (std::size_t i = 0; i < runnable.size(); ++i)
    if (runnable[i].task != kClockTask && recorded_[runnable[i].task] == task) return i;
  return kNobody;
}

void RecordedOrder::skip_idle_timers(std::span<const Runnable> runnable) {
  // Threads tell of timers whose channel is about to be forgotten, and that are no longer armed
  // here. Where one mattered, whoever waited for it cannot go on.
  const bool has_timer = std::any_of(runnable.begin(), runnable.end(), [](const Runnable& one) {
    return one.task == kClockTask || is_unmarked(one);
  });
  if (has_timer) return;
  while (next_ < steps_.size() && steps_[next_].is_time && steps_[next_].task == TaskId{})
    make(next_);
}

void RecordedOrder::skip_ends_of_children(std::span<const Runnable> runnable) {
  // A context that ends with the one above it makes a record of its own, and no step.
  if (divergence_ || next_ == steps_.size() || steps_[next_].is_time) return;
  const RecordedStep& step = steps_[next_];
  if (record_of(step).operation != Operation::kContextCancel) return;
  const std::size_t place = place_of(runnable, step.task);
  if (place != kNobody && !is_unmarked(runnable[place]) &&
      runnable[place].operation != Operation::kContextCancel)
    make(next_);
}

std::size_t RecordedOrder::take(const Runnable& chosen, std::size_t place) {
  if (chosen.task != kClockTask) running_ = chosen.task;
  return place;
}

std::size_t RecordedOrder::pick(std::span<const Runnable> runnable, std::size_t current) {
  meet_tasks(runnable);
  const std::size_t fallback = find_default(runnable, current);
  if (const std::size_t early = divergence_ ? kNobody : place_of_early(runnable);
      early != kNobody) {
    case_ = kNoCase;
    const Runnable& chosen = runnable[early];
    if (chosen.operation == Operation::kSelect) make(next_of_.at(recorded_[chosen.task]));
    return take(chosen, early);
  }
  skip_idle_timers(runnable);
  skip_ends_of_children(runnable);
  if (!divergence_ && next_ < steps_.size()) {
    const RecordedStep& step = steps_[next_];
    if (step.is_time) return pick_time(runnable, step, fallback);
    const std::size_t place = place_of(runnable, step.task);
    if (place == kNobody) return pick_time(runnable, step, fallback);
    const Runnable& chosen = runnable[place];
    const EventRecord& record = record_of(step);
    // One that does not know its next operation asks again when it does.
    if (is_unmarked(chosen) ||
        (chosen.operation == Operation::kContextCancel && record.operation != chosen.operation))
      return take(chosen, place);
    const Operation expected =
        record.operation == Operation::kSelectCase ? Operation::kSelect : record.operation;
    if (chosen.operation == expected) {
      const bool has_case =
          record.operation == Operation::kSelect && phase_of(record) == Phase::kBoth;
      case_ = has_case ? case_index(record) : kNoCase;
      make(next_);
      return take(chosen, place);
    }
    diverge(&chosen);
  }
  return take(runnable[fallback], fallback);
}

std::size_t RecordedOrder::pick_time(std::span<const Runnable> runnable, const RecordedStep& step,
                                     std::size_t fallback) {
  std::size_t clock = kNobody;
  std::size_t unknown = kNobody;
  for (std::size_t i = 0; i < runnable.size(); ++i) {
    if (runnable[i].task == kClockTask)
      clock = i;
    else if (is_unmarked(runnable[i]))
      unknown = unknown == kNobody || runnable[i].task < runnable[unknown].task ? i : unknown;
  }
  if (step.is_time) {
    // It may have to come to where it waits first.
    const std::size_t waiting = place_of(runnable, step.task);
    if (waiting != kNobody && is_unmarked(runnable[waiting]))
      return take(runnable[waiting], waiting);
    if (clock != kNobody) {
      make(next_);
      return clock;
    }
  }
  // Somebody's way to an operation, or to an end, lets the task go on; and if nobody's, then time.
  if (unknown != kNobody) return take(runnable[unknown], unknown);
  if (clock != kNobody) return clock;
  diverge(nullptr);
  return take(runnable[fallback], fallback);
}

std::uint32_t RecordedOrder::choose(std::uint32_t count) {
  const TaskId task = running_ < recorded_.size() ? recorded_[running_] : TaskId{};
  const auto found = choices_.find(task);
  if (found == choices_.end() || found->second.next == found->second.numbers.size()) return 0;
  const std::uint32_t number = found->second.numbers[found->second.next++];
  return number < count ? number : 0;
}

std::uint32_t RecordedOrder::choose_case(std::uint32_t, std::span<const std::uint16_t> cases) {
  const auto found = std::find(cases.begin(), cases.end(), case_);
  return found != cases.end() ? static_cast<std::uint32_t>(found - cases.begin()) : 0;
}

OrderDivergence RecordedOrder::words_for(const RecordedStep& step) const {
  OrderDivergence one;
  one.step = static_cast<std::uint64_t>(&step - steps_.data()) + 1;
  one.task = step.task;
  const EventRecord& record = record_of(step);
  const TaskInfo* const task = trace_.find_task(step.task);
  one.recorded = (task != nullptr ? task->label + "'s " : std::string()) +
                 words_for_event(trace_, record) + (step.is_time ? " ended by time" : "");
  one.recorded_site = trace_.site(SiteId{record.site});
  return one;
}

void RecordedOrder::diverge(const Runnable* actual) {
  divergence_ = words_for(steps_[next_]);
  if (actual == nullptr) {
    divergence_->present = "it waits, or has ended, or was not started";
    return;
  }
  divergence_->present = to_string(actual->operation);
  divergence_->present_site = {actual->site->file, actual->site->function, actual->site->line};
}

std::optional<OrderDivergence> RecordedOrder::divergence() const {
  if (divergence_) return divergence_;
  std::size_t next = next_;
  while (next < steps_.size() &&
         (is_made_[next] || (steps_[next].is_time && steps_[next].task == TaskId{})))
    ++next;
  if (next == steps_.size()) return std::nullopt;
  OrderDivergence one = words_for(steps_[next]);
  one.present = "nothing: the execution had ended";
  return one;
}

}  // namespace chantrace::detail
