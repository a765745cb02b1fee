#include "renumbering.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "model/interleaving.h"

namespace chantrace::replay {

using view::find_stream;
namespace {

using Ids = std::unordered_map<std::uint32_t, std::uint32_t>;

/// Ids that are not taken, from 1 upwards.
class FreshIds {
 public:
  void take(std::uint32_t id) { taken_.insert(id); }
  std::uint32_t next() {
    while (!taken_.insert(next_).second) ++next_;
    return next_;
  }

 private:
  std::unordered_set<std::uint32_t> taken_;
  std::uint32_t next_ = 1;
};

/// What `ids` makes of `id`; 0 stays 0, and an id without a counterpart gets a fresh one.
std::uint32_t translated(Ids& ids, FreshIds& fresh, std::uint32_t id) {
  if (id == 0) return 0;
  const auto [entry, is_new] = ids.try_emplace(id);
  if (is_new) entry->second = fresh.next();
  return entry->second;
}

// Places.

/// Gives every place of `trace` the id that `ids` has for it; one that is not defined is none.
void change_sites(const Ids& ids, Trace& trace) {
  const auto changed = [&](std::uint32_t id) {
    const auto known = ids.find(id);
    return known != ids.end() ? known->second : 0;
  };
  for (TaskInfo& task : trace.tasks) task.site = SiteId{changed(to_number(task.site))};
  for (ObjectInfo& object : trace.objects) object.site = SiteId{changed(to_number(object.site))};
  for (TaskStream& stream : trace.streams)
    for (EventRecord& event : stream.events) event.site = changed(event.site);
}

void renumber_sites(Trace& left, Trace& right) {
  std::map<std::tuple<std::string, std::string, std::uint32_t>, std::uint32_t> known;
  FreshIds fresh;
  for (const auto& [id, site] : left.sites) fresh.take(id);
  // Ascending, so that the result depends on no hash.
  const auto change = [&](Trace& trace, const auto& new_id) {
    const std::map<std::uint32_t, Site> sites{trace.sites.begin(), trace.sites.end()};
    Ids ids;
    trace.sites.clear();
    for (const auto& [id, site] : sites) {
      const auto [entry, is_new] =
          known.try_emplace({std::string(file_name(site.file)), site.function, site.line});
      if (is_new) entry->second = new_id(id);
      ids.emplace(id, entry->second);
      const auto in_left = left.sites.find(entry->second);
      trace.sites.try_emplace(entry->second, in_left != left.sites.end() ? in_left->second : site);
    }
    change_sites(ids, trace);
  };
  change(left, [](std::uint32_t id) { return id; });
  change(right, [&](std::uint32_t) { return fresh.next(); });
}

// Tasks.

/// The tasks of one trace by who started them.
class Family {
 public:
  explicit Family(const Trace& trace) {
    for (const TaskInfo& task : trace.tasks) infos_.emplace(to_number(task.id), &task);
    std::unordered_set<std::uint32_t> started;
    for (const TaskStream& stream : trace.streams) {
      for (const EventRecord& event : stream.events) {
        if (event.operation != Operation::kTaskSpawn || event.object == 0) continue;
        const bool is_first = started.insert(event.object).second;
        if (is_first) children_[to_number(stream.task)].push_back(event.object);
      }
    }
    add_others(trace, started);
  }

  const std::vector<std::uint32_t>& children(std::uint32_t parent) const {
    static const std::vector<std::uint32_t> kNone;
    const auto found = children_.find(parent);
    return found != children_.end() ? found->second : kNone;
  }

  /// In the order of their first records.
  const std::vector<std::uint32_t>& all() const { return all_; }

  /// What a person called it. A name that only says its number is none.
  std::string label(std::uint32_t id) const {
    const TaskInfo* const info = find(id);
    if (info == nullptr || info->label == fmt::format("task {}", id)) return {};
    return info->is_body ? "\nbody" : info->label;
  }
  std::uint32_t site(std::uint32_t id) const {
    const TaskInfo* const info = find(id);
    return info != nullptr ? to_number(info->site) : 0;
  }

 private:
  const TaskInfo* find(std::uint32_t id) const {
    const auto found = infos_.find(id);
    return found != infos_.end() ? found->second : nullptr;
  }

