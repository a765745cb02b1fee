// Findings from the state at an end.
//
// What can go on is a least fixed point over the wait-for graph. What is left is stuck, and its
// terminal strongly connected components are the causes: a circle is a deadlock, a single task
// waits for what nobody is left to give. All other stuck tasks are behind those. Source: Holt,
// "Some deadlock properties of computer systems", 1972, for graphs with both kinds of waits (for
// all of several tasks, and for any of them).

#include <algorithm>
#include <cctype>
#include <map>
#include <string>
#include <tuple>

#include "chantrace/finding.h"
#include "foreign_use.h"
#include "wait_graph.h"
#include "words.h"

namespace chantrace {
namespace {

constexpr std::uint32_t kNone = StateIndex::kNone;
/// Tasks that one line of a reason names.
constexpr std::size_t kNamesShownMax = 3;
/// Users of an object that a reason tells the fate of, a line each.
constexpr std::size_t kUsersShownMax = 4;
/// Tasks of a circle that a summary spells out.
constexpr std::size_t kCircleShownMax = 3;
/// Lines of reason that a finding keeps.
constexpr std::size_t kReasonMax = 24;

/// `text` with every number made "#", so that "worker-1" and "worker-2" are alike.
std::string pattern_of(std::string_view text) {
  std::string pattern;
  for (const char c : text) {
    if (std::isdigit(static_cast<unsigned char>(c)) == 0)
      pattern += c;
    else if (pattern.empty() || pattern.back() != '#')
      pattern += '#';
  }
  return pattern;
}

/// What a user of an object does there, in the words of a reason.
struct RoleWords {
  std::string_view can;   ///< "receive from", after "nothing that still runs can".
  std::string_view ever;  ///< "received from", after "no task has ever".
  std::string_view only;  ///< "its only receiver".
  std::string_view more;  ///< After the object's name: " or close it".
};

RoleWords role_words(Operation operation) {
  switch (operation) {
    case Operation::kSend:
      return {"receive from", "received from", "its only receiver", ""};
    case Operation::kReceive:
    case Operation::kRange:
      return {"send on", "sent on", "its only sender", " or close it"};
    case Operation::kConditionWait:
      return {"notify", "notified", "the only one to notify it", ""};
    case Operation::kWaitGroupWait:
      return {"call done() on", "called done() on", "the only one to count on it", ""};
    case Operation::kSemaphoreAcquire:
      return {"release", "used", "its only other user", ""};
    default:
      break;
  }
  return {"act on", "acted on", "its only other user", ""};
}

class Analysis {
 public:
  explicit Analysis(const EndState& state) : state_(state), index_(state), graph_(index_) {}

  std::vector<Finding> run() {
    if (state_.foreign_use) {
      // What waits may wait for that thread, which was held up.
      findings_.push_back(describe(*state_.foreign_use, index_));
    } else {
      find_stuck();
      if (state_.body_ended) find_alive();
      find_locks_held();
    }
    find_misuses();
    find_exceptions();
    if (state_.body_ended) find_values_left();
    for (Finding& finding : findings_) soften(finding);
    std::stable_sort(findings_.begin(), findings_.end(), [](const Finding& a, const Finding& b) {
      return std::tuple(a.certainty, to_number(a.task)) <
             std::tuple(b.certainty, to_number(b.task));
    });
    return std::move(findings_);
  }

 private:
  const TaskState& task(std::uint32_t position) const { return state_.tasks[position]; }
  std::string name(std::uint32_t position) const { return name_of(index_, task(position).id); }
  std::string full_name(std::uint32_t position) const {
    return full_name_of(index_, task(position).id);
  }

  // Reasons.

