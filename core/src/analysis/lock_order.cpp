#include "lock_order.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "object_events.h"
#include "task_segments.h"

namespace chantrace {
namespace {

/// Locks in one cycle.
constexpr std::size_t kCycleLocksMax = 64;
/// Ways to take one lock under another that are kept: by task, place, held locks and segment.
constexpr std::size_t kNestingsOfPairMax = 32;
constexpr std::size_t kNestingsMax = 200'000;
/// Unlocks by others than the holder, each of which looks at all tasks.
constexpr std::size_t kForeignUnlocksMax = 10'000;
/// Locks that a task holds at once, beyond which no further one is looked at.
constexpr std::size_t kHeldMax = 64;
/// Steps of the search for cycles, over the whole trace.
constexpr std::size_t kSearchStepsMax = 500'000;

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
  std::uint32_t task;     ///< A stream.
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

/// What the events say about nested locks.
class LockHistory {
 public:
  LockHistory(const Trace& trace, const TraceOrder& order) : trace_(trace), segments_(trace) {
    held_.resize(trace.streams.size());
    held_sets_.emplace(std::vector<std::pair<std::uint32_t, bool>>{}, 0);
    sets_.emplace_back();
    for (const EventPlace& place : order.places) take(place);
  }

  const std::vector<Nesting>& nestings() const { return nestings_; }
  const std::map<std::uint32_t, std::set<Writing>>& writings() const { return writings_; }
  TaskSegments& segments() { return segments_; }

  /// Whether two tasks can hold these sets of locks at one time.
  bool can_be_held_together(std::uint32_t left, std::uint32_t right) const {
    const auto& a = sets_[left];
    const auto& b = sets_[right];
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

 private:
  void take(const EventPlace& place) {
    const EventRecord& event = event_at(trace_, place);
    if (is_on_task(event.operation)) return segments_.take(place, event);
    const bool is_shared =
        event.operation == Operation::kLockShared || event.operation == Operation::kUnlockShared;
    switch (event.operation) {
      case Operation::kLock:
      case Operation::kLockShared:
        if (phase_of(event) != Phase::kStart && outcome_of(event) == Outcome::kOk)
          lock(place.stream, event, is_shared);
        return;
      case Operation::kUnlock:
      case Operation::kUnlockShared:
        if (outcome_of(event) == Outcome::kOk) unlock(place.stream, event.object, is_shared);
        if (outcome_of(event) == Outcome::kForeign) unlock_anyone(event.object, is_shared);
        return;
      default:
        return;
    }
  }

  void lock(std::uint32_t task, const EventRecord& event, bool is_shared) {
    std::vector<HeldLock>& held = held_[task];
    // Whoever only tries never waits, and closes no circle.
    if (event.detail != kLockTried && held.size() <= kHeldMax) {
      const bool is_writing = !is_shared && is_shared_mutex(event.object);
      if (!held.empty() || is_writing) {
        const std::uint32_t set = set_of(held);
        const std::uint32_t segment = segments_.current(task);
        if (is_writing) add_writing(event, {task, segment, set, event.site});
        for (const HeldLock& outer : held)
          add_nesting({outer.lock, event.object, task, segment, set, outer.site, event.site,
                       outer.is_shared, is_shared});
      }
    }
    if (held.size() < kHoldersMax) held.push_back({event.object, event.site, is_shared});
  }

  bool is_shared_mutex(std::uint32_t lock) const {
    const ObjectInfo* const info = trace_.find_object(ObjectId{lock});
    return info != nullptr && info->kind == ObjectKind::kSharedMutex;
  }

  void add_writing(const EventRecord& event, const Writing& writing) {
    std::set<Writing>& known = writings_[event.object];
    if (known.size() < kNestingsOfPairMax) known.insert(writing);
  }

  void add_nesting(const Nesting& nesting) {
    if (nestings_.size() >= kNestingsMax || !known_.insert(nesting).second) return;
    std::size_t& count = counts_[std::uint64_t{nesting.outer} << 32 | nesting.inner];
    if (count == kNestingsOfPairMax) return;
    ++count;
    nestings_.push_back(nesting);
  }

  void unlock(std::uint32_t task, std::uint32_t lock, bool is_shared) {
    std::vector<HeldLock>& held = held_[task];
    for (std::size_t i = held.size(); i-- > 0;)
      if (held[i].lock == lock && held[i].is_shared == is_shared) {
        held.erase(held.begin() + static_cast<std::ptrdiff_t>(i));
        return;
      }
  }

  void unlock_anyone(std::uint32_t lock, bool is_shared) {
    if (++foreign_unlocks_ > kForeignUnlocksMax) return;
    for (std::uint32_t task = 0; task < held_.size(); ++task) {
      const std::size_t before = held_[task].size();
      unlock(task, lock, is_shared);
      if (held_[task].size() != before) return;
    }
  }

  std::uint32_t set_of(const std::vector<HeldLock>& held) {
    scratch_.clear();
    for (const HeldLock& one : held) scratch_.emplace_back(one.lock, one.is_shared);
    std::sort(scratch_.begin(), scratch_.end());
    const auto [known, is_new] =
        held_sets_.try_emplace(scratch_, static_cast<std::uint32_t>(sets_.size()));
    if (is_new) sets_.push_back(scratch_);
    return known->second;
  }

  using LockSet = std::vector<std::pair<std::uint32_t, bool>>;  // Lock, is shared; by lock.

  const Trace& trace_;
  TaskSegments segments_;
  std::vector<std::vector<HeldLock>> held_;  // By stream.
  std::size_t foreign_unlocks_ = 0;
  std::map<LockSet, std::uint32_t> held_sets_;
  std::vector<LockSet> sets_;
  LockSet scratch_;
  std::vector<Nesting> nestings_;
  std::unordered_set<Nesting, NestingHash> known_;
  std::unordered_map<std::uint64_t, std::size_t> counts_;
  std::map<std::uint32_t, std::set<Writing>> writings_;
};

class CycleSearch {
 public:
  CycleSearch(const Trace& trace, const TraceOrder& order, const StateIndex& index)
      : trace_(trace), index_(index), history_(trace, order) {}