  /// Those whose start is not recorded: of threads there is none, of others it was lost.
  void add_others(const Trace& trace, const std::unordered_set<std::uint32_t>& started) {
    std::map<std::uint32_t, std::uint64_t> first_times;
    for (const TaskInfo& task : trace.tasks)
      first_times.emplace(to_number(task.id), std::numeric_limits<std::uint64_t>::max());
    for (const TaskStream& stream : trace.streams) {
      if (!stream.events.empty()) first_times[to_number(stream.task)] = stream.events.front().time;
      for (const EventRecord& event : stream.events)
        if (is_on_task(event.operation))
          first_times.emplace(event.object, std::numeric_limits<std::uint64_t>::max());
    }
    std::vector<std::pair<std::uint64_t, std::uint32_t>> by_time;
    for (const auto& [id, time] : first_times) by_time.emplace_back(time, id);
    std::sort(by_time.begin(), by_time.end());
    for (const auto& [time, id] : by_time) {
      if (id == 0) continue;
      all_.push_back(id);
      if (started.contains(id)) continue;
      const TaskInfo* const info = find(id);
      const bool has_parent = info != nullptr && infos_.contains(to_number(info->parent)) &&
                              to_number(info->parent) != id;
      children_[has_parent ? to_number(info->parent) : 0].push_back(id);
    }
  }

  std::unordered_map<std::uint32_t, const TaskInfo*> infos_;
  std::unordered_map<std::uint32_t, std::vector<std::uint32_t>> children_;
  std::vector<std::uint32_t> all_;
};

/// Tasks that correspond, as ids of the left and the right; a parent before its children.
using TaskPairs = std::vector<std::pair<std::uint32_t, std::uint32_t>>;

/// Pairs those of both lists that have equal keys, the first with the first; what is left stays.
template <typename Key>
void pair_by(const Key& left_key, const Key& right_key, std::vector<std::uint32_t>& left,
             std::vector<std::uint32_t>& right, TaskPairs& pairs) {
  std::map<decltype(left_key(0)), std::pair<std::vector<std::uint32_t>, std::vector<std::uint32_t>>>
      by_key;
  for (const std::uint32_t id : left) by_key[left_key(id)].first.push_back(id);
  for (const std::uint32_t id : right) by_key[right_key(id)].second.push_back(id);
  std::unordered_set<std::uint32_t> paired_left;
  std::unordered_set<std::uint32_t> paired_right;
  for (const auto& [key, both] : by_key) {
    for (std::size_t index = 0; index < std::min(both.first.size(), both.second.size()); ++index) {
      pairs.emplace_back(both.first[index], both.second[index]);
      paired_left.insert(both.first[index]);
      paired_right.insert(both.second[index]);
    }
  }
  std::erase_if(left, [&](std::uint32_t id) { return paired_left.contains(id); });
  std::erase_if(right, [&](std::uint32_t id) { return paired_right.contains(id); });
}

TaskPairs match_tasks(const Trace& left, const Trace& right) {
  using Key = std::function<std::pair<std::string, std::uint32_t>(std::uint32_t)>;
  const Family left_family{left};
  const Family right_family{right};
  const auto by_place = [](const Family& family) -> Key {
    return [&family](std::uint32_t id) { return std::pair{family.label(id), family.site(id)}; };
  };
  const auto by_name = [](const Family& family) -> Key {
    return [&family](std::uint32_t id) { return std::pair{family.label(id), 0u}; };
  };
  TaskPairs pairs;
  std::unordered_set<std::uint32_t> seen_left;  // A damaged trace may start a task twice.
  std::unordered_set<std::uint32_t> seen_right;
  const auto pair_up = [&](std::vector<std::uint32_t> left_ids,
                           std::vector<std::uint32_t> right_ids) {
    std::erase_if(left_ids, [&](std::uint32_t id) { return seen_left.contains(id); });
    std::erase_if(right_ids, [&](std::uint32_t id) { return seen_right.contains(id); });
    const std::size_t before = pairs.size();
    pair_by(by_place(left_family), by_place(right_family), left_ids, right_ids, pairs);
    pair_by(by_name(left_family), by_name(right_family), left_ids, right_ids, pairs);
    for (std::size_t index = before; index < pairs.size(); ++index) {
      seen_left.insert(pairs[index].first);
      seen_right.insert(pairs[index].second);
    }
  };
  pair_up(left_family.children(0), right_family.children(0));
  for (std::size_t next = 0; next < pairs.size(); ++next) {
    const auto [left_id, right_id] = pairs[next];
    pair_up(left_family.children(left_id), right_family.children(right_id));
  }
  // Others started these, but under the same name.
  pair_up(left_family.all(), right_family.all());
  return pairs;
}

void renumber_tasks(const TaskPairs& pairs, const Trace& left, Trace& right) {
  Ids ids;
  FreshIds fresh;
  for (const TaskInfo& task : left.tasks) fresh.take(to_number(task.id));
  for (const TaskStream& stream : left.streams) fresh.take(to_number(stream.task));
  for (const auto& [left_id, right_id] : pairs) ids.emplace(right_id, left_id);

  const auto change = [&](TaskId& id) { id = TaskId{translated(ids, fresh, to_number(id))}; };
  for (TaskInfo& task : right.tasks) {
    const std::string own = fmt::format("task {}", to_number(task.id));
    change(task.id);
    change(task.parent);
    if (task.label == own) task.label = fmt::format("task {}", to_number(task.id));
  }
  for (ObjectInfo& object : right.objects)
    for (TaskId& holder : object.initial_holders) change(holder);
  for (TaskStream& stream : right.streams) {
    change(stream.task);
    for (EventRecord& event : stream.events)
      if (is_on_task(event.operation)) event.object = translated(ids, fresh, event.object);
  }
  std::sort(right.tasks.begin(), right.tasks.end(),
            [](const TaskInfo& one, const TaskInfo& other) { return one.id < other.id; });
  std::sort(right.streams.begin(), right.streams.end(),
            [](const TaskStream& one, const TaskStream& other) { return one.task < other.task; });
}

// Objects.

/// One object of a trace, as far as it says which one it is.
struct Individual {
  ObjectKind kind = ObjectKind::kNone;
  std::string name;
  std::uint32_t site = 0;
  std::uint64_t first_time = std::numeric_limits<std::uint64_t>::max();
};

std::map<std::uint32_t, Individual> individuals_of(const Trace& trace) {
  std::map<std::uint32_t, Individual> individuals;
  for (const ObjectInfo& object : trace.objects)
    individuals.emplace(to_number(object.id),
                        Individual{object.kind, object.name, to_number(object.site)});
  for (const TaskStream& stream : trace.streams) {
    for (const EventRecord& event : stream.events) {
      if (is_on_task(event.operation) || event.object == 0) continue;
      Individual& used = individuals[event.object];
      used.first_time = std::min(used.first_time, event.time);
    }
  }
  return individuals;
}

/// Pairs the objects of two traces whose tasks and places have the same ids already.
class ObjectMatch {
 public:
  ObjectMatch(const Trace& left, const Trace& right)
      : left_trace_(left),
        right_trace_(right),
        left_(individuals_of(left)),
        right_(individuals_of(right)),
        has_same_places_(left.header.build_id == right.header.build_id &&
                         left.header.test == right.header.test) {}