  /// "ended at pool.cpp:112", "has left the test body", "is parked in lock of mu at pool.cpp:5".
  std::string fate_text(const TaskState& user) const {
    switch (user.status) {
      case TaskStatus::kEnded:
        if (!user.is_body) return "ended" + at(user.ended_at);
        break;
      case TaskStatus::kEndedByException:
        return "ended by an exception" + at(user.ended_at);
      case TaskStatus::kCancelled:
        return "was unwound" + at(user.ended_at);
      case TaskStatus::kRunning:
      case TaskStatus::kParked:
        break;
    }
    if (user.is_body && (state_.body_ended || user.status == TaskStatus::kEnded))
      return "has left the test body";
    if (user.status == TaskStatus::kRunning) return "still runs";
    return "is parked in " + waits_text(index_, user, false) + at(user.waiting_at);
  }

  /// Which tasks have given to (or taken from) the object that `wait` is at, and what became of
  /// them.
  std::vector<std::string> open_reason(const TaskState& waiting, const Wait& wait) const {
    const RoleWords words = role_words(wait.operation);
    const std::string what = name_of(index_, wait.object);
    const ObjectState* const object = index_.object(wait.object);
    const bool wants_taker = wait.operation == Operation::kSend;
    std::vector<TaskId> users;
    bool has_more = false;
    TaskId last{};
    if (object != nullptr) {
      users = wants_taker ? object->takers : object->givers;
      has_more = wants_taker ? object->has_more_takers : object->has_more_givers;
      last = wants_taker ? object->last_taker : object->last_giver;
      if (wait.operation == Operation::kSemaphoreAcquire) {
        for (const TaskId taker : object->takers)
          if (std::find(users.begin(), users.end(), taker) == users.end()) users.push_back(taker);
        has_more |= object->has_more_takers;
      }
    }
    std::erase(users, waiting.id);
    // Among many, the one who could have helped last is the most telling.
    const bool has_last =
        to_number(last) != 0 && last != waiting.id && (users.size() > 1 || has_more);
    if (has_last) {
      std::erase(users, last);
      users.insert(users.begin(), last);
    }

    std::vector<std::string> lines;
    if (wait.operation == Operation::kWaitGroupWait && object != nullptr)
      lines.push_back("the count of " + what + " is " + std::to_string(object->count));
    if (users.empty() && !has_more) {
      lines.push_back("no " +
                      std::string(object != nullptr && used_by(*object, waiting.id, wants_taker)
                                      ? "other task"
                                      : "task") +
                      " has ever " + std::string(words.ever) + " " + what +
                      (words.more.empty() ? "" : " or closed it"));
      return lines;
    }
    lines.push_back("nothing that still runs can " + std::string(words.can) + " " + what +
                    std::string(words.more) + ":");
    const std::size_t shown = std::min(users.size(), kUsersShownMax);
    for (std::size_t i = 0; i < shown; ++i) {
      std::string line = "  " + full_name_of(index_, users[i]);
      if (users.size() == 1 && !has_more) line += ", " + std::string(words.only) + ",";
      if (has_last && i == 0) line += ", the last that " + std::string(words.ever) + " it,";
      const TaskState* const user = index_.task(users[i]);
      lines.push_back(line + " " + (user == nullptr ? "is not known any more" : fate_text(*user)));
    }
    if (has_more)
      lines.push_back("  and others that have used it; none of them can go on");
    else if (shown < users.size())
      lines.push_back("  and " + counted(users.size() - shown, "other") + ", which cannot either");
    return lines;
  }

  static bool used_by(const ObjectState& object, TaskId user, bool as_taker) {
    const std::vector<TaskId>& users = as_taker ? object.takers : object.givers;
    return std::find(users.begin(), users.end(), user) != users.end();
  }

