#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "comparison.h"
#include "diff_report.h"
#include "model/interleaving.h"
#include "renumbering.h"
#include "replay/traces.h"
#include "support/trace_generators.h"
#include "verdict.h"

namespace chantrace::replay {

using view::event_at;
namespace {

/// Some tasks, of which several have one name, that use some objects in any order.
Trace draw_execution() {
  TraceMaker maker;
  std::vector<TaskId> tasks{maker.body()};
  const int tasks_count = *rc::gen::inRange(1, 5);
  for (int i = 0; i < tasks_count; ++i)
    tasks.push_back(maker.task(*rc::gen::element<std::string>("worker", "reader"), 88));
  std::vector<std::uint32_t> objects;
  for (const char* name : {"jobs", "results", "jobs"}) objects.push_back(maker.channel(name, 100));
  const int events_count = *rc::gen::inRange(1, 40);
  for (int i = 0; i < events_count; ++i)
    maker.send(*rc::gen::elementOf(tasks), *rc::gen::elementOf(objects), *rc::gen::inRange(0, 3),
               Phase::kBoth, *rc::gen::inRange(97u, 100u));
  return maker.finish();
}

/// Other numbers for tasks, objects and places, and nothing else.
Trace renumbered(const Trace& trace) {
  const auto shuffled = [](std::size_t count) {
    std::vector<std::uint32_t> numbers(count);
    std::iota(numbers.begin(), numbers.end(), 1u);
    for (std::size_t last = numbers.size(); last > 1; --last)
      std::swap(numbers[last - 1], numbers[*rc::gen::inRange<std::size_t>(0, last)]);
    return numbers;
  };
  const std::vector<std::uint32_t> tasks = shuffled(trace.tasks.size());
  const std::vector<std::uint32_t> objects = shuffled(trace.objects.size());
  const auto task_of = [&](std::uint32_t id) { return id == 0 ? 0 : tasks[id - 1] + 7; };
  const auto object_of = [&](std::uint32_t id) { return id == 0 ? 0 : objects[id - 1] + 3; };
  const auto site_of = [](std::uint32_t id) { return id == 0 ? 0 : 1'000 - id; };
  Trace other = trace;
  other.sites.clear();
  for (const auto& [id, site] : trace.sites) other.sites.emplace(site_of(id), site);
  for (TaskInfo& task : other.tasks) {
    task.id = TaskId{task_of(to_number(task.id))};
    task.parent = TaskId{task_of(to_number(task.parent))};
    task.site = SiteId{site_of(to_number(task.site))};
  }
  for (ObjectInfo& object : other.objects) {
    object.id = ObjectId{object_of(to_number(object.id))};
    object.site = SiteId{site_of(to_number(object.site))};
  }
  for (TaskStream& stream : other.streams) {
    stream.task = TaskId{task_of(to_number(stream.task))};
    for (EventRecord& event : stream.events) {
      event.object = is_on_task(event.operation) ? task_of(event.object) : object_of(event.object);
      event.site = site_of(event.site);
    }
  }
  const auto by_id = [](const auto& one, const auto& next) { return one.id < next.id; };
  std::sort(other.tasks.begin(), other.tasks.end(), by_id);
  std::sort(other.objects.begin(), other.objects.end(), by_id);
  std::sort(other.streams.begin(), other.streams.end(),
            [](const TaskStream& one, const TaskStream& next) { return one.task < next.task; });
  return other;
}

/// A first difference by its times, which depend on no numbers: the order of `TraceMaker`'s events.
using Moments = std::pair<std::uint64_t, std::uint64_t>;

/// nullopt: nothing differs.
std::optional<Moments> first_difference(Trace left, Trace right) {
  renumber_like(left, right);
  const Comparison comparison{left, right, {}, {}};
  if (comparison.alignment.partings.empty()) {
    RC_ASSERT(comparison.alignment.is_same());
    return std::nullopt;
  }
  const Parting& first = comparison.alignment.partings.front();
  return Moments{first.left ? event_at(left, *first.left).time : 0,
                 first.right ? event_at(right, *first.right).time : 0};
}

RC_GTEST_PROP(DiffProperty, ATraceIsTheSameAsItself, (Trace trace)) {
  Trace copy = trace;
  const std::vector<Finding> findings = findings_of(trace);
  renumber_like(trace, copy);

  RC_ASSERT((Comparison{trace, copy, findings, findings}.is_same()));
}

RC_GTEST_PROP(DiffProperty, AnyTwoTracesCanBeCompared, (Trace left, Trace right)) {
  make_printable(left, Charset::kUtf8);
  make_printable(right, Charset::kUtf8);
  renumber_like(left, right);
  const Comparison comparison{left, right, {}, {}};

  const Alignment& alignment = comparison.alignment;
  RC_ASSERT(alignment.is_same() == alignment.partings.empty());
  RC_ASSERT(alignment.common.size() + alignment.left_rest.size() <= left.events_count());
  const DiffReport report{.comparison = comparison, .left = {}, .right = {}};
  RC_ASSERT(!to_text(report, {}).empty());
  RC_ASSERT(!to_json(report, 0).empty());
}

RC_GTEST_PROP(DiffProperty, NumbersDoNotMatter, ()) {
  const Trace trace = draw_execution();

  RC_ASSERT(!first_difference(trace, renumbered(trace)));
}

RC_GTEST_PROP(DiffProperty, NumbersDoNotMatterWhereTracesDiffer, ()) {
  const Trace left = draw_execution();
  const Trace right = draw_execution();

  RC_ASSERT(first_difference(left, right) == first_difference(left, renumbered(right)));
}

RC_GTEST_PROP(DiffProperty, IsTheSameFromBothSides, ()) {
  const Trace left = draw_execution();
  const Trace right = draw_execution();

  const auto one = first_difference(left, right);
  const auto other = first_difference(right, left);

  RC_ASSERT(one.has_value() == other.has_value());
  if (one) RC_ASSERT((*one == Moments{other->second, other->first}));
}

/// Counts each channel's records anew, in the order of their times.
void count_anew(Trace& trace) {
  std::map<std::uint64_t, EventRecord*> by_time;
  for (TaskStream& stream : trace.streams)
    for (EventRecord& event : stream.events) by_time.emplace(event.time, &event);
  std::map<std::uint32_t, std::uint32_t> counts;
  for (const auto& [time, event] : by_time)
    if (!is_on_task(event->operation) && event->object != 0)
      event->sequence = ++counts[event->object];
}

RC_GTEST_PROP(DiffProperty, OneEventThatWasChangedIsFoundThere, ()) {
  const Trace left = draw_execution();
  Trace right = left;
  std::vector<EventRecord*> sends;
  for (TaskStream& stream : right.streams)
    for (EventRecord& event : stream.events)
      if (event.operation == Operation::kSend) sends.push_back(&event);
  EventRecord& changed = **rc::gen::elementOf(sends);
  switch (*rc::gen::inRange(0, 5)) {
    case 0:
      changed.value += 10;
      break;
    case 1:
      changed.operation = Operation::kReceive;
      break;
    case 2:
      changed.flags = make_flags(Phase::kBoth, Outcome::kNotReady, kHasValue);
      break;
    case 3:
      changed.object = changed.object % 3 + 1;
      count_anew(right);
      break;
    default:
      changed.site = changed.site == 99 ? 98 : 99;
      right.sites.try_emplace(changed.site, Site{"/home/me/pool/pool.cpp", "run", changed.site});
      break;
  }

  const auto found = first_difference(left, right);

  RC_ASSERT(found == (Moments{changed.time, changed.time}));
}

}  // namespace
}  // namespace chantrace::replay
