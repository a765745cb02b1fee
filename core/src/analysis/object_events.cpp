#include "object_events.h"

#include <algorithm>
#include <numeric>
#include <tuple>

#include "words.h"

namespace chantrace {
namespace {

/// Ids up to this many times the number of events index arrays directly.
constexpr std::size_t kDirectFactor = 4;
constexpr std::size_t kDirectExtra = 1 << 16;

struct SeenIds {
  std::vector<std::uint32_t> ids;
  std::uint32_t greatest = 0;

  void add(std::uint32_t id) { greatest = std::max(greatest, id); }
};

/// The ids themselves are gathered only where they are too sparse to be indices.
struct Seen {
  SeenIds objects;
  SeenIds tasks;
  std::size_t events = 0;

  explicit Seen(const Trace& trace) {
    for (const ObjectInfo& object : trace.objects) objects.add(to_number(object.id));
    for (const TaskInfo& task : trace.tasks) tasks.add(to_number(task.id));
    for (const TaskStream& stream : trace.streams) {
      tasks.add(to_number(stream.task));
      events += stream.events.size();
      for (const EventRecord& event : stream.events)
        (is_on_task(event.operation) ? tasks : objects).add(event.object);
    }
    const bool needs_objects = objects.greatest > direct_max();
    const bool needs_tasks = tasks.greatest > direct_max();
    if (!needs_objects && !needs_tasks) return;
    for (const ObjectInfo& object : trace.objects) objects.ids.push_back(to_number(object.id));
    for (const TaskInfo& task : trace.tasks) tasks.ids.push_back(to_number(task.id));
    for (const TaskStream& stream : trace.streams)
      for (const EventRecord& event : stream.events) {
        const bool is_task = is_on_task(event.operation);
        if (is_task ? needs_tasks : needs_objects)
          (is_task ? tasks : objects).ids.push_back(event.object);
      }
  }
  std::size_t direct_max() const { return kDirectFactor * events + kDirectExtra; }
};

}  // namespace

DenseIds::DenseIds(std::vector<std::uint32_t> ids, std::uint32_t greatest, std::size_t direct_max)
    : is_direct_(greatest <= direct_max) {
  if (is_direct_) {
    direct_count_ = std::size_t{greatest} + 1;
    return;
  }
  sorted_ = std::move(ids);
  std::sort(sorted_.begin(), sorted_.end());
  sorted_.erase(std::unique(sorted_.begin(), sorted_.end()), sorted_.end());
}

std::uint32_t DenseIds::index_of(std::uint32_t id) const {
  if (is_direct_) return id < direct_count_ ? id : kNone;
  const auto found = std::lower_bound(sorted_.begin(), sorted_.end(), id);
  if (found == sorted_.end() || *found != id) return kNone;
  return static_cast<std::uint32_t>(found - sorted_.begin());
}

ObjectEvents::ObjectEvents(const Trace& trace) : objects_({}, 0, 0), tasks_({}, 0, 0) {
  Seen seen(trace);
  objects_ = DenseIds(std::move(seen.objects.ids), seen.objects.greatest, seen.direct_max());
  tasks_ = DenseIds(std::move(seen.tasks.ids), seen.tasks.greatest, seen.direct_max());

  // A counting sort by key that places each event by its sequence. It is right at once where a
  // key's sequence numbers are 1 to n; what does not fit so is sorted afterwards.
  const std::size_t keys = objects_.count() + tasks_.count();
  std::vector<std::size_t> counts(keys + 1, 0);
  for (const TaskStream& stream : trace.streams)
    for (const EventRecord& event : stream.events)
      if (const std::uint32_t key = key_of(event); key != kNoKey) ++counts[key + 1];
  std::partial_sum(counts.begin(), counts.end(), counts.begin());
  first_ = std::move(counts);

  constexpr std::uint32_t kFree = UINT32_MAX;
  places_.assign(first_.back(), EventPlace{kFree, kFree});
  std::vector<std::pair<std::uint32_t, EventPlace>> misfits;
  for (std::uint32_t s = 0; s < trace.streams.size(); ++s) {
    const std::vector<EventRecord>& events = trace.streams[s].events;
    for (std::uint32_t i = 0; i < events.size(); ++i) {
      const std::uint32_t key = key_of(events[i]);
      if (key == kNoKey) continue;
      const std::size_t slot = std::size_t{events[i].sequence} - 1;
      EventPlace* const place =
          slot < first_[key + 1] - first_[key] ? &places_[first_[key] + slot] : nullptr;
      if (place != nullptr && place->stream == kFree)
        *place = {s, i};
      else
        misfits.push_back({key, {s, i}});
    }
  }
  const auto sequence_of = [&](const EventPlace& place) { return event_at(trace, place).sequence; };
  const auto by_sequence = [&](const EventPlace& a, const EventPlace& b) {
    return std::tuple(sequence_of(a), a.stream, a.index) <
           std::tuple(sequence_of(b), b.stream, b.index);
  };
  std::stable_sort(misfits.begin(), misfits.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  for (std::size_t i = 0; i < misfits.size();) {
    const std::uint32_t key = misfits[i].first;
    const auto begin = places_.begin() + static_cast<std::ptrdiff_t>(first_[key]);
    const auto end = places_.begin() + static_cast<std::ptrdiff_t>(first_[key + 1]);
    for (auto place = begin; place != end; ++place)
      if (place->stream == kFree) *place = misfits[i++].second;
    std::sort(begin, end, by_sequence);
    for (auto place = begin; place != end; ++place) {
      const std::uint32_t expected = place == begin ? 1 : sequence_of(place[-1]) + 1;
      const std::uint32_t found = sequence_of(*place);
      const auto position = static_cast<std::size_t>(place - begin);
      if (found > expected) holes_.push_back({key, expected, found - expected, position});
      if (found < expected && place != begin) duplicates_.emplace_back(key, position);
    }
  }
}

std::uint32_t ObjectEvents::key_of(const EventRecord& event) const {
  if (event.sequence == 0 || event.object == 0) return kNoKey;
  if (!is_on_task(event.operation)) return objects_.index_of(event.object);
  return static_cast<std::uint32_t>(objects_.count()) + tasks_.index_of(event.object);
}

std::uint32_t ObjectEvents::key_of(ObjectId object) const {
  return objects_.index_of(to_number(object));
}

std::uint32_t ObjectEvents::id_of(std::uint32_t key) const {
  const auto objects = static_cast<std::uint32_t>(objects_.count());
  return key < objects ? objects_.id_at(key) : tasks_.id_at(key - objects);
}

bool may_lack_tails(const Trace& trace) {
  if (trace.is_incomplete()) return true;
  return std::any_of(trace.streams.begin(), trace.streams.end(), [&](const TaskStream& stream) {
    // A host thread's end is not recorded.
    const TaskInfo* const task = trace.find_task(stream.task);
    if (stream.events.empty() || task == nullptr || task->is_host || task->is_body) return false;
    const EventRecord& last = stream.events.back();
    if (last.operation == Operation::kTaskEnd || phase_of(last) == Phase::kStart) return false;
    const bool is_in_condition_wait =
        last.operation == Operation::kUnlock && stream.events.size() > 1 &&
        stream.events[stream.events.size() - 2].operation == Operation::kConditionWait;
    return !is_in_condition_wait;
  });
}

bool has_cancelled(const Trace& trace, std::span<const EventPlace> events) {
  return std::any_of(events.begin(), events.end(), [&](const EventPlace& place) {
    return outcome_of(event_at(trace, place)) == Outcome::kCancelled;
  });
}

std::string event_text(const Trace& trace, const EventPlace& place_of_event) {
  const TaskStream& stream = trace.streams[place_of_event.stream];
  const EventRecord& event = stream.events[place_of_event.index];
  std::string text{to_string(event.operation)};
  const TaskInfo* const task = trace.find_task(stream.task);
  text += " by " + (task == nullptr || task->label.empty()
                        ? "task " + std::to_string(to_number(stream.task))
                        : task->label);
  text += ", its event " + std::to_string(std::size_t{place_of_event.index} + 1);
  return text + at(trace.site(SiteId{event.site}));
}

std::string key_text(const Trace& trace, const ObjectEvents& by_object, std::uint32_t key) {
  const std::uint32_t id = by_object.id_of(key);
  if (by_object.is_task(key)) {
    const TaskInfo* const task = trace.find_task(TaskId{id});
    return "task " + (task == nullptr || task->label.empty() ? std::to_string(id) : task->label);
  }
  const ObjectInfo* const object = trace.find_object(ObjectId{id});
  if (object == nullptr) return "object " + std::to_string(id);
  const std::string kind{to_string(object->kind)};
  return kind + " " + (object->name.empty() ? std::to_string(id) : "\"" + object->name + "\"");
}

}  // namespace chantrace