  std::vector<std::string> lock_reason(const TaskState& waiting, const Wait& wait,
                                       const ObjectState& object) const {
    const std::string what = name_of(index_, wait.object);
    std::vector<std::string> lines;
    for (const Holder& holder : object.holders) {
      if (wait.operation == Operation::kLockShared && holder.is_shared) continue;
      if (lines.size() == kUsersShownMax) {
        lines.push_back("and others hold " + what + " as well");
        break;
      }
      const std::string how = holder.is_shared ? " shared" : "";
      if (holder.task == waiting.id) {
        lines.push_back("it holds " + what + how + " itself" + since(holder.since));
        continue;
      }
      std::string line = what + " is held" + how + " by " + full_name_of(index_, holder.task) +
                         since(holder.since);
      if (const TaskState* const by = index_.task(holder.task); by != nullptr)
        line += ", which " + fate_text(*by);
      lines.push_back(line);
    }
    if (lines.empty()) lines.push_back("a writer waits for " + what + ", and writers go first");
    return lines;
  }

  std::vector<std::string> wait_reason(const TaskState& waiting, const Wait& wait,
                                       const WaitRule& rule) const {
    const ObjectState* const object = index_.object(wait.object);
    if (wait.is_nil_channel)
      return {"the channel is nil: nothing can ever be sent or received on it"};
    if (wait.operation == Operation::kTaskJoin) {
      const TaskState* const joined = index_.task(wait.task);
      if (wait.task == waiting.id) return {"it waits for its own end"};
      return {full_name_of(index_, wait.task) +
              (joined == nullptr ? " is not known" : " " + fate_text(*joined))};
    }
    if (rule.kind == WaitRule::Kind::kReady) {
      if (wait.has_deadline || wait.operation == Operation::kSleep ||
          (object != nullptr && object->timer_is_pending))
        return {"a timer will end it"};
      return {"nothing stands in its way at " + name_of(index_, wait.object)};
    }
    if (object != nullptr && object->is_destroyed)
      return {name_of(index_, wait.object) + " has been destroyed while it was waited for"};
    if (object != nullptr && rule.kind == WaitRule::Kind::kAll)
      return lock_reason(waiting, wait, *object);

    std::vector<std::string> lines = open_reason(waiting, wait);
    if (object != nullptr && wait.operation == Operation::kConditionWait &&
        object->lost_signals > 0)
      lines.push_back(lost_signal_text(*object));
    return lines;
  }

  std::string lost_signal_text(const ObjectState& object) const {
    std::string line = "a signal came before it waited: notify";
    if (to_number(object.last_lost_by) != 0) line += " by " + name_of(index_, object.last_lost_by);
    line += at(object.last_lost_at) + " found nobody waiting";
    if (object.lost_signals > 1)
      line += " (the last of " + std::to_string(object.lost_signals) + ")";
    return line;
  }

  std::vector<std::string> reason_of(std::uint32_t position) const {
    const TaskState& waiting = task(position);
    if (waiting.status != TaskStatus::kParked) return {};
    if (waiting.waits.empty())
      return {waiting.is_select ? "a select without cases waits for ever"
                                : "what it waits for is not known"};
    const std::vector<WaitRule>& rules = graph_.rules(position);
    std::vector<std::string> lines;
    for (std::size_t i = 0; i < waiting.waits.size(); ++i) {
      if (lines.size() >= kReasonMax) {
        lines.push_back("... and so for " + counted(waiting.waits.size() - i, "more case"));
        break;
      }
      for (std::string& line : wait_reason(waiting, waiting.waits[i], rules[i]))
        lines.push_back(std::move(line));
    }
    return lines;
  }

  /// Why a task that is not stuck for sure might still go on.
  std::vector<std::string> doubt_of(std::uint32_t position) const {
    if (graph_.fate(position) == Fate::kDoubtful) {
      const std::uint32_t other = graph_.first_that_goes_on();
      if (other == kNone) return {};  // Foreign threads, which `soften` tells of.
      return {full_name(other) + " can still go on, and might yet help: it " +
              fate_text(task(other))};
    }
    if (graph_.fate(position) != Fate::kGoesOn) return {};
    const TaskState& waiting = task(position);
    const std::vector<WaitRule>& rules = graph_.rules(position);
    for (std::size_t i = 0; i < rules.size(); ++i) {
      if (rules[i].kind == WaitRule::Kind::kReady)
        return wait_reason(waiting, waiting.waits[i], rules[i]);
      for (const std::uint32_t other : rules[i].tasks)
        if (graph_.fate(other) == Fate::kGoesOn)
          return {full_name(other) + " could still wake it: it " + fate_text(task(other))};
    }
    return {};
  }

