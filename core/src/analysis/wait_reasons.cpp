#include "wait_reasons.h"

#include <algorithm>
#include <string_view>

namespace chantrace {
namespace {

constexpr std::uint32_t kNone = StateIndex::kNone;

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

bool used_by(const ObjectState& object, TaskId user, bool as_taker) {
  const std::vector<TaskId>& users = as_taker ? object.takers : object.givers;
  return std::find(users.begin(), users.end(), user) != users.end();
}

}  // namespace

std::string WaitReasons::fate_text(const TaskState& user) const {
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
  if (user.is_body && (index_.state().body_ended || user.status == TaskStatus::kEnded))
    return "has left the test body";
  if (user.status == TaskStatus::kRunning) return "still runs";
  return "is parked in " + waits_text(index_, user, false) + at(user.waiting_at);
}

std::vector<std::string> WaitReasons::open_reason(const TaskState& waiting,
                                                  const Wait& wait) const {
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

std::vector<std::string> WaitReasons::lock_reason(const TaskState& waiting, const Wait& wait,
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
    std::string line =
        what + " is held" + how + " by " + full_name_of(index_, holder.task) + since(holder.since);
    if (const TaskState* const by = index_.task(holder.task); by != nullptr)
      line += ", which " + fate_text(*by);
    lines.push_back(line);
  }
  if (lines.empty()) lines.push_back("a writer waits for " + what + ", and writers go first");
  return lines;
}

std::vector<std::string> WaitReasons::wait_reason(const TaskState& waiting, const Wait& wait,
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
  if (object != nullptr && wait.operation == Operation::kConditionWait && object->lost_signals > 0)
    lines.push_back(lost_signal_text(*object));
  return lines;
}

std::string WaitReasons::lost_signal_text(const ObjectState& object) const {
  std::string line = "a signal came before it waited: notify";
  if (to_number(object.last_lost_by) != 0) line += " by " + name_of(index_, object.last_lost_by);
  line += at(object.last_lost_at) + " found nobody waiting";
  if (object.lost_signals > 1) line += " (the last of " + std::to_string(object.lost_signals) + ")";
  return line;
}

std::vector<std::string> WaitReasons::reason_of(std::uint32_t position) const {
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

std::vector<std::string> WaitReasons::doubt_of(std::uint32_t position) const {
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

std::size_t WaitReasons::find_edge(std::uint32_t from, std::uint32_t to) const {
  const std::vector<WaitRule>& rules = graph_.rules(from);
  const auto edge = std::find_if(rules.begin(), rules.end(), [to](const WaitRule& rule) {
    return std::find(rule.tasks.begin(), rule.tasks.end(), to) != rule.tasks.end();
  });
  return static_cast<std::size_t>(edge - rules.begin());
}

std::string WaitReasons::edge_text(std::uint32_t from, std::uint32_t to) const {
  const std::size_t edge = find_edge(from, to);
  if (edge == graph_.rules(from).size()) return "waits for " + name(to);
  const Wait& wait = task(from).waits[edge];
  if (wait.operation == Operation::kTaskJoin) return "waits for " + name(to) + " to end";
  const std::string what = name_of(index_, wait.object);
  if (graph_.rules(from)[edge].kind == WaitRule::Kind::kAny) {
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

std::string WaitReasons::short_edge_text(std::uint32_t from, std::uint32_t to) const {
  const std::size_t edge = find_edge(from, to);
  if (edge == graph_.rules(from).size()) return "for " + name(to);
  const Wait& wait = task(from).waits[edge];
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

}  // namespace chantrace
