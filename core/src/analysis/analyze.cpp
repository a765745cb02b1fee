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
#include "misuse_findings.h"
#include "wait_graph.h"
#include "wait_reasons.h"
#include "words.h"

namespace chantrace {
namespace {

constexpr std::uint32_t kNone = StateIndex::kNone;
/// Tasks that one line of a reason names.
constexpr std::size_t kNamesShownMax = 3;
/// Tasks of a circle that a summary spells out.
constexpr std::size_t kCircleShownMax = 3;

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
      add_grouped(FindingKind::kLeaked, Certainty::kPossible, i, reasons_.doubt_of(i));
    }
  }

  std::uint32_t add_blocked(std::uint32_t position) {
    const TaskState& waiting = task(position);
    const bool is_certain = graph_.fate(position) == Fate::kStuck;
    FindingKind kind = state_.body_ended ? FindingKind::kLeaked : FindingKind::kBlocked;
    if (!state_.body_ended && has_lost_signal(waiting)) kind = FindingKind::kLostSignal;
    std::vector<std::string> reason = reasons_.reason_of(position);
    for (std::string& line : reasons_.doubt_of(position)) reason.push_back(std::move(line));
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
        finding.summary +=
            name(from) + (i == 0 ? " waits " : " ") + reasons_.short_edge_text(from, to);
      }
      if (finding.reason.size() < kReasonMax)
        finding.reason.push_back(name(from) + " " + reasons_.edge_text(from, to));
      // A select waits for more than the next in the circle; those ways lead nowhere either.
      if (task(from).waits.size() > 1 && finding.reason.size() < kReasonMax)
        finding.reason.push_back("  and the other cases of its select cannot come either");
      if (has_lost_signal(task(from)))
        finding.reason.push_back(
            "  " + reasons_.lost_signal_text(*index_.object(task(from).waits.front().object)));
    }
    if (circle.size() > kCircleShownMax)
      finding.summary += " and " + std::to_string(circle.size() - kCircleShownMax) + " more";
    for (std::string& line : reasons_.doubt_of(circle.front()))
      finding.reason.push_back(std::move(line));
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
                          ", which " + reasons_.fate_text(task(position));
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
                       reasons_.fate_text(task(position));
    participant.site = {};
    return participant;
  }

  void find_misuses() {
    for (const Misuse& misuse : state_.misuses) {
      findings_.push_back(describe(misuse, index_));
      if (misuse.escaped) escaped_.push_back(to_number(misuse.task));
    }
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
          takers.push_back(full_name_of(index_, taker) + " " + reasons_.fate_text(*by));
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
  const WaitReasons reasons_{index_, graph_};
  std::vector<Finding> findings_;
  std::map<GroupKey, std::uint32_t> groups_;
  std::vector<std::uint32_t> explained_;  // Objects that a finding about waiting tells of.
  std::vector<std::uint32_t> escaped_;    // Tasks whose exception is told of as a misuse.
};

}  // namespace

std::vector<Finding> analyze(const EndState& state) { return Analysis(state).run(); }

}  // namespace chantrace