  // Findings about tasks that wait.

  void find_stuck() {
    const std::size_t count = state_.tasks.size();
    std::vector<bool> is_member(count, false);
    const bool may_judge_doubtful = state_.body_ended || graph_.first_that_goes_on() == kNone;
    for (std::uint32_t i = 0; i < count; ++i) {
      const Fate fate = graph_.fate(i);
      is_member[i] = fate == Fate::kStuck || (fate == Fate::kDoubtful && may_judge_doubtful);
    }
    const auto roots = graph_.roots(is_member);
    const auto root_behind = graph_.root_behind(roots, is_member);
    std::vector<std::vector<std::uint32_t>> behind(roots.size());
    std::vector<std::uint32_t> finding_of(roots.size(), kNone);
    std::vector<std::vector<std::uint32_t>> circles(roots.size());
    for (std::uint32_t root = 0; root < roots.size(); ++root) {
      if (roots[root].size() > 1 || graph_.waits_for_itself(roots[root].front()))
        circles[root] = graph_.cycle(roots[root]);
    }
    std::vector<bool> is_head(count, false);
    for (std::uint32_t root = 0; root < roots.size(); ++root)
      for (const std::uint32_t head : circles[root].empty() ? roots[root] : circles[root])
        is_head[head] = true;
    for (std::uint32_t i = 0; i < count; ++i)
      if (root_behind[i] != kNone && !is_head[i]) behind[root_behind[i]].push_back(i);
    for (std::uint32_t root = 0; root < roots.size(); ++root) {
      finding_of[root] =
          circles[root].empty() ? add_blocked(roots[root].front()) : add_deadlock(circles[root]);
      for (const std::uint32_t i : behind[root])
        findings_[finding_of[root]].behind.push_back(make_participant(index_, task(i)));
    }
  }

  /// Tasks that are alive when the body has ended, and that could still go on.
  void find_alive() {
    for (std::uint32_t i = 0; i < state_.tasks.size(); ++i) {
      if (graph_.fate(i) != Fate::kGoesOn) continue;
      // A host thread that runs is its owner's business: test programs have some that outlive
      // tests.
      if ((task(i).is_host || task(i).is_older) && task(i).status == TaskStatus::kRunning) continue;
      add_grouped(FindingKind::kLeaked, Certainty::kPossible, i, doubt_of(i));
    }
  }

  std::uint32_t add_blocked(std::uint32_t position) {
    const TaskState& waiting = task(position);
    const bool is_certain = graph_.fate(position) == Fate::kStuck;
    FindingKind kind = state_.body_ended ? FindingKind::kLeaked : FindingKind::kBlocked;
    if (!state_.body_ended && has_lost_signal(waiting)) kind = FindingKind::kLostSignal;
    std::vector<std::string> reason = reason_of(position);
    for (std::string& line : doubt_of(position)) reason.push_back(std::move(line));
    for (const Wait& wait : waiting.waits) explained_.push_back(to_number(wait.object));
    return add_grouped(kind, is_certain ? Certainty::kCertain : Certainty::kPossible, position,
                       std::move(reason));
  }

  bool has_lost_signal(const TaskState& waiting) const {
    return std::any_of(waiting.waits.begin(), waiting.waits.end(), [&](const Wait& wait) {
      const ObjectState* const object = index_.object(wait.object);
      return wait.operation == Operation::kConditionWait && object != nullptr &&
             object->lost_signals > 0;
    });
  }

