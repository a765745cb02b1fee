#include "watcher.h"

#include <linux/futex.h>
#include <pthread.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "process.h"
#include "stack_copy.h"
#include "unwinder.h"

namespace chantrace::notouch {
namespace {

constexpr int kSnapshotTriesMax = 3;
/// No thread has this number, or a higher one.
///
/// Source: PID_MAX_LIMIT of Linux on 64 bits.
constexpr std::uint32_t kThreadNumbersEnd = 4 * 1024 * 1024;

std::optional<std::uint32_t> read_number(std::uint64_t address) {
  std::uint32_t number = 0;
  if (read_memory(address, &number, sizeof number) != sizeof number) return std::nullopt;
  return number;
}

/// Who has the lock that `call` waits for.
///
/// Source: glibc 2.36. A mutex begins with the word that is waited for; its owner is written by
/// whoever takes it. In the word of one with priority inheritance, and of a robust one, it stands
/// itself. Of locks for readers and writers it is not known.
std::optional<pid_t> holder_of(const SystemCall& call) {
  const std::uint64_t address = futex_address(call);
  const auto expected = static_cast<std::uint32_t>(call.arguments[2]);
  const int operation = static_cast<int>(call.arguments[1]) & FUTEX_CMD_MASK;
  if (operation == FUTEX_LOCK_PI || operation == FUTEX_LOCK_PI2 ||
      (operation == FUTEX_WAIT && (expected & FUTEX_WAITERS) != 0)) {
    const auto word = read_number(address);
    if (!word) return std::nullopt;
    return static_cast<pid_t>(*word & FUTEX_TID_MASK);
  }
#ifdef __GLIBC__
  // One that is shared between processes may be held by another one.
  if (operation == FUTEX_WAIT && (call.arguments[1] & FUTEX_PRIVATE_FLAG) != 0) {
    const auto owner = read_number(address + offsetof(pthread_mutex_t, __data.__owner));
    // Of a lock inside the C library, something else stands there.
    if (owner && *owner < kThreadNumbersEnd) return static_cast<pid_t>(*owner);
  }
#endif
  return std::nullopt;
}

/// Where a thread is, and its stack, from one moment.
struct Standstill {
  Progress progress;
  SystemCall call;
  StackCopy stack{0, {}};
};

/// Nothing for a thread that has ended. One that does not stand still counts as running.
std::optional<Standstill> stand_still(pid_t thread) {
  std::optional<Progress> progress;
  for (int tries = 0; tries < kSnapshotTriesMax; ++tries) {
    progress = progress_of(thread);
    const auto call = system_call_of(thread);
    if (!progress || (call && has_ended(*call))) return std::nullopt;
    // The kernel does not tell it to a process that has given up its privileges.
    if (!call) return Standstill{*progress, SystemCall{.is_running = false}, StackCopy(0, {})};
    if (call->is_running) break;
    Standstill still{*progress, *call, StackCopy::of(*call)};
    if (progress_of(thread) == progress && system_call_of(thread) == call) return still;
  }
  return Standstill{*progress, SystemCall(), StackCopy(0, {})};
}

}  // namespace

StuckVerdict Watcher::look(Moment now) {
  std::vector<ProgressTable::Thread> threads;
  std::vector<pid_t> ids;
  for (const pid_t id : other_threads()) {
    const auto progress = progress_of(id);
    if (!progress) continue;
    threads.push_back({id, *progress});
    ids.push_back(id);
  }
  progress_.update(threads, now);
  if (options_.stuck_on == StuckOn::kNothing) return {};

  std::vector<StalledThread> stalled;
  std::map<pid_t, SystemCall> calls;
  for (const pid_t id : progress_.stalled_for(options_.stuck_after)) {
    const auto known = calls_.find(id);
    const auto call = known != calls_.end() ? std::optional(known->second) : system_call_of(id);
    if (!call) continue;
    if (has_ended(*call)) {
      std::erase(ids, id);
      continue;
    }
    // A thread that has run since may wait elsewhere by now.
    calls.emplace(id, *call);
    stalled.push_back({id, wait_of(*call), has_timeout(*call), is_inside_process(*call),
                       wait_of(*call) == Wait::kLock ? holder_of(*call) : std::nullopt});
  }
  calls_ = std::move(calls);
  if (stalled.size() == ids.size()) tell_closed_waits_apart(stalled);
  return judge(stalled, ids, options_.stuck_on);
}

/// Where every thread waits for another one, what for is worth looking at their stacks, once.
/// `stalled` are all that there are.
void Watcher::tell_closed_waits_apart(std::vector<StalledThread>& stalled) {
  const bool may_be_closed = !stalled.empty() && std::all_of(stalled.begin(), stalled.end(),
                                                             [](const StalledThread& thread) {
                                                               return thread.is_inside_process;
                                                             });
  if (!may_be_closed) return;
  if (told_apart_ != progress_.changes()) {
    waits_.clear();
    for (const ThreadSnapshot& thread : take_snapshot()) waits_[thread.id] = thread.wait;
    told_apart_ = progress_.changes();
  }
  for (StalledThread& thread : stalled)
    if (const auto known = waits_.find(thread.id); known != waits_.end())
      thread.wait = known->second;
}

Snapshot Watcher::take_snapshot() {
  Unwinder unwinder;
  Snapshot snapshot;
  for (const pid_t id : other_threads()) {
    const auto still = stand_still(id);
    if (!still) continue;
    ThreadSnapshot thread;
    thread.id = id;
    thread.name = name_of(id);
    thread.progress = still->progress;
    for (const std::uint64_t code : unwinder.unwind(still->call, still->stack)) {
      const std::vector<Frame>& frames = unwinder.describe(code);
      thread.frames.insert(thread.frames.end(), frames.begin(), frames.end());
    }
    thread.wait = wait_of(wait_of(still->call), thread.frames);
    thread.lock = futex_address(still->call);
    if (thread.lock != 0) thread.lock_name = unwinder.variable_at(thread.lock);
    if (thread.wait == Wait::kLock) thread.holder = holder_of(still->call);
    thread.descriptor = descriptor_of(still->call);
    if (thread.descriptor >= 0) thread.descriptor_name = descriptor_target(thread.descriptor);
    snapshot.push_back(std::move(thread));
  }
  return snapshot;
}

}  // namespace chantrace::notouch
