#include "race_findings.h"

#include <algorithm>
#include <limits>
#include <string>
#include <string_view>
#include <unordered_map>

#include "happens_before.h"

namespace chantrace {
namespace {

constexpr std::string_view kClockLabel = "timers";

std::string_view used_text(const Access& access) {
  return to_string(access.is_write ? Operation::kStore : Operation::kLoad);
}

Participant participant_of(const StateIndex& index, TaskId id, const Access& access,
                           const std::string& variable, const Site& site) {
  Participant result;
  if (const TaskState* const task = index.task(id); task != nullptr)
    result = make_participant(index, *task);
  result.task = id;
  result.label = name_of(index, id);
  result.text = (access.is_write ? "stored " : "loaded ") + variable;
  result.site = site;
  return result;
}

/// How far each task of a trace can be believed: behind that its locks are inert.
class UnwoundTasks {
 public:
  explicit UnwoundTasks(const Trace& trace) : ends_(trace.streams.size()) {
    for (std::size_t i = 0; i < trace.streams.size(); ++i) ends_[i] = end_of(trace.streams[i]);
  }
  bool has_begun(const EventPlace& place) const { return place.index >= ends_[place.stream]; }

 private:
  static std::size_t end_of(const TaskStream& stream) {
    const auto first = std::find_if(
        stream.events.begin(), stream.events.end(),
        [](const EventRecord& event) { return outcome_of(event) == Outcome::kCancelled; });
    if (first == stream.events.end()) return std::numeric_limits<std::size_t>::max();
    // Where no wait was cancelled, it was told so at some operation of which there is no record.
    if (phase_of(*first) != Phase::kDone) return 0;
    return static_cast<std::size_t>(first - stream.events.begin());
  }

  std::vector<std::size_t> ends_;  // By stream.
};

class TraceRaces {
 public:
  TraceRaces(const Trace& trace, const TraceOrder& order, const ObjectEvents& by_object)
      : trace_(trace),
        order_(order),
        by_object_(by_object),
        unwound_(trace),
        happens_before_(detector_) {
    std::size_t count = 0;
    for (const TaskStream& stream : trace.streams) {
      stream_of_task_.emplace(to_number(stream.task), static_cast<std::uint32_t>(first_.size()));
      first_.push_back(count);
      count += stream.events.size();
      const TaskInfo* const task = trace.find_task(stream.task);
      is_clock_.push_back(task != nullptr && to_number(task->parent) == 0 && !task->is_body &&
                          task->label == kClockLabel);
    }
    is_taken_.resize(count);
    for (const ObjectInfo& object : trace.objects)
      if (const std::uint32_t key = by_object.key_of(object.id); key != ObjectEvents::kNoKey)
        happens_before_.define(key, object);
  }

  const std::vector<Race>& run() {
    for (const EventPlace& place : order_.places) {
      if (is_taken(place)) continue;
      EventPlace present = place;
      while (take(present)) present = next_of_object(present);
    }
    return detector_.races();
  }

 private:
  std::vector<bool>::reference is_taken(const EventPlace& place) {
    return is_taken_[first_[place.stream] + place.index];
  }

  /// Requires: there is one. Sequences have no holes.
  const EventPlace& next_of_object(const EventPlace& place) const {
    const EventRecord& event = event_at(trace_, place);
    return by_object_.events(by_object_.key_of(event))[event.sequence];
  }

  bool completes_another(const EventRecord& event, std::uint32_t key) {
    if (key == ObjectEvents::kNoKey || event.sequence >= by_object_.events(key).size())
      return false;
    const EventPlace& next = by_object_.events(key)[event.sequence];
    return !is_taken(next) && is_completed(event_at(trace_, next));
  }

  bool take(const EventPlace& place) {
    is_taken(place) = true;
    const EventRecord& event = event_at(trace_, place);
    const std::uint32_t key = by_object_.key_of(event);
    const bool completes = completes_another(event, key);
    const bool is_access =
        event.operation == Operation::kLoad || event.operation == Operation::kStore;
    if (is_access && unwound_.has_begun(place)) return completes;
    Step step{&event, place.stream, key, completes, is_clock_[place.stream]};
    if (is_on_task(event.operation)) {
      const auto other = stream_of_task_.find(event.object);
      step.object = other != stream_of_task_.end() ? other->second : Step::kNone;
    }
    happens_before_.take(step);
    return completes;
  }

  const Trace& trace_;
  const TraceOrder& order_;
  const ObjectEvents& by_object_;
  const UnwoundTasks unwound_;
  RaceDetector detector_;
  HappensBefore happens_before_;
  std::unordered_map<std::uint32_t, std::uint32_t> stream_of_task_;
  std::vector<std::size_t> first_;  // By stream: how many events the ones before it have.
  std::vector<bool> is_clock_;      // By stream.
  std::vector<bool> is_taken_;
};

}  // namespace

bool is_completed(const EventRecord& event) {
  if (phase_of(event) != Phase::kDone) return false;
  const Outcome outcome = outcome_of(event);
  return outcome != Outcome::kTimedOut && outcome != Outcome::kCancelled;
}

Finding race_finding(const Race& race, const RaceNames& names, const StateIndex& index) {
  const TaskId first = names.task(race.first.task);
  const TaskId second = names.task(race.second.task);
  const Site first_site = names.site(race.first.site);
  const Site second_site = names.site(race.second.site);
  Finding finding;
  finding.kind = FindingKind::kRace;
  finding.task = second;
  finding.object = names.variable(race.variable);
  const std::string variable = name_of(index, finding.object);
  finding.summary = "data race on " + variable + ": " + std::string(used_text(race.first)) +
                    " by " + name_of(index, first) + " and " + std::string(used_text(race.second)) +
                    " by " + name_of(index, second) + ", in no order";
  finding.participants = {participant_of(index, first, race.first, variable, first_site),
                          participant_of(index, second, race.second, variable, second_site)};
  finding.reason = {"no send, lock, join or other operation orders the two",
                    "of plain variables this is undefined behaviour; here each access is whole"};
  for (const TaskId id : {first, second}) {
    const TaskState* const task = index.task(id);
    if (task == nullptr || !task->is_host || task->is_body) continue;
    finding.certainty = Certainty::kPossible;
    finding.reason.push_back(name_of(index, id) +
                             " is a thread of the host: what else orders it is not seen");
  }
  add_site(finding, used_text(race.second), second_site);
  add_site(finding, used_text(race.first), first_site);
  if (const ObjectState* const object = index.object(finding.object); object != nullptr)
    add_site(finding, "created", object->created_at);
  return finding;
}

std::vector<Finding> find_races(const Trace& trace, const TraceOrder& order,
                                const ObjectEvents& by_object, const StateIndex& index) {
  const bool has_shared =
      std::any_of(trace.objects.begin(), trace.objects.end(),
                  [](const ObjectInfo& object) { return object.kind == ObjectKind::kShared; });
  const bool is_whole = by_object.holes().empty() && by_object.duplicates().empty() &&
                        order.contradictions.empty() && trace.lost_count() == 0;
  if (!has_shared || !is_whole) return {};
  TraceRaces races(trace, order, by_object);
  const RaceNames names{
      .task = [&](std::uint32_t stream) { return trace.streams[stream].task; },
      .variable = [&](std::uint32_t key) { return ObjectId{by_object.id_of(key)}; },
      .site = [&](std::uint32_t site) { return trace.site(SiteId{site}); }};
  std::vector<Finding> findings;
  for (const Race& race : races.run()) findings.push_back(race_finding(race, names, index));
  return findings;
}

}  // namespace chantrace
