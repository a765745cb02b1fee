#include "hidden_nondeterminism.h"

#include <algorithm>
#include <map>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "log_words.h"

namespace chantrace::detail {
namespace {

constexpr std::string_view kHead = "hidden nondeterminism: ";

/// The operations of an execution, those of each task in their order.
class Operations {
 public:
  explicit Operations(const EventLog& log) : log_(log), of_tasks_(log.tasks().size()) {
    for (std::size_t i = 0; i < log.size(); ++i) {
      const EventRecord& event = log[i];
      // That a task stands before a lock is noted early or late: its turn comes when it takes it.
      const bool is_turn = event.operation == Operation::kLock ? phase_of(event) != Phase::kStart
                                                               : starts_operation(event);
      if (is_turn) of_tasks_[EventLog::task_of(event)].push_back({&event, i});
    }
  }

  std::size_t tasks() const { return of_tasks_.size(); }
  /// How many operations that task has begun.
  std::size_t count(std::size_t task) const { return task < tasks() ? of_tasks_[task].size() : 0; }
  /// When it was the turn of the task's operation number `index`, from 0.
  std::size_t turn(std::size_t task, std::size_t index) const {
    return of_tasks_[task][index].turn;
  }
  /// "worker's operation 3"
  std::string whose(std::size_t task, std::size_t index) const {
    return task_in_words(log_, task) + "'s operation " + std::to_string(index + 1);
  }
  /// "send(results)"
  std::string what(std::size_t task, std::size_t index) const {
    return operation_in_words(log_, event(task, index));
  }
  Location site(std::size_t task, std::size_t index) const {
    return log_.location(event(task, index).site);
  }

  /// Whether that operation is the same in both. Objects are numbered as they are met, so that two
  /// different ones may have the same number.
  static bool is_same(const Operations& left, const Operations& right, std::size_t task,
                      std::size_t index) {
    const EventRecord& one = left.event(task, index);
    const EventRecord& other = right.event(task, index);
    return one.operation == other.operation && one.object == other.object &&
           is_same(left.site(task, index), right.site(task, index)) &&
           (is_on_task(one.operation) || is_same(left.object_of(one), right.object_of(other)));
  }

 private:
  struct Begun {
    const EventRecord* event;
    std::size_t turn;
  };

  static bool is_same(const Location& left, const Location& right) {
    return left.line == right.line && std::string_view(left.file) == right.file;
  }
  static bool is_same(const EventLog::Object* left, const EventLog::Object* right) {
    if (left == nullptr || right == nullptr) return left == right;
    return left->info.name == right->info.name && left->info.kind == right->info.kind &&
           is_same(left->created, right->created);
  }

  const EventRecord& event(std::size_t task, std::size_t index) const {
    return *of_tasks_[task][index].event;
  }
  const EventLog::Object* object_of(const EventRecord& event) const {
    return detail::object_of(log_, event.object);
  }

  const EventLog& log_;
  std::vector<std::vector<Begun>> of_tasks_;
};

/// One side of a difference.
Participant side(std::string label, const Operations& operations, std::size_t task,
                 std::size_t index) {
  Participant participant;
  participant.label = std::move(label);
  if (index >= operations.count(task)) {
    participant.text = "nothing: it made no more";
    return participant;
  }
  participant.text = operations.what(task, index);
  participant.site = to_site(operations.site(task, index));
  return participant;
}

Finding make_finding(std::string summary) {
  Finding finding;
  finding.kind = FindingKind::kDivergence;
  finding.summary = std::string(kHead) + std::move(summary);
  finding.reason = {
      "what the program does depends on more than its schedule: a static or global variable",
      "that keeps its value from one execution to the next, std::random_device, an address,",
      "the order of a container that is sorted or hashed by addresses, or the host's time",
      "to mend it, set such state anew in each execution, give random engines a fixed seed,",
      "and take the time from chantrace::now()"};
  return finding;
}

}  // namespace

std::optional<Finding> find_first_difference(const EventLog& once, const EventLog& again) {
  // Up to the first one both followed the schedule; what comes behind it may be its consequence.
  const Operations left(once);
  const Operations right(again);
  std::size_t task = 0;
  std::size_t index = 0;
  std::size_t turn = SIZE_MAX;
  for (std::size_t one = 0; one < std::max(left.tasks(), right.tasks()); ++one) {
    const std::size_t common = std::min(left.count(one), right.count(one));
    std::size_t i = 0;
    while (i < common && Operations::is_same(left, right, one, i)) ++i;
    if (i == left.count(one) && i == right.count(one)) continue;
    const std::size_t its_turn = (i < left.count(one) ? left : right).turn(one, i);
    if (its_turn < turn) {
      task = one;
      index = i;
      turn = its_turn;
    }
  }
  if (turn == SIZE_MAX) return std::nullopt;

  const bool was_once = index < left.count(task);
  const bool was_again = index < right.count(task);
  Finding finding =
      make_finding((was_once ? left : right).whose(task, index) +
                   (!was_once    ? " is made only when the same schedule runs again"
                    : !was_again ? " is made only once, and not when the same schedule runs again"
                                 : " is another one when the same schedule runs again"));
  finding.task = TaskId{static_cast<std::uint32_t>(task)};
  finding.participants = {side("once", left, task, index), side("again", right, task, index)};
  for (const Participant& one : finding.participants)
    if (!one.site.file.empty() && (finding.sites.empty() || finding.sites[0].site != one.site))
      finding.sites.push_back({one.label, one.site});
  return finding;
}

namespace {

/// The steps of a schedule, one after another.
class Steps {
 public:
  explicit Steps(const Schedule& schedule) : segments_(schedule.segments) { pass_empty(); }