  std::vector<Finding> run() {
    for (const Nesting& nesting : history_.nestings()) {
      if (nesting.outer == nesting.inner)
        look_at_reader(nesting);
      else
        from_[nesting.outer].push_back(&nesting);
    }
    // Short circles first: they say most, and longer ones often only repeat them.
    const std::size_t longest = std::min(kCycleLocksMax, from_.size());
    for (std::size_t length = 2; length <= longest && is_going_on(); ++length) {
      if (!has_circle_left(length)) break;
      for (const auto& [lock, nestings] : from_) {
        path_.clear();
        length_ = length;
        extend(lock, lock);
        if (!is_going_on()) break;
      }
    }
    return std::move(findings_);
  }

 private:
  bool is_going_on() const { return steps_ < kSearchStepsMax && findings_.size() < kLockOrdersMax; }

  /// Takes locks off that nothing is locked under, or that are under nothing; what stays has
  /// circles.
  bool has_circle_left(std::size_t length) {
    if (length > 2) return !from_.empty();
    for (bool has_changed = true; has_changed;) {
      has_changed = false;
      std::set<std::uint32_t> inners;
      for (auto& [lock, nestings] : from_) {
        std::erase_if(nestings, [&](const Nesting* one) { return !from_.contains(one->inner); });
        for (const Nesting* const one : nestings) inners.insert(one->inner);
      }
      has_changed = std::erase_if(from_, [&](const auto& entry) {
                      return entry.second.empty() || !inners.contains(entry.first);
                    }) > 0;
    }
    return !from_.empty();
  }

  /// Looks for circles of `length_` through `start`, its lowest lock, with the path so far.
  void extend(std::uint32_t start, std::uint32_t lock) {
    const auto found = from_.find(lock);
    if (found == from_.end()) return;
    for (const Nesting* const next : found->second) {
      if (++steps_ > kSearchStepsMax || !is_going_on()) return;
      const bool closes = path_.size() + 1 == length_;
      if (closes ? next->inner != start : next->inner <= start) continue;
      if (!fits(*next)) continue;
      path_.push_back(next);
      if (closes) {
        if (conflicts(*next, *path_.front())) report();
      } else {
        extend(start, next->inner);
      }
      path_.pop_back();
    }
  }

  /// The last lock of `left` is the first of `right`: one waits for the other unless both read.
  static bool conflicts(const Nesting& left, const Nesting& right) {
    return !(left.is_inner_shared && right.is_outer_shared);
  }

  bool fits(const Nesting& next) {
    if (!path_.empty() && !conflicts(*path_.back(), next)) return false;
    return std::all_of(path_.begin(), path_.end(), [&](const Nesting* one) {
      return one->task != next.task && one->outer != next.outer &&
             history_.can_be_held_together(one->held, next.held) &&
             history_.segments().can_overlap({one->task, one->segment}, {next.task, next.segment});
    });
  }

  Site site(std::uint32_t id) const { return trace_.site(SiteId{id}); }
  TaskId task_id(std::uint32_t stream) const { return trace_.streams[stream].task; }
  std::string task_name(std::uint32_t stream) const { return name_of(index_, task_id(stream)); }
  std::string lock_name(std::uint32_t lock) const { return name_of(index_, ObjectId{lock}); }

