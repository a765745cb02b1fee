#include "stall.h"

#include <algorithm>
#include <set>

namespace chantrace::notouch {
namespace {

const StalledThread* find(const std::vector<StalledThread>& stalled, pid_t id) {
  const auto found = std::lower_bound(
      stalled.begin(), stalled.end(), id,
      [](const StalledThread& thread, pid_t wanted) { return thread.id < wanted; });
  return found != stalled.end() && found->id == id ? &*found : nullptr;
}

bool waits_for_lock(const StalledThread& thread) {
  return thread.wait == Wait::kLock && !thread.has_timeout;
}

/// How the chain of holders ends that begins at a thread.
enum class ChainEnd { kGoesOn, kCycle, kGone, kWaitsElsewhere, kUnknown };

ChainEnd follow(const StalledThread& first, const std::vector<StalledThread>& stalled,
                const std::vector<pid_t>& threads) {
  const StalledThread* thread = &first;
  // Whoever makes more steps than there are threads has been somewhere twice.
  for (std::size_t steps = 0; steps <= stalled.size(); ++steps) {
    if (!thread->holder) return ChainEnd::kUnknown;
    const pid_t holder = *thread->holder;
    // Given back just now: the one who waits has been woken.
    if (holder == 0) return ChainEnd::kGoesOn;
    if (!std::binary_search(threads.begin(), threads.end(), holder)) return ChainEnd::kGone;
    thread = find(stalled, holder);
    if (thread == nullptr || thread->wait == Wait::kRunning) return ChainEnd::kGoesOn;
    if (!waits_for_lock(*thread)) return ChainEnd::kWaitsElsewhere;
  }
  return ChainEnd::kCycle;
}

std::string_view reason_of(ChainEnd end) {
  switch (end) {
    case ChainEnd::kCycle:
      return "they wait for locks in a cycle";
    case ChainEnd::kGone:
      return "they wait for a lock whose holder has ended";
    case ChainEnd::kWaitsElsewhere:
      return "they wait for a lock whose holder waits for something else";
    default:
      return "they wait for a lock that is not given back";
  }
}

/// A handler of a signal may post a semaphore and wake a futex, and no more.
bool is_closed(const StalledThread& thread) {
  if (thread.has_timeout || !thread.is_inside_process) return false;
  return thread.wait == Wait::kLock || thread.wait == Wait::kCondition ||
         thread.wait == Wait::kJoin || thread.wait == Wait::kBarrier;
}

bool is_any_wait(const StalledThread& thread) {
  return !thread.has_timeout && thread.wait != Wait::kRunning &&
         (thread.is_inside_process || thread.wait == Wait::kLock);
}

}  // namespace

void ProgressTable::update(const std::vector<Thread>& threads, Moment now) {
  std::map<pid_t, Entry> next;
  std::size_t kept = 0;
  for (const Thread& thread : threads) {
    const auto found = entries_.find(thread.id);
    const bool is_same = found != entries_.end() && found->second.progress == thread.progress;
    kept += is_same ? 1 : 0;
    next[thread.id] = {thread.progress, is_same ? found->second.since : now};
  }
  if (kept != entries_.size() || kept != next.size()) ++changes_;
  entries_ = std::move(next);
  last_ = now;
}

std::vector<pid_t> ProgressTable::stalled_for(std::chrono::nanoseconds duration) const {
  std::vector<pid_t> stalled;
  for (const auto& [id, entry] : entries_)
    if (last_ - entry.since >= duration) stalled.push_back(id);
  return stalled;
}

StuckVerdict judge(const std::vector<StalledThread>& stalled, const std::vector<pid_t>& threads,
                   StuckOn stuck_on) {
  StuckVerdict verdict;
  if (stuck_on == StuckOn::kNothing || stalled.empty()) return verdict;

  std::set<ChainEnd> ends;
  for (const StalledThread& thread : stalled) {
    if (!waits_for_lock(thread)) continue;
    const ChainEnd end = follow(thread, stalled, threads);
    if (end == ChainEnd::kGoesOn) continue;
    ends.insert(end);
    verdict.threads.push_back(thread.id);
  }
  // A cycle is what is to be mended first, whoever else waits behind it.
  if (!ends.empty()) verdict.reason = reason_of(*ends.begin());

  const bool is_all_closed =
      stalled.size() == threads.size() && std::all_of(stalled.begin(), stalled.end(), is_closed);
  if (is_all_closed || stuck_on == StuckOn::kAnyWait) {
    const std::size_t locks = verdict.threads.size();
    verdict.threads.clear();
    for (const StalledThread& thread : stalled)
      if (is_all_closed || is_any_wait(thread)) verdict.threads.push_back(thread.id);
    if (locks == 0 && !verdict.threads.empty())
      verdict.reason = is_all_closed ? "each waits for another one, and none can go on"
                                     : "they wait, without an end to it";
  }
  return verdict;
}

}  // namespace chantrace::notouch