  /// By id of the right.
  Ids run(const TaskPairs& pairs) {
    pair_those_with_a_name_of_their_own();
    pair_those_used_alike(pairs);
    pair_the_rest(true);
    pair_the_rest(false);
    return std::move(ids_);
  }

 private:
  void pair(std::uint32_t left, std::uint32_t right) {
    ids_.emplace(right, left);
    taken_.insert(left);
  }

  void pair_those_with_a_name_of_their_own() {
    const auto names_of = [](const std::map<std::uint32_t, Individual>& individuals) {
      std::map<std::pair<ObjectKind, std::string>, std::vector<std::uint32_t>> names;
      for (const auto& [id, one] : individuals)
        if (!one.name.empty()) names[{one.kind, one.name}].push_back(id);
      return names;
    };
    const auto right_names = names_of(right_);
    for (const auto& [name, ids] : names_of(left_)) {
      const auto same = right_names.find(name);
      if (same != right_names.end() && ids.size() == 1 && same->second.size() == 1)
        pair(ids.front(), same->second.front());
    }
  }

  bool may_be_same(std::uint32_t left, std::uint32_t right) const {
    const Individual& one = left_.at(left);
    const Individual& other = right_.at(right);
    return one.kind == other.kind && one.name == other.name &&
           (one.site == other.site || !one.name.empty() || !has_same_places_);
  }