  /// Tasks alike in name, place, wait and reason share one finding, so that thousands stay
  /// readable.
  std::uint32_t add_grouped(FindingKind kind, Certainty certainty, std::uint32_t position,
                            std::vector<std::string> reason) {
    const TaskState& waiting = task(position);
    std::string reasons;
    for (const std::string& line : reason) reasons += pattern_of(line) + "\n";
    GroupKey key{
        kind,
        certainty,
        pattern_of(name(position)),
        place(waiting.started_at),
        place(waiting.waiting_at),
        pattern_of(waiting.status == TaskStatus::kParked ? waits_text(index_, waiting, true)
                                                         : "running"),
        std::move(reasons)};
    const auto [known, is_new] =
        groups_.try_emplace(std::move(key), static_cast<std::uint32_t>(findings_.size()));
    if (is_new) {
      Finding& finding = findings_.emplace_back();
      finding.kind = kind;
      finding.certainty = certainty;
      finding.task = waiting.id;
      if (!waiting.waits.empty()) finding.object = waiting.waits.front().object;
      finding.reason = std::move(reason);
      add_site(finding, "blocked", waiting.waiting_at);
      add_object_sites(finding, waiting);
      add_site(finding, "started", waiting.started_at);
    }
    Finding& finding = findings_[known->second];
    finding.participants.push_back(make_participant(index_, waiting));
    finding.summary = group_summary(finding, waiting);
    return known->second;
  }

  std::string group_summary(const Finding& finding, const TaskState& waiting) const {
    const std::size_t count = finding.participants.size();
    std::string who = finding.participants.front().label;
    if (count > 1) who = counted(count, "task");
    std::string text;
    if (waiting.status != TaskStatus::kParked) {
      text = who + " leaked, still running";
    } else {
      const std::string where =
          waits_text(index_, count > 1 ? *index_.task(finding.task) : waiting, false);
      if (finding.kind == FindingKind::kLeaked)
        text = who + " leaked, " +
               (finding.certainty == Certainty::kCertain ? "blocked for ever in " : "waiting in ") +
               where;
      else if (finding.kind == FindingKind::kLostSignal)
        text = who + " missed the signal and " + (count > 1 ? "are" : "is") +
               " blocked for ever in " + where;
      else
        text = who + (count > 1 ? " are" : " is") + " blocked for ever in " + where;
    }
    if (count == 1) return text;
    text += ": ";
    const std::size_t shown = std::min(count, kNamesShownMax);
    for (std::size_t i = 0; i < shown; ++i) {
      if (i > 0) text += i + 1 == count ? " and " : ", ";
      text += finding.participants[i].label;
    }
    if (shown < count) text += " and " + std::to_string(count - shown) + " more";
    return text;
  }

  void add_object_sites(Finding& finding, const TaskState& waiting) const {
    for (const Wait& wait : waiting.waits) {
      const ObjectState* const object = index_.object(wait.object);
      if (object == nullptr) continue;
      for (const Holder& holder : object->holders)
        if (finding.sites.size() < kUsersShownMax) add_site(finding, "held since", holder.since);
      if (wait.operation == Operation::kConditionWait)
        add_site(finding, "signal lost", object->last_lost_at);
      if (finding.sites.size() < 2 * kUsersShownMax)
        add_site(finding, "created", object->created_at);
    }
  }

  /// Why `from` waits for `to`: "waits for mu, held by worker-2 since a.cpp:12".
  std::string edge_text(std::uint32_t from, std::uint32_t to) const {
    const TaskState& waiting = task(from);
    const std::vector<WaitRule>& rules = graph_.rules(from);
    for (std::size_t i = 0; i < rules.size(); ++i) {
      const Wait& wait = waiting.waits[i];
      if (std::find(rules[i].tasks.begin(), rules[i].tasks.end(), to) == rules[i].tasks.end())
        continue;
      if (wait.operation == Operation::kTaskJoin) return "waits for " + name(to) + " to end";
      const std::string what = name_of(index_, wait.object);
      if (rules[i].kind == WaitRule::Kind::kAny) {
        const RoleWords words = role_words(wait.operation);
        return "waits in " + wait_text(index_, wait, false) + " for " + name(to) + ", which has " +
               std::string(words.ever) + " it before";
      }
      const ObjectState* const object = index_.object(wait.object);
      for (const Holder& holder : object->holders)
        if (holder.task == task(to).id)
          return "waits for " + what + ", held" + (holder.is_shared ? " shared" : "") + " by " +
                 (from == to ? "itself" : name(to)) + since(holder.since);
      return "waits for " + what + " behind " + name(to) + ", a writer that waits for it too";
    }
    return "waits for " + name(to);
  }

