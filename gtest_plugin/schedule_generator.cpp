// Schedules as values of RapidCheck.
#include <algorithm>
#include <vector>

#include "chantrace/rapidcheck.h"

namespace chantrace {
namespace {

/// Runs until it is blocked: no task makes so many operations.
constexpr std::uint32_t kRunsOn = 1'000'000;

/// Without `count` of what stands from `start` on.
template <typename Value>
std::vector<Value> without(const std::vector<Value>& values, std::size_t start, std::size_t count) {
  std::vector<Value> left = values;
  const auto first = left.begin() + static_cast<std::ptrdiff_t>(start);
  left.erase(first, first + static_cast<std::ptrdiff_t>(std::min(count, values.size() - start)));
  return left;
}

/// Schedules that decide a little less, the boldest first: segments are taken out, in chunks and
/// singly, the next one of a task is joined to one before, or a task runs on until it is blocked;
/// choices fall away or become the first one.
///
/// Source: as for the library's own shrinking of schedules, whose moves these are.
std::vector<Schedule> smaller(const Schedule& schedule) {
  std::vector<Schedule> all;
  const auto add = [&](std::vector<Segment> segments, std::vector<std::uint32_t> choices) {
    all.push_back(schedule);
    all.back().segments = std::move(segments);
    all.back().choices = std::move(choices);
    all.back().fingerprint = 0;
  };
  const std::vector<Segment>& segments = schedule.segments;
  for (std::size_t chunk = segments.size(); chunk > 0; chunk /= 2)
    for (std::size_t i = 0; i < segments.size(); i += chunk)
      add(without(segments, i, chunk), schedule.choices);
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const auto same = [&](const Segment& other) { return other.task == segments[i].task; };
    const auto next =
        std::find_if(segments.begin() + static_cast<std::ptrdiff_t>(i) + 1, segments.end(), same);
    if (next == segments.end()) continue;
    std::vector<Segment> joined =
        without(segments, static_cast<std::size_t>(next - segments.begin()), 1);
    joined[i].operations += std::min(next->operations, kRunsOn);
    add(std::move(joined), schedule.choices);
  }
  for (std::size_t i = 0; i < segments.size(); ++i) {
    if (segments[i].operations >= kRunsOn) continue;
    std::vector<Segment> runs_on = segments;
    runs_on[i].operations = kRunsOn;
    add(std::move(runs_on), schedule.choices);
  }
  for (std::size_t chunk = schedule.choices.size(); chunk > 0; chunk /= 2)
    for (std::size_t i = 0; i < schedule.choices.size(); i += chunk)
      add(segments, without(schedule.choices, i, chunk));
  for (std::size_t i = 0; i < schedule.choices.size(); ++i) {
    if (schedule.choices[i] == 0) continue;
    std::vector<std::uint32_t> choices = schedule.choices;
    choices[i] = 0;
    add(segments, std::move(choices));
  }
  return all;
}

}  // namespace

void showValue(const Schedule& schedule, std::ostream& out) { out << schedule.to_string(); }

}  // namespace chantrace

namespace rc {

Gen<chantrace::Schedule> Arbitrary<chantrace::Schedule>::arbitrary() {
  return [](const Random& random, int size) {
    using chantrace::Schedule;
    // Gaps between switches, as a program's operations are counted, and few tasks: what they do not
    // name is the same in all schedules anyway.
    constexpr std::uint32_t kTasks = 6;
    constexpr std::uint32_t kOperations = 6;
    Random source = random;
    const auto below = [&](std::uint64_t limit) {
      return static_cast<std::uint32_t>(source.next() % limit);
    };
    const auto count = [&] { return below(static_cast<std::uint64_t>(size) / 2 + 2); };
    Schedule schedule;
    for (std::uint32_t left = count(); left > 0; --left) {
      // The first tasks more often than the others.
      const std::uint32_t task = 1 + below(1 + below(kTasks));
      // The clock now and then.
      schedule.segments.push_back({below(10) == 0 ? 0 : task, 1 + below(1 + below(kOperations))});
    }
    for (std::uint32_t left = count(); left > 0; --left)
      schedule.choices.push_back(below(1 + below(4)));
    return shrinkable::shrinkRecur(std::move(schedule), [](const Schedule& one) {
      return seq::fromContainer(chantrace::smaller(one));
    });
  };
}

}  // namespace rc