  /// As long as two tasks do the same, what they use is the same.
  void pair_those_used_alike(const TaskPairs& pairs) {
    for (const auto& [left_id, right_id] : pairs) {
      const TaskStream* const left = find_stream(left_trace_, TaskId{left_id});
      const TaskStream* const right = find_stream(right_trace_, TaskId{left_id});  // Renumbered.
      if (left != nullptr && right != nullptr) walk(left->events, right->events);
    }
  }

  void walk(const std::vector<EventRecord>& left, const std::vector<EventRecord>& right) {
    const auto skip_to_operation = [](const std::vector<EventRecord>& events, std::size_t index) {
      while (index < events.size() && !starts_operation(events[index])) ++index;
      return index;
    };
    std::size_t at = skip_to_operation(left, 0);
    std::size_t there = skip_to_operation(right, 0);
    while (at < left.size() && there < right.size()) {
      const EventRecord& one = left[at];
      const EventRecord& other = right[there];
      if (one.operation != other.operation) return;
      if (has_same_places_ && one.site != other.site) return;
      // A select that parks names its channel only when it is done.
      const bool names_both = one.object != 0 && other.object != 0;
      if (names_both && !is_on_task(one.operation) && one.operation != Operation::kSelect) {
        const auto known = ids_.find(other.object);
        if (known != ids_.end() || taken_.contains(one.object)) {
          if (known == ids_.end() || known->second != one.object) return;
        } else {
          if (!may_be_same(one.object, other.object)) return;
          pair(one.object, other.object);
        }
      }
      at = skip_to_operation(left, at + 1);
      there = skip_to_operation(right, there + 1);
    }
  }

  /// In the order in which they were first used.
  void pair_the_rest(bool with_place) {
    using Key = std::tuple<ObjectKind, std::string, std::uint32_t>;
    using Found = std::map<Key, std::vector<std::pair<std::uint64_t, std::uint32_t>>>;
    const auto rest_of = [&](const std::map<std::uint32_t, Individual>& individuals,
                             const auto& is_paired) {
      Found rest;
      for (const auto& [id, one] : individuals)
        if (!is_paired(id))
          rest[{one.kind, one.name, with_place ? one.site : 0}].emplace_back(one.first_time, id);
      for (auto& [key, ids] : rest) std::sort(ids.begin(), ids.end());
      return rest;
    };
    Found right = rest_of(right_, [&](std::uint32_t id) { return ids_.contains(id); });
    for (const auto& [key, ids] :
         rest_of(left_, [&](std::uint32_t id) { return taken_.contains(id); })) {
      const auto& others = right[key];
      for (std::size_t index = 0; index < std::min(ids.size(), others.size()); ++index)
        if (may_be_same(ids[index].second, others[index].second))
          pair(ids[index].second, others[index].second);
    }
  }

  const Trace& left_trace_;
  const Trace& right_trace_;
  const std::map<std::uint32_t, Individual> left_;
  const std::map<std::uint32_t, Individual> right_;
  const bool has_same_places_;  // Otherwise lines are others.
  Ids ids_;
  std::unordered_set<std::uint32_t> taken_;
};

void renumber_objects(const TaskPairs& pairs, const Trace& left, Trace& right) {
  Ids ids = ObjectMatch{left, right}.run(pairs);
  FreshIds fresh;
  for (const auto& [id, one] : individuals_of(left)) fresh.take(id);
  const auto change = [&](ObjectId& id) { id = ObjectId{translated(ids, fresh, to_number(id))}; };
  for (ObjectInfo& object : right.objects) {
    change(object.id);
    change(object.channel);
  }
  for (TaskStream& stream : right.streams)
    for (EventRecord& event : stream.events)
      if (!is_on_task(event.operation)) event.object = translated(ids, fresh, event.object);
  std::sort(right.objects.begin(), right.objects.end(),
            [](const ObjectInfo& one, const ObjectInfo& other) { return one.id < other.id; });
}

}  // namespace

std::string_view file_name(std::string_view file) { return file.substr(file.rfind('/') + 1); }

void renumber_like(Trace& left, Trace& right) {
  renumber_sites(left, right);
  const TaskPairs pairs = match_tasks(left, right);
  renumber_tasks(pairs, left, right);
  renumber_objects(pairs, left, right);
}

}  // namespace chantrace::replay
