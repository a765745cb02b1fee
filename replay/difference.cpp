#include "difference.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "model/naming.h"

namespace chantrace::replay {

using view::describe;
using view::Names;
namespace {

bool has_comparable_value(const Trace& trace, const EventRecord& event) {
  if ((event.flags & kHasValue) == 0) return true;  // Then it is a number of the library's own.
  const ObjectInfo* const object = trace.find_object(ObjectId{event.object});
  const ValueFormat format = object != nullptr ? object->format : ValueFormat::kOpaque;
  return format != ValueFormat::kPointer && format != ValueFormat::kOpaque;
}

/// Two traces of the same test, whose sites and texts may have other numbers.
class Comparison {
 public:
  Comparison(const Trace& recorded, const Trace& now)
      : recorded_(recorded), now_(now), recorded_names_(recorded), now_names_(now) {}

  std::optional<Difference> find() const {
    std::map<std::uint32_t, std::pair<const TaskStream*, const TaskStream*>> streams;
    for (const TaskStream& stream : recorded_.streams)
      streams[to_number(stream.task)].first = &stream;
    for (const TaskStream& stream : now_.streams) streams[to_number(stream.task)].second = &stream;
    std::optional<Difference> first;
    for (const auto& [task, both] : streams) {
      auto one = find_in(both.first, both.second);
      if (one && (!first || one->step < first->step)) first = std::move(one);
    }
    return first;
  }

 private:
  bool is_same(const EventRecord& left, const EventRecord& right) const {
    return left.operation == right.operation && left.flags == right.flags &&
           left.object == right.object && left.sequence == right.sequence &&
           left.detail == right.detail && left.time == right.time &&
           recorded_.site(SiteId{left.site}) == now_.site(SiteId{right.site}) &&
           (!has_comparable_value(recorded_, left) ||
            format_value(recorded_, left) == format_value(now_, right));
  }

  std::optional<Difference> find_in(const TaskStream* left, const TaskStream* right) const {
    const std::size_t left_size = left != nullptr ? left->events.size() : 0;
    const std::size_t right_size = right != nullptr ? right->events.size() : 0;
    std::size_t index = 0;
    while (index < left_size && index < right_size &&
           is_same(left->events[index], right->events[index]))
      ++index;
    if (index == left_size && index == right_size) return std::nullopt;
    const EventRecord* const recorded = index < left_size ? &left->events[index] : nullptr;
    const EventRecord* const now = index < right_size ? &right->events[index] : nullptr;
    Difference difference;
    difference.step = recorded != nullptr ? recorded->time : now->time;
    if (recorded != nullptr && now != nullptr)
      difference.step = std::min(recorded->time, now->time);
    difference.task =
        left != nullptr ? recorded_names_.task(left->task) : now_names_.task(right->task);
    difference.record = index + 1;
    difference.recorded = words_for(recorded_, recorded_names_, recorded);
    difference.now = words_for(now_, now_names_, now);
    return difference;
  }

  static std::string words_for(const Trace& trace, const Names& names, const EventRecord* event) {
    if (event == nullptr) return "nothing";
    return fmt::format("{}{}  {}", describe(trace, names, *event, true),
                       phase_of(*event) == Phase::kStart ? " parks" : "",
                       names.place(SiteId{event->site}));
  }

  const Trace& recorded_;
  const Trace& now_;
  const Names recorded_names_;
  const Names now_names_;
};

}  // namespace

std::optional<Difference> find_difference(const Trace& recorded, const Trace& now) {
  return Comparison(recorded, now).find();
}

}  // namespace chantrace::replay