  std::string short_edge_text(std::uint32_t from, std::uint32_t to) const {
    const TaskState& waiting = task(from);
    const std::vector<WaitRule>& rules = graph_.rules(from);
    for (std::size_t i = 0; i < rules.size(); ++i) {
      const Wait& wait = waiting.waits[i];
      if (std::find(rules[i].tasks.begin(), rules[i].tasks.end(), to) == rules[i].tasks.end())
        continue;
      const std::string what = name_of(index_, wait.object);
      switch (wait.operation) {
        case Operation::kTaskJoin:
          return "for " + name(to) + " to end";
        case Operation::kSend:
          return "for " + name(to) + " to receive from " + what;
        case Operation::kReceive:
        case Operation::kRange:
          return "for " + name(to) + " to send on " + what;
        case Operation::kLock:
        case Operation::kLockShared:
          return "for " + what + " held by " + (from == to ? "itself" : name(to));
        default:
          return "for " + name(to) + " at " + what;
      }
    }
    return "for " + name(to);
  }

  std::uint32_t add_deadlock(const std::vector<std::uint32_t>& circle) {
    const auto number = static_cast<std::uint32_t>(findings_.size());
    Finding& finding = findings_.emplace_back();
    finding.kind = FindingKind::kDeadlock;
    finding.task = task(circle.front()).id;
    if (!task(circle.front()).waits.empty())
      finding.object = task(circle.front()).waits.front().object;
    finding.summary = "deadlock";
    finding.summary += circle.size() > kCircleShownMax
                           ? " of " + counted(circle.size(), "task") + ": "
                           : std::string(": ");
    for (std::size_t i = 0; i < circle.size(); ++i) {
      const std::uint32_t from = circle[i];
      const std::uint32_t to = circle[(i + 1) % circle.size()];
      finding.participants.push_back(make_participant(index_, task(from)));
      if (graph_.fate(from) != Fate::kStuck) finding.certainty = Certainty::kPossible;
      for (const Wait& wait : task(from).waits) explained_.push_back(to_number(wait.object));
      if (i < kCircleShownMax) {
        if (i > 0) finding.summary += ", ";
        finding.summary += name(from) + (i == 0 ? " waits " : " ") + short_edge_text(from, to);
      }
      if (finding.reason.size() < kReasonMax)
        finding.reason.push_back(name(from) + " " + edge_text(from, to));
      // A select waits for more than the next in the circle; those ways lead nowhere either.
      if (task(from).waits.size() > 1 && finding.reason.size() < kReasonMax)
        finding.reason.push_back("  and the other cases of its select cannot come either");
      if (has_lost_signal(task(from)))
        finding.reason.push_back("  " +
                                 lost_signal_text(*index_.object(task(from).waits.front().object)));
    }
    if (circle.size() > kCircleShownMax)
      finding.summary += " and " + std::to_string(circle.size() - kCircleShownMax) + " more";
    for (std::string& line : doubt_of(circle.front())) finding.reason.push_back(std::move(line));
    for (const std::uint32_t i : circle) add_site(finding, "blocked", task(i).waiting_at);
    for (const std::uint32_t i : circle)
      if (finding.sites.size() < 2 * kReasonMax) add_object_sites(finding, task(i));
    for (const std::uint32_t i : circle) add_site(finding, "started", task(i).started_at);
    return number;
  }

  // Other findings.

