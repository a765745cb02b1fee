// What is looked for in the logs of controlled executions.

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "chantrace/detail/event_log.h"
#include "happens_before.h"
#include "lock_order.h"
#include "race_findings.h"

namespace chantrace::detail {
namespace {

/// Tasks and locks that are told apart over all executions; then no more are looked at.
constexpr std::size_t kNumbersMax = 100'000;

/// What the event is about is in the log: it can also be another execution's, or a foreign
/// thread's.
bool is_defined(const EventLog& log, const EventRecord& event) {
  return event.object != 0 &&
         event.object < (is_on_task(event.operation) ? log.tasks().size() : log.objects().size());
}

/// Plays a log so that what was parked is done right behind what completed it.
class LogPlayer {
 public:
  explicit LogPlayer(RaceDetector& races) : happens_before_(races) {}

  void play(const EventLog& log) {
    happens_before_.clear();
    for (std::uint32_t id = 1; id < log.objects().size(); ++id)
      happens_before_.define(id, log.objects()[id].info);
    find_completed(log);
    for (std::uint32_t i = 0; i < log.size(); ++i)
      for (std::uint32_t next = i; next != kNone; next = take(log, next)) {
      }
  }

 private:
  static constexpr std::uint32_t kNone = UINT32_MAX;

  struct Completed {
    std::uint32_t sequence;
    std::uint32_t entry;
  };
  using OfObject = std::vector<std::vector<Completed>>;

  OfObject& completed_at(const EventRecord& event) {
    return is_on_task(event.operation) ? of_tasks_ : of_objects_;
  }

  void find_completed(const EventLog& log) {
    for (OfObject* const all : {&of_objects_, &of_tasks_})
      for (std::vector<Completed>& one : *all) one.clear();
    of_objects_.resize(std::max(of_objects_.size(), log.objects().size()));
    of_tasks_.resize(std::max(of_tasks_.size(), log.tasks().size()));
    is_taken_.assign(log.size(), false);
    for (std::uint32_t i = 0; i < log.size(); ++i) {
      const EventRecord& event = log[i];
      if (is_completed(event) && is_defined(log, event))
        completed_at(event)[event.object].push_back({event.sequence, i});
    }
  }

  /// The operation that this one completed, if it is in the log.
  std::uint32_t completed_by(const EventRecord& event) {
    if (event.sequence == 0) return kNone;
    const std::vector<Completed>& done = completed_at(event)[event.object];
    const auto next = std::find_if(done.begin(), done.end(), [&](const Completed& one) {
      return one.sequence == event.sequence + 1;
    });
    return next != done.end() && !is_taken_[next->entry] ? next->entry : kNone;
  }

  /// Returns the one to take next, if that is known.
  std::uint32_t take(const EventLog& log, std::uint32_t entry) {
    if (is_taken_[entry]) return kNone;
    is_taken_[entry] = true;
    const EventRecord& event = log[entry];
    const std::uint32_t task = EventLog::task_of(event);
    if (!is_defined(log, event)) return kNone;
    const std::uint32_t next = completed_by(event);
    happens_before_.take({.event = &event,
                          .task = task,
                          .object = event.object,
                          .completes_another = next != kNone,
                          .is_clock = log.tasks()[task].is_clock});
    return next;
  }

  HappensBefore happens_before_;
  OfObject of_objects_;
  OfObject of_tasks_;
  std::vector<bool> is_taken_;
};

/// Numbers for tasks and locks that mean the same in all executions of a body, which ids do not.
///
/// A task is the n-th that one parent started at one place. A lock is the n-th object that one task
/// made; one that was there before all tasks is known by its address.
class CommonNumbers {
 public:
  void begin_execution(const EventLog& log) {
    tasks_.assign(log.tasks().size(), 0);
    locks_.assign(log.objects().size(), 0);
    children_.clear();
  }

  /// From 0.
  std::uint32_t task(const EventLog& log, std::uint32_t id) {
    if (tasks_[id] == 0) tasks_[id] = find_task(log, id);
    return tasks_[id] - 1;
  }

  /// From 1, which is its id in `state()`.
  std::uint32_t lock(const EventLog& log, std::uint32_t id) {
    if (locks_[id] == 0) locks_[id] = find_lock(log, id);
    return locks_[id];
  }

  /// Who and what has a number, with that as its id: tasks from 1.
  const EndState& state() const { return state_; }

 private:
  using Place = std::pair<const char*, std::uint32_t>;

  static Place place_of(const Location& site) { return {site.file, site.line}; }

  std::uint32_t find_task(const EventLog& log, std::uint32_t id) {
    const EventLog::Task& task = log.tasks()[id];
    const std::uint32_t parent = task.parent != 0 ? this->task(log, task.parent) + 1 : 0;
    const Place place = place_of(task.started_at);
    const auto child = std::find_if(children_.begin(), children_.end(), [&](const auto& one) {
      return one.first == std::pair(parent, place);
    });
    std::uint32_t number = 0;
    if (child != children_.end())
      number = ++child->second;
    else
      children_.emplace_back(std::pair(parent, place), 0);
    const auto [known, is_new] = known_tasks_.try_emplace(
        {parent, place, number}, static_cast<std::uint32_t>(state_.tasks.size() + 1));
    if (is_new) {
      TaskState& state = state_.tasks.emplace_back();
      state.id = TaskId{known->second};
      state.parent = TaskId{parent};
      state.label = task.label;
      state.started_at = to_site(task.started_at);
    }
    return known->second;
  }