  Participant participant(std::uint32_t stream, std::string text, std::uint32_t place_of) const {
    Participant result;
    if (const TaskState* const task = index_.task(task_id(stream)); task != nullptr)
      result = make_participant(index_, *task);
    result.task = task_id(stream);
    result.label = task_name(stream);
    result.text = std::move(text);
    result.site = site(place_of);
    return result;
  }

  void report() {
    // The same places with other tasks or other locks of the same kind are the same mistake.
    std::vector<std::pair<std::uint32_t, std::uint32_t>> places;
    for (const Nesting* const one : path_) places.emplace_back(one->outer_site, one->inner_site);
    std::sort(places.begin(), places.end());
    if (!reported_.insert(places).second) return;

    Finding finding;
    finding.kind = FindingKind::kLockOrder;
    finding.certainty = Certainty::kPossible;
    finding.task = task_id(path_.front()->task);
    finding.object = ObjectId{path_.front()->outer};
    std::vector<std::string> names;
    for (const Nesting* const one : path_) names.push_back(lock_name(one->outer));
    finding.summary =
        listed(names, 5) +
        (path_.size() == 2 ? " are locked in two orders" : " are locked in a circle") +
        ", which can deadlock";
    for (const Nesting* const one : path_) {
      const std::string outer = lock_name(one->outer);
      const std::string inner = lock_name(one->inner);
      const std::string outer_how = one->is_outer_shared ? " shared" : "";
      const std::string inner_how = one->is_inner_shared ? " shared" : "";
      finding.participants.push_back(participant(one->task,
                                                 "locked " + inner + inner_how + " while it held " +
                                                     outer + outer_how +
                                                     since(site(one->outer_site)) + ";",
                                                 one->inner_site));
      finding.reason.push_back("if " + task_name(one->task) + " holds " + outer + outer_how +
                               ", it waits for " + inner + inner_how);
    }
    finding.reason.push_back(
        path_.size() == 2 ? "each then waits for what the other holds; this run was lucky"
                          : "each then waits for what the next one holds; this run was lucky");
    finding.reason.push_back("no lock held by both and no start or join keeps them apart");
    for (const Nesting* const one : path_) {
      add_site(finding, "locked", site(one->inner_site));
      add_site(finding, "held since", site(one->outer_site));
    }
    findings_.push_back(std::move(finding));
  }

  /// A reader that locks again stands back for a writer that waits, which waits for the reader.
  void look_at_reader(const Nesting& nesting) {
    if (!nesting.is_outer_shared || !nesting.is_inner_shared) return;
    const auto writings = history_.writings().find(nesting.inner);
    if (writings == history_.writings().end()) return;
    const auto writing =
        std::find_if(writings->second.begin(), writings->second.end(), [&](const Writing& one) {
          return one.task != nesting.task &&
                 history_.can_be_held_together(one.held, nesting.held) &&
                 history_.segments().can_overlap({one.task, one.segment},
                                                 {nesting.task, nesting.segment});
        });
    if (writing == writings->second.end() || findings_.size() >= kLockOrdersMax) return;
    if (!reported_.insert({{nesting.outer_site, nesting.inner_site}}).second) return;

    const std::string name = lock_name(nesting.inner);
    Finding finding;
    finding.kind = FindingKind::kLockOrder;
    finding.certainty = Certainty::kPossible;
    finding.task = task_id(nesting.task);
    finding.object = ObjectId{nesting.inner};
    finding.summary = task_name(nesting.task) + " locks " + name +
                      " shared twice, which can deadlock with a writer between";
    finding.participants.push_back(participant(nesting.task,
                                               "locked " + name +
                                                   " shared while it held it shared" +
                                                   since(site(nesting.outer_site)) + ";",
                                               nesting.inner_site));
    finding.participants.push_back(
        participant(writing->task, "locked " + name + " for writing;", writing->site));
    finding.reason = {"if " + task_name(writing->task) + " waits for " + name + " when " +
                          task_name(nesting.task) + " locks it again, it goes first: writers do",
                      "it then waits for the first lock of " + task_name(nesting.task) +
                          ", whose second lock waits for it; this run was lucky"};
    add_site(finding, "locked again", site(nesting.inner_site));
    add_site(finding, "held since", site(nesting.outer_site));
    add_site(finding, "written", site(writing->site));
    findings_.push_back(std::move(finding));
  }

  const Trace& trace_;
  const StateIndex& index_;
  LockHistory history_;
  std::map<std::uint32_t, std::vector<const Nesting*>> from_;  // By outer lock.
  std::vector<const Nesting*> path_;
  std::size_t length_ = 0;
  std::size_t steps_ = 0;
  std::set<std::vector<std::pair<std::uint32_t, std::uint32_t>>> reported_;
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> find_lock_orders(const Trace& trace, const TraceOrder& order,
                                      const StateIndex& index) {
  return CycleSearch(trace, order, index).run();
}

}  // namespace chantrace