  void find_locks_held() {
    std::sort(explained_.begin(), explained_.end());
    for (const ObjectState& object : state_.objects) {
      if (object.holders.empty()) continue;
      if (object.kind != ObjectKind::kMutex && object.kind != ObjectKind::kSharedMutex) continue;
      if (std::binary_search(explained_.begin(), explained_.end(), to_number(object.id))) continue;
      for (const Holder& holder : object.holders) {
        const std::uint32_t position = index_.task_index(holder.task);
        if (position == kNone || graph_.fate(position) != Fate::kOver) continue;
        Finding finding;
        finding.kind = FindingKind::kMutexHeld;
        finding.task = holder.task;
        finding.object = object.id;
        finding.summary = name_of(index_, object.id) + " is still held" +
                          (holder.is_shared ? " shared" : "") + " by " + name(position) +
                          ", which " + fate_text(task(position));
        finding.participants.push_back(holder_participant(position, object, holder));
        finding.reason.push_back("nobody else should unlock " + name_of(index_, object.id) +
                                 "; whoever locks it next waits for ever");
        add_site(finding, "held since", holder.since);
        add_site(finding, "ended", task(position).ended_at);
        add_site(finding, "created", object.created_at);
        findings_.push_back(std::move(finding));
      }
    }
  }

  Participant holder_participant(std::uint32_t position, const ObjectState& object,
                                 const Holder& holder) const {
    Participant participant = make_participant(index_, task(position));
    participant.text = "locked " + described(index_, object.id) + since(holder.since) + ", and " +
                       fate_text(task(position));
    participant.site = {};
    return participant;
  }

  void find_misuses() {
    for (const Misuse& misuse : state_.misuses) {
      Finding finding;
      finding.task = misuse.task;
      finding.object = misuse.object;
      const bool has_object = to_number(misuse.object) != 0;
      const std::string who = name_of(index_, misuse.task);
      const std::string what = has_object ? name_of(index_, misuse.object) : "";
      std::string doing;
      switch (misuse.kind) {
        case Misuse::Kind::kSendOnClosed:
          finding.kind = FindingKind::kSendOnClosed;
          doing = "sent on " + (has_object ? what : "a channel") + " after it was closed";
          break;
        case Misuse::Kind::kCloseOfClosed:
          finding.kind = FindingKind::kDoubleClose;
          doing = "closed " + (has_object ? what : "a channel") + " a second time";
          break;
        case Misuse::Kind::kCloseOfNil:
          finding.kind = FindingKind::kDoubleClose;
          doing = "closed a nil channel";
          break;
        case Misuse::Kind::kNegativeWaitGroup:
          finding.kind = FindingKind::kNegativeWaitGroup;
          doing = "took the count of " + (has_object ? what : "a wait group") + " below zero";
          break;
        case Misuse::Kind::kUnlockOfUnlocked:
          finding.kind = FindingKind::kMisuse;
          doing = "unlocked " + (has_object ? what : "a lock") + ", which nobody held";
          break;
        case Misuse::Kind::kForeignUnlock:
          finding.kind = FindingKind::kForeignUnlock;
          doing = "unlocked " + (has_object ? what : "a lock") + ", which another task had locked";
          break;
        case Misuse::Kind::kOther:
          finding.kind = FindingKind::kMisuse;
          doing = "broke a rule of " + (has_object ? what : "the library");
          break;
      }
      const bool is_note = misuse.kind == Misuse::Kind::kForeignUnlock || !misuse.escaped;
      finding.certainty = is_note ? Certainty::kNote : Certainty::kCertain;
      finding.summary = who + " " + doing;
      add_misuse_details(finding, misuse, doing);
      findings_.push_back(std::move(finding));
    }
  }

