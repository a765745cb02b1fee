#include "lock_order.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>

#include "lock_history.h"
#include "object_events.h"

namespace chantrace {
namespace {

/// Locks in one cycle.
constexpr std::size_t kCycleLocksMax = 64;
/// Steps of the search for cycles, over the whole history.
constexpr std::size_t kSearchStepsMax = 500'000;

class CycleSearch {
 public:
  CycleSearch(LockHistory& history, const LockNames& names, const StateIndex& index)
      : history_(history), names_(names), index_(index) {}

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

  Site site(std::uint32_t id) const { return names_.site(id); }
  TaskId task_id(std::uint32_t task) const { return names_.task(task); }
  std::string task_name(std::uint32_t task) const { return name_of(index_, task_id(task)); }
  std::string lock_name(std::uint32_t lock) const { return name_of(index_, ObjectId{lock}); }

  Participant participant(std::uint32_t number, std::string text, std::uint32_t place_of) const {
    Participant result;
    if (const TaskState* const task = index_.task(task_id(number)); task != nullptr)
      result = make_participant(index_, *task);
    result.task = task_id(number);
    result.label = task_name(number);
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
    finding.reason.push_back(std::string(path_.size() == 2
                                             ? "each then waits for what the other holds; "
                                             : "each then waits for what the next one holds; ") +
                             names_.luck);
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
                          ", whose second lock waits for it; " + names_.luck};
    add_site(finding, "locked again", site(nesting.inner_site));
    add_site(finding, "held since", site(nesting.outer_site));
    add_site(finding, "written", site(writing->site));
    findings_.push_back(std::move(finding));
  }

  LockHistory& history_;
  const LockNames& names_;
  const StateIndex& index_;
  std::map<std::uint32_t, std::vector<const Nesting*>> from_;  // By outer lock.
  std::vector<const Nesting*> path_;
  std::size_t length_ = 0;
  std::size_t steps_ = 0;
  std::set<std::vector<std::pair<std::uint32_t, std::uint32_t>>> reported_;
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> find_lock_orders(LockHistory& history, const LockNames& names,
                                      const StateIndex& index) {
  return CycleSearch(history, names, index).run();
}

std::vector<Finding> find_lock_orders(const Trace& trace, const TraceOrder& order,
                                      const StateIndex& index) {
  LockHistory history;
  std::unordered_map<std::uint32_t, std::uint32_t> stream_of_task;
  for (std::uint32_t stream = 0; stream < trace.streams.size(); ++stream)
    stream_of_task.emplace(to_number(trace.streams[stream].task), stream);
  for (const ObjectInfo& object : trace.objects)
    if (object.kind == ObjectKind::kSharedMutex) history.note_shared_mutex(to_number(object.id));
  for (const EventPlace& place : order.places) {
    const EventRecord& event = event_at(trace, place);
    if (!is_on_task(event.operation)) {
      history.take(place.stream, event, event.object);
    } else if (const auto other = stream_of_task.find(event.object);
               other != stream_of_task.end()) {
      history.take(place.stream, event, other->second);
    }
  }
  const LockNames names{.task = [&](std::uint32_t stream) { return trace.streams[stream].task; },
                        .site = [&](std::uint32_t site) { return trace.site(SiteId{site}); },
                        .luck = "this run was lucky"};
  return find_lock_orders(history, names, index);
}

}  // namespace chantrace
