/// \file
/// A finding is something wrong that a run or a trace shows, as plain data. Reporters only print.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "chantrace/end_state.h"

namespace chantrace {

/// What is wrong. The names of `to_string` are stable: they stand in JSON, flags and SARIF.
enum class FindingKind : std::uint8_t {
  kDeadlock,      ///< "deadlock": tasks that wait for each other in a cycle.
  kBlocked,       ///< "blocked": the test's body, or a host thread, waits and nothing can wake it.
  kLeaked,        ///< "leaked": a task that is still alive when the test's body has ended.
  kException,     ///< "exception": a task ended by an exception.
  kMutexHeld,     ///< "mutex_held": a lock whose holder has ended, or that the body still holds.
  kSendOnClosed,  ///< "send_on_closed"
  kDoubleClose,   ///< "double_close": close of a closed or a nil channel.
  kNegativeWaitGroup,  ///< "negative_wait_group"
  kMisuse,             ///< "misuse": any other broken rule, such as unlock of an unlocked mutex.
  kForeignUnlock,      ///< "foreign_unlock" (note): unlocked by a task that did not lock it.
  kValueLeft,          ///< "value_left" (note): a value that was sent and never received.
  kLockOrder,          ///< "lock_order": two orders of taking locks that can deadlock.
  kLostSignal,         ///< "lost_signal": waits on a condition whose signal came before the wait.
  kRace,               ///< "race": a data race on a shared variable.
  kStepLimit,          ///< "step_limit"
  kDivergence,         ///< "divergence": what ran again under its schedule was not the same.
  kForeignThread,      ///< "foreign_thread": a thread that the library cannot schedule.
  kInconsistent,       ///< "inconsistent": the trace contradicts itself; it was damaged.
  kUncertain,          ///< "uncertain": events were lost, so this much is not known.
};

/// It is about tasks that wait, or are still there.
constexpr bool is_about_waiting(FindingKind kind) {
  return kind == FindingKind::kDeadlock || kind == FindingKind::kBlocked ||
         kind == FindingKind::kLeaked || kind == FindingKind::kLostSignal;
}

/// It is about what is left at the end of an execution: nothing is known of that where the
/// execution was cut.
constexpr bool is_about_what_is_left(FindingKind kind) {
  return is_about_waiting(kind) || kind == FindingKind::kMutexHeld;
}

enum class Certainty : std::uint8_t { kCertain, kPossible, kNote };

/// A place that a finding points to, and the part it plays ("blocked", "started", "created", "held
/// since").
struct FindingSite {
  std::string role;
  Site site;

  friend bool operator==(const FindingSite&, const FindingSite&) = default;
};

/// A task that takes part in a finding, in words that stand alone.
struct Participant {
  TaskId task{};
  std::string label;
  std::string text;  ///< "parked in send on \"results\" (int, unbuffered), its operation 3"
  Site site;         ///< Where it waits, or last was.
  Site started_at;
  std::string started_by;  ///< The name of its parent, where that is known.

  friend bool operator==(const Participant&, const Participant&) = default;
};

/// Threads: a plain value.
struct Finding {
  FindingKind kind = FindingKind::kUncertain;
  Certainty certainty = Certainty::kCertain;
  TaskId task{};      ///< The task it is about; the first of a cycle.
  ObjectId object{};  ///< The object it is about, or 0.
  /// One line: what is wrong, with names: "worker-2 leaked, blocked for ever in send on
  /// \"results\"".
  std::string summary;
  /// The tasks that are stuck: for a deadlock those of the cycle, in its order.
  std::vector<Participant> participants;
  /// Tasks that are stuck only because these are.
  std::vector<Participant> behind;
  /// Why nothing can help, a line each, in words.
  std::vector<std::string> reason;
  /// The most telling place first.
  std::vector<FindingSite> sites;

  friend bool operator==(const Finding&, const Finding&) = default;
};

/// Tasks go on for ever and get nowhere, which is no better than being blocked. Any other
/// `kStepLimit` may only be slow.
inline bool is_livelock(const Finding& finding) {
  return finding.kind == FindingKind::kStepLimit && finding.certainty == Certainty::kCertain;
}

std::string_view to_string(FindingKind kind);
/// The kind that `to_string` names so; nullopt for any other text.
std::optional<FindingKind> parse_finding_kind(std::string_view name);
std::string_view to_string(Certainty certainty);

/// What is wrong at an end: deadlocks, blocked and leaked tasks, locks held, lost signals,
/// exceptions, misuse, values left. Sorted: certain first, then by task.
///
/// Cost: linear in tasks, waits and users.
std::vector<Finding> analyze(const EndState& state);

/// A task that waits while others may go on.
struct WaitingTask {
  enum class Outlook : std::uint8_t {
    kGoesOn,    ///< Something that can still happen would wake it.
    kUnknown,   ///< Nobody has done yet what would wake it; a task that runs may.
    kDoubtful,  ///< Those who did that before are over or stuck; another one would have to.
    kStuck,     ///< Nothing can wake it.
  };
  TaskId task{};
  Outlook outlook = Outlook::kGoesOn;
  std::string what;                 ///< "recv on \"jobs\" (int, unbuffered)"
  std::vector<std::string> reason;  ///< Why it waits, a line for each thing to know.
};

/// All tasks of `state` that wait, by id.
///
/// Cost: linear in tasks, waits and users.
std::vector<WaitingTask> waiting_tasks(const EndState& state);

/// Whether one of `findings` is a deadlock of that order of locks, of kind `kLockOrder`: what could
/// happen did.
bool has_come_true(const Finding& lock_order, const std::vector<Finding>& findings);

/// The same for the same failure, whichever schedule and task showed it: the kind, and where those
/// wait, or stand, that it is about ("deadlock pool.cpp:95 pool.cpp:109"), or what an exception
/// says, but for its numbers. Files are named without their folders, so that other machines come to
/// the same.
std::string fingerprint(const Finding& finding);

/// A finding as text for a person, several lines, without colour, ending in a newline:
/// see docs/output.md for the form. `indent` spaces start each line.
std::string to_text(const Finding& finding, int indent = 2);

/// "2 tasks leaked, ..." - the one line that stands at the head of several findings.
std::string summarize(const std::vector<Finding>& findings);

}  // namespace chantrace