  std::uint32_t find_lock(const EventLog& log, std::uint32_t id) {
    const EventLog::Object& object = log.objects()[id];
    std::uint64_t creation = object.creation;
    if (creation != 0 && (creation & kMadeOutside) == 0) {
      const auto maker = static_cast<std::uint32_t>(creation >> 32);
      creation = std::uint64_t{task(log, maker)} << 32 | (creation & 0xffffffff);
    }
    const void* const address = creation == 0 ? object.address : nullptr;
    const auto [known, is_new] =
        known_locks_.try_emplace({place_of(object.created), creation, address},
                                 static_cast<std::uint32_t>(state_.objects.size() + 1));
    if (is_new) {
      ObjectState& state = state_.objects.emplace_back();
      state.id = ObjectId{known->second};
      state.kind = object.info.kind;
      state.name = object.info.name;
      state.created_at = to_site(object.created);
    }
    return known->second;
  }

  std::vector<std::uint32_t> tasks_;  // By id in this execution; 0: not known yet.
  std::vector<std::uint32_t> locks_;
  std::vector<std::pair<std::pair<std::uint32_t, Place>, std::uint32_t>> children_;
  std::map<std::tuple<std::uint32_t, Place, std::uint32_t>, std::uint32_t> known_tasks_;
  std::map<std::tuple<Place, std::uint64_t, const void*>, std::uint32_t> known_locks_;
  EndState state_;
};

bool is_lock(const EventLog::Object& object) {
  return object.info.kind == ObjectKind::kMutex || object.info.kind == ObjectKind::kSharedMutex;
}

}  // namespace

struct LogAnalysis::Impl {
  RaceDetector races;
  LogPlayer player{races};
  CommonNumbers numbers;
  LockHistory locks;
  std::vector<Site> sites;  ///< Of the locks' history.
};

LogAnalysis::LogAnalysis() : impl_(std::make_unique<Impl>()) {}
LogAnalysis::~LogAnalysis() = default;

bool LogAnalysis::has_races(const EventLog& log) {
  impl_->races.clear();
  const bool has_shared = std::any_of(
      log.objects().begin(), log.objects().end(),
      [](const EventLog::Object& object) { return object.info.kind == ObjectKind::kShared; });
  if (has_shared) impl_->player.play(log);
  return !impl_->races.races().empty();
}

std::vector<Finding> LogAnalysis::races(const EventLog& log, EndState state) const {
  for (const Race& race : impl_->races.races()) {
    const EventLog::Object& object = log.objects()[race.variable];
    ObjectState& variable = state.objects.emplace_back();
    variable.id = object.info.id;
    variable.kind = object.info.kind;
    variable.name = object.info.name;
    variable.type = object.info.type;
    variable.created_at = {object.created.file, object.created.function, object.created.line};
  }
  const StateIndex index(state);
  const RaceNames names{.task = [](std::uint32_t task) { return TaskId{task}; },
                        .variable = [](std::uint32_t object) { return ObjectId{object}; },
                        .site = [&](std::uint32_t site) { return to_site(log.location(site)); }};
  std::vector<Finding> findings;
  for (const Race& race : impl_->races.races())
    findings.push_back(race_finding(race, names, index));
  return findings;
}

void LogAnalysis::note_locks(const EventLog& log) {
  CommonNumbers& numbers = impl_->numbers;
  const EndState& known = numbers.state();
  if (known.tasks.size() + known.objects.size() > kNumbersMax) return;
  numbers.begin_execution(log);
  impl_->locks.begin_execution();
  // In the order of their start, by which those of one place are told apart.
  for (std::uint32_t id = 1; id < log.tasks().size(); ++id) numbers.task(log, id);
  for (std::uint32_t id = 1; id < log.objects().size(); ++id)
    if (log.objects()[id].info.kind == ObjectKind::kSharedMutex)
      impl_->locks.note_shared_mutex(numbers.lock(log, id));
  for (std::size_t i = 0; i < log.size(); ++i) {
    const EventRecord& event = log[i];
    const std::uint32_t task = EventLog::task_of(event);
    if (!is_defined(log, event)) continue;
    if (is_on_task(event.operation))
      impl_->locks.take(numbers.task(log, task), event, numbers.task(log, event.object));
    else if (is_lock(log.objects()[event.object]))
      impl_->locks.take(numbers.task(log, task), event, numbers.lock(log, event.object));
  }
  for (auto site = static_cast<std::uint32_t>(impl_->sites.size()); site <= log.sites_count();
       ++site)
    impl_->sites.push_back(to_site(log.location(site)));
}

std::vector<Finding> LogAnalysis::lock_orders() {
  const StateIndex index(impl_->numbers.state());
  const LockNames names{.task = [](std::uint32_t task) { return TaskId{task + 1}; },
                        .site = [&](std::uint32_t site) { return impl_->sites[site]; },
                        .luck = "no schedule that was tried has closed it"};
  return find_lock_orders(impl_->locks, names, index);
}

}  // namespace chantrace::detail
