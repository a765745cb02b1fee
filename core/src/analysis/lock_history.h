/// \file
/// How tasks took locks while they held others: what orders of locks are found from.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "chantrace/event.h"
#include "task_segments.h"

namespace chantrace {

struct HeldLock {
  std::uint32_t lock;
  std::uint32_t site;
  bool is_shared;

  bool operator==(const HeldLock&) const = default;
};

/// A task took one lock while it held another.
struct Nesting {
  std::uint32_t outer;
  std::uint32_t inner;
  std::uint32_t task;
  std::uint32_t segment;  ///< Of the task, when it took the inner one.
  std::uint32_t held;     ///< Which set of locks it held then.
  std::uint32_t outer_site;
  std::uint32_t inner_site;
  bool is_outer_shared;
  bool is_inner_shared;

  auto key() const {
    return std::tuple(outer, inner, task, segment, held, outer_site, inner_site, is_outer_shared,
                      is_inner_shared);
  }
  bool operator==(const Nesting& other) const { return key() == other.key(); }
};

struct NestingHash {
  std::size_t operator()(const Nesting& one) const {
    std::uint64_t hash = 0x9e3779b97f4a7c15u;
    const auto mix = [&](std::uint64_t part) {
      hash = (hash ^ part) * 0xff51afd7ed558ccdu;
      hash ^= hash >> 32;
    };
    mix(std::uint64_t{one.outer} << 32 | one.inner);
    mix(std::uint64_t{one.task} << 32 | one.segment);
    mix(std::uint64_t{one.outer_site} << 32 | one.inner_site);
    mix(std::uint64_t{one.held} << 2 | (one.is_outer_shared ? 2u : 0u) |
        (one.is_inner_shared ? 1u : 0u));
    return static_cast<std::size_t>(hash);
  }
};

/// A task took a lock for writing, which a reader's second lock could be behind.
struct Writing {
  std::uint32_t task;
  std::uint32_t segment;
  std::uint32_t held;
  std::uint32_t site;

  auto operator<=>(const Writing&) const = default;
};

/// Fed with the events of one execution, or of several of the same program one after another.
/// Tasks, locks and sites are numbers of the caller's that mean the same in all of them; then the
/// parts of a circle may come from different executions.
///
/// Threads: one thread at a time.
class LockHistory {
 public:
  LockHistory();

  /// Nobody holds anything, and no task has started another.
  void begin_execution();
  void note_shared_mutex(std::uint32_t lock) { shared_mutexes_.insert(lock); }
  /// `object`: the lock; for operations on tasks the other task.
  void take(std::uint32_t task, const EventRecord& event, std::uint32_t object);

  const std::vector<Nesting>& nestings() const { return nestings_; }
  const std::map<std::uint32_t, std::set<Writing>>& writings() const { return writings_; }
  TaskSegments& segments() { return segments_; }
  /// Whether two tasks can hold these sets of locks at one time.
  bool can_be_held_together(std::uint32_t left, std::uint32_t right) const;

 private:
  using LockSet = std::vector<std::pair<std::uint32_t, bool>>;  // Lock, is shared; by lock.

  void lock(std::uint32_t task, std::uint32_t lock, const EventRecord& event, bool is_shared);
  void unlock(std::uint32_t task, std::uint32_t lock, bool is_shared);
  void unlock_anyone(std::uint32_t lock, bool is_shared);
  void add_writing(std::uint32_t lock, const Writing& writing);
  void add_nesting(const Nesting& nesting);
  std::uint32_t set_of(const std::vector<HeldLock>& held);

  TaskSegments segments_;
  std::unordered_set<std::uint32_t> shared_mutexes_;
  std::vector<std::vector<HeldLock>> held_;  // By task.
  std::size_t foreign_unlocks_ = 0;
  std::map<LockSet, std::uint32_t> held_sets_;
  std::vector<LockSet> sets_;
  LockSet scratch_;
  std::vector<Nesting> nestings_;
  std::unordered_set<Nesting, NestingHash> known_;
  std::unordered_map<std::uint64_t, std::size_t> counts_;
  std::map<std::uint32_t, std::set<Writing>> writings_;
};

}  // namespace chantrace