  bool is_over() const { return segment_ == segments_.size(); }
  std::uint32_t task() const { return segments_[segment_].task; }
  void advance() {
    if (++operation_ < segments_[segment_].operations) return;
    operation_ = 0;
    ++segment_;
    pass_empty();
  }

 private:
  void pass_empty() {
    while (!is_over() && segments_[segment_].operations == 0) ++segment_;
  }

  std::span<const Segment> segments_;
  std::size_t segment_ = 0;
  std::uint32_t operation_ = 0;
};

/// Which step of which task is not the same in both.
struct OtherStep {
  std::uint32_t task = 0;     ///< 0: timers fire.
  std::uint64_t step = 0;     ///< Of the task, from 1.
  bool is_only_once = false;  ///< `again` has another one there, or none.
};

/// nullopt: all are of the same tasks.
std::optional<OtherStep> first_other_step(const Schedule& once, const Schedule& again) {
  Steps left(once);
  Steps right(again);
  std::map<std::uint32_t, std::uint64_t> made;
  while (!left.is_over() && !right.is_over() && left.task() == right.task()) {
    ++made[left.task()];
    left.advance();
    right.advance();
  }
  if (left.is_over() && right.is_over()) return std::nullopt;
  const std::uint32_t task = (left.is_over() ? right : left).task();
  return OtherStep{task, made[task] + 1, !left.is_over()};
}

}  // namespace

bool is_same(const Conduct& once, const Conduct& again) {
  return once.schedule.fingerprint == again.schedule.fingerprint && once.steps == again.steps;
}

std::optional<Finding> find_difference(const Conduct& once, const Conduct& again) {
  if (!is_same(once, again)) {
    Finding finding = make_finding("the same schedule went another way when it ran again");
    finding.reason.insert(
        finding.reason.begin(),
        {"what each task did is the same as far as it is known: it was in another order, or what",
         "differed is no operation, such as a look at a size; " + std::to_string(once.steps) +
             " steps once, " + std::to_string(again.steps) + " again"});
    return finding;
  }
  if (once.has_failed == again.has_failed) return std::nullopt;
  return make_finding(again.has_failed
                          ? "passed, and failed when the same schedule ran again, by the same "
                            "operations"
                          : "failed, and passed when the same schedule ran again, by the same "
                            "operations");
}

Finding find_difference_without_log(const Conduct& once, const Conduct& again,
                                    const EventLog& log) {
  if (is_same(once, again))
    if (std::optional<Finding> finding = find_difference(once, again)) return *finding;
  const std::optional<OtherStep> other = first_other_step(once.schedule, again.schedule);
  std::string what = "a step was another operation, or on another object,";
  if (other) {
    what = other->task == 0 ? "a timer fires there"
                            : task_in_words(log, other->task) + "'s step " +
                                  std::to_string(other->step) + " is made there";
    what += other->is_only_once ? " only once, and not" : " only";
  }
  Finding finding = make_finding(what + " when the same schedule runs again");
  if (other) finding.task = TaskId{other->task};
  finding.reason.insert(
      finding.reason.begin(),
      {"what it was is not known, as no log was kept of the first time; " +
       std::to_string(once.steps) + " steps once, " + std::to_string(again.steps) + " again"});
  return finding;
}

}  // namespace chantrace::detail