  void add_misuse_details(Finding& finding, const Misuse& misuse, const std::string& doing) {
    const ObjectState* const object = index_.object(misuse.object);
    if (const TaskState* const by = index_.task(misuse.task); by != nullptr) {
      Participant participant = make_participant(index_, *by);
      participant.text = doing;
      participant.site = misuse.site;
      finding.participants.push_back(std::move(participant));
      if (misuse.escaped) escaped_.push_back(to_number(misuse.task));
    }
    if (misuse.kind != Misuse::Kind::kForeignUnlock)
      finding.reason.push_back(misuse.escaped ? "the exception left the task"
                                              : "the exception was caught");
    add_site(finding, "misused", misuse.site);
    if (object != nullptr) add_site(finding, "created", object->created_at);
  }

  void find_exceptions() {
    std::sort(escaped_.begin(), escaped_.end());
    for (const TaskState& ended : state_.tasks) {
      if (ended.status != TaskStatus::kEndedByException) continue;
      if (std::binary_search(escaped_.begin(), escaped_.end(), to_number(ended.id))) continue;
      Finding finding;
      finding.kind = FindingKind::kException;
      finding.task = ended.id;
      finding.summary = name_of(index_, ended.id) + " ended by an exception";
      if (!ended.exception.empty()) finding.summary += ": " + ended.exception;
      finding.participants.push_back(make_participant(index_, ended));
      add_site(finding, "last operation", ended.ended_at);
      add_site(finding, "started", ended.started_at);
      findings_.push_back(std::move(finding));
    }
  }

  void find_values_left() {
    for (const ObjectState& object : state_.objects) {
      if (object.kind != ObjectKind::kChannel || object.size == 0) continue;
      Finding finding;
      finding.kind = FindingKind::kValueLeft;
      finding.certainty = Certainty::kNote;
      finding.object = object.id;
      if (!object.givers.empty()) finding.task = object.givers.front();
      finding.summary = counted(object.size, "value") + " sent on " + described(index_, object.id) +
                        (object.size == 1 ? " was" : " were") + " never received";
      std::vector<std::string> givers;
      for (const TaskId giver : object.givers) givers.push_back(name_of(index_, giver));
      if (object.has_more_givers) givers.push_back("others");
      if (!givers.empty()) finding.reason.push_back("sent on by " + listed(givers, kNamesShownMax));
      std::vector<std::string> takers;
      for (const TaskId taker : object.takers)
        if (const TaskState* const by = index_.task(taker); by != nullptr)
          takers.push_back(full_name_of(index_, taker) + " " + fate_text(*by));
      if (takers.empty() && !object.has_more_takers)
        finding.reason.push_back("no task has ever received from it");
      else
        finding.reason.push_back("received from by " + listed(takers, kNamesShownMax));
      add_site(finding, "created", object.created_at);
      findings_.push_back(std::move(finding));
    }
  }

  /// Says what the state cannot know, where that touches the finding.
  void soften(Finding& finding) const {
    if (finding.certainty == Certainty::kNote) return;
    const bool is_wait = is_about_waiting(finding.kind);
    if (is_wait && state_.foreign_threads > 0 && finding.certainty != Certainty::kCertain)
      finding.reason.push_back(counted(state_.foreign_threads, "thread") +
                               " that the library has never seen could still act");
    if (!state_.is_partial) return;
    if (!is_about_what_is_left(finding.kind)) return;
    finding.certainty = Certainty::kPossible;
    finding.reason.push_back("the record ends before the test does: what came after is not known");
  }

  struct GroupKey {
    FindingKind kind;
    Certainty certainty;
    std::string label;
    std::string started_at;
    std::string waiting_at;
    std::string waits;
    std::string reason;

    auto operator<=>(const GroupKey&) const = default;
  };

  const EndState& state_;
  const StateIndex index_;
  const WaitGraph graph_;
  std::vector<Finding> findings_;
  std::map<GroupKey, std::uint32_t> groups_;
  std::vector<std::uint32_t> explained_;  // Objects that a finding about waiting tells of.
  std::vector<std::uint32_t> escaped_;    // Tasks whose exception is told of as a misuse.
};

}  // namespace

std::vector<Finding> analyze(const EndState& state) { return Analysis(state).run(); }

}  // namespace chantrace
