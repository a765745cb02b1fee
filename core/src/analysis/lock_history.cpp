#include "lock_history.h"

#include <algorithm>

#include "object_events.h"

namespace chantrace {
namespace {

/// Ways to take one lock under another that are kept: by task, place, held locks and segment.
constexpr std::size_t kNestingsOfPairMax = 32;
constexpr std::size_t kNestingsMax = 200'000;
/// Unlocks by others than the holder, each of which looks at all tasks.
constexpr std::size_t kForeignUnlocksMax = 10'000;
/// Locks that a task holds at once, beyond which no further one is looked at.
constexpr std::size_t kHeldMax = 64;

}  // namespace

LockHistory::LockHistory() {
  held_sets_.emplace(LockSet{}, 0);
  sets_.emplace_back();
}

void LockHistory::begin_execution() {
  segments_.begin_execution();
  foreign_unlocks_ = 0;
  for (std::vector<HeldLock>& held : held_) held.clear();
}

bool LockHistory::can_be_held_together(std::uint32_t left, std::uint32_t right) const {
  const LockSet& a = sets_[left];
  const LockSet& b = sets_[right];
  for (std::size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    if (a[i].first != b[j].first) {
      a[i].first < b[j].first ? ++i : ++j;
      continue;
    }
    if (!a[i].second || !b[j].second) return false;
    ++i;
    ++j;
  }
  return true;
}

void LockHistory::take(std::uint32_t task, const EventRecord& event, std::uint32_t object) {
  if (is_on_task(event.operation)) return segments_.take(task, event, object);
  const bool is_shared =
      event.operation == Operation::kLockShared || event.operation == Operation::kUnlockShared;
  switch (event.operation) {
    case Operation::kLock:
    case Operation::kLockShared:
      if (phase_of(event) != Phase::kStart && outcome_of(event) == Outcome::kOk)
        lock(task, object, event, is_shared);
      return;
    case Operation::kUnlock:
    case Operation::kUnlockShared:
      if (outcome_of(event) == Outcome::kOk) unlock(task, object, is_shared);
      if (outcome_of(event) == Outcome::kForeign) unlock_anyone(object, is_shared);
      return;
    default:
      return;
  }
}

void LockHistory::lock(std::uint32_t task, std::uint32_t lock, const EventRecord& event,
                       bool is_shared) {
  if (task >= held_.size()) held_.resize(task + 1);
  std::vector<HeldLock>& held = held_[task];
  // Whoever only tries never waits, and closes no circle.
  if (event.detail != kLockTried && held.size() <= kHeldMax) {
    const bool is_writing = !is_shared && shared_mutexes_.contains(lock);
    if (!held.empty() || is_writing) {
      const std::uint32_t set = set_of(held);
      const std::uint32_t segment = segments_.current(task);
      if (is_writing) add_writing(lock, {task, segment, set, event.site});
      for (const HeldLock& outer : held)
        add_nesting({outer.lock, lock, task, segment, set, outer.site, event.site, outer.is_shared,
                     is_shared});
    }
  }
  if (held.size() < kHoldersMax) held.push_back({lock, event.site, is_shared});
}

void LockHistory::add_writing(std::uint32_t lock, const Writing& writing) {
  std::set<Writing>& known = writings_[lock];
  if (known.size() < kNestingsOfPairMax) known.insert(writing);
}

void LockHistory::add_nesting(const Nesting& nesting) {
  if (nestings_.size() >= kNestingsMax || !known_.insert(nesting).second) return;
  std::size_t& count = counts_[std::uint64_t{nesting.outer} << 32 | nesting.inner];
  if (count == kNestingsOfPairMax) return;
  ++count;
  nestings_.push_back(nesting);
}

void LockHistory::unlock(std::uint32_t task, std::uint32_t lock, bool is_shared) {
  if (task >= held_.size()) return;
  std::vector<HeldLock>& held = held_[task];
  for (std::size_t i = held.size(); i-- > 0;)
    if (held[i].lock == lock && held[i].is_shared == is_shared) {
      held.erase(held.begin() + static_cast<std::ptrdiff_t>(i));
      return;
    }
}

void LockHistory::unlock_anyone(std::uint32_t lock, bool is_shared) {
  if (++foreign_unlocks_ > kForeignUnlocksMax) return;
  for (std::uint32_t task = 0; task < held_.size(); ++task) {
    const std::size_t before = held_[task].size();
    unlock(task, lock, is_shared);
    if (held_[task].size() != before) return;
  }
}

std::uint32_t LockHistory::set_of(const std::vector<HeldLock>& held) {
  scratch_.clear();
  for (const HeldLock& one : held) scratch_.emplace_back(one.lock, one.is_shared);
  std::sort(scratch_.begin(), scratch_.end());
  const auto [known, is_new] =
      held_sets_.try_emplace(scratch_, static_cast<std::uint32_t>(sets_.size()));
  if (is_new) sets_.push_back(scratch_);
  return known->second;
}

}  // namespace chantrace
