#include "snapshot.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include "chantrace/detail/printable.h"

namespace chantrace::notouch {
namespace {

constexpr std::size_t kPlacesMax = 4;

const ThreadSnapshot* find(const Snapshot& snapshot, pid_t id) {
  const auto found = std::lower_bound(
      snapshot.begin(), snapshot.end(), id,
      [](const ThreadSnapshot& thread, pid_t wanted) { return thread.id < wanted; });
  return found != snapshot.end() && found->id == id ? &*found : nullptr;
}

std::vector<std::string> program_functions(const ThreadSnapshot& thread) {
  std::vector<std::string> functions;
  for (const Frame* const frame : program_frames(thread.frames))
    functions.push_back(detail::shown(thread_body_name(frame->function)));
  return functions;
}

std::string top_place(const ThreadSnapshot& thread) {
  const std::vector<const Frame*> frames = program_frames(thread.frames);
  return frames.empty() ? "" : detail::shown(frames.front()->place);
}

/// What a thread waits for, as something that others can wait for too.
struct Target {
  std::string state;
  std::uint64_t lock = 0;
  int descriptor = -1;

  friend auto operator<=>(const Target&, const Target&) = default;
};

std::optional<Target> target_of(const ThreadSnapshot& thread) {
  if (thread.lock == 0 && thread.descriptor < 0) return std::nullopt;
  return Target{std::string(to_string(thread.wait)), thread.lock, thread.descriptor};
}

struct TargetGroup {
  Target target;
  std::vector<const ThreadSnapshot*> threads;
};

/// The most waited for first, and then by who waits: the number of the first thread.
std::vector<TargetGroup> group_by_target(const Snapshot& snapshot) {
  std::map<Target, TargetGroup> groups;
  for (const ThreadSnapshot& thread : snapshot) {
    if (const auto target = target_of(thread)) {
      groups[*target].target = *target;
      groups[*target].threads.push_back(&thread);
    }
  }
  std::vector<TargetGroup> sorted;
  for (auto& [target, group] : groups) sorted.push_back(std::move(group));
  std::sort(sorted.begin(), sorted.end(), [](const TargetGroup& a, const TargetGroup& b) {
    if (a.threads.size() != b.threads.size()) return a.threads.size() > b.threads.size();
    return a.threads.front()->id < b.threads.front()->id;
  });
  return sorted;
}

/// Names for all that is waited for. What has none of its own gets a number, with its state.
std::map<Target, std::string> target_names(const std::vector<TargetGroup>& groups) {
  std::map<Target, std::string> names;
  std::map<std::string, int> numbers;
  for (const TargetGroup& group : groups) {
    const ThreadSnapshot& thread = *group.threads.front();
    std::string& name = names[group.target];
    if (group.target.lock != 0) {
      name = !thread.lock_name.empty()
                 ? detail::shown(thread.lock_name)
                 : group.target.state + " " + std::to_string(++numbers[group.target.state]);
    } else {
      name = "descriptor " + std::to_string(thread.descriptor);
      if (!thread.descriptor_name.empty())
        name += " (" + detail::shown(thread.descriptor_name) + ")";
    }
  }
  return names;
}

std::string holder_text(const Snapshot& snapshot, pid_t holder) {
  if (holder == 0) return "nobody";
  const ThreadSnapshot* const thread = find(snapshot, holder);
  if (thread == nullptr) return "a thread that has ended";
  std::string text = "thread " + std::to_string(holder);
  if (!thread->name.empty()) text += " (" + detail::shown(thread->name) + ")";
  text +=
      thread->wait == Wait::kRunning ? ", running" : ", in " + std::string(to_string(thread->wait));
  const std::vector<std::string> functions = program_functions(*thread);
  if (!functions.empty()) text += " in " + functions.front();
  return text;
}

/// Its targets' name where they are one, or how many there are.
std::string common_target(const std::vector<const ThreadSnapshot*>& threads,
                          const std::map<Target, std::string>& names) {
  std::set<Target> targets;
  for (const ThreadSnapshot* const thread : threads)
    if (const auto target = target_of(*thread)) targets.insert(*target);
  if (targets.empty()) return {};
  if (targets.size() == 1) return names.at(*targets.begin());
  const bool are_descriptors = targets.begin()->lock == 0;
  return std::to_string(targets.size()) + " different " +
         (are_descriptors ? std::string("descriptors") : targets.begin()->state + "s");
}

/// A state, and the functions of the program.
using GroupKey = std::pair<std::string, std::vector<std::string>>;
using Group = std::pair<GroupKey, std::vector<const ThreadSnapshot*>>;

std::vector<Group> sorted_groups(
    const std::map<GroupKey, std::vector<const ThreadSnapshot*>>& groups,
    const std::vector<pid_t>& stuck) {
  const auto is_stuck = [&](const Group& group) {
    return std::any_of(group.second.begin(), group.second.end(), [&](const ThreadSnapshot* thread) {
      return std::binary_search(stuck.begin(), stuck.end(), thread->id);
    });
  };
  std::vector<Group> sorted(groups.begin(), groups.end());
  std::stable_sort(sorted.begin(), sorted.end(), [&](const Group& a, const Group& b) {
    if (is_stuck(a) != is_stuck(b)) return is_stuck(a);
    return a.second.size() > b.second.size();
  });
  return sorted;
}

}  // namespace

std::vector<NoTouchHotspot> hotspots(const Snapshot& first, const Snapshot& last,
                                     const std::vector<pid_t>& stuck, std::size_t count_max) {
  std::map<GroupKey, std::vector<const ThreadSnapshot*>> groups;
  for (const ThreadSnapshot& thread : last)
    groups[{std::string(to_string(thread.wait)), program_functions(thread)}].push_back(&thread);

  const std::map<Target, std::string> names = target_names(group_by_target(last));
  std::vector<NoTouchHotspot> result;
  for (const auto& [key, threads] : sorted_groups(groups, stuck)) {
    if (result.size() == count_max) break;
    NoTouchHotspot hotspot;
    hotspot.state = key.first;
    hotspot.frames = key.second;
    if (!hotspot.frames.empty()) hotspot.top_frame = hotspot.frames.front();
    hotspot.count = threads.size();
    hotspot.is_persistent = true;
    std::set<std::string> places;
    for (const ThreadSnapshot* const thread : threads) {
      const ThreadSnapshot* const before = find(first, thread->id);
      if (before == nullptr || before->progress != thread->progress) hotspot.is_persistent = false;
      if (std::string place = top_place(*thread); !place.empty()) places.insert(std::move(place));
    }
    for (const std::string& place : places)
      if (hotspot.places.size() < kPlacesMax) hotspot.places.push_back(place);
    hotspot.waits_on = common_target(threads, names);
    result.push_back(std::move(hotspot));
  }
  return result;
}

std::vector<NoTouchWait> waits(const Snapshot& last, std::size_t count_max) {
  const std::vector<TargetGroup> groups = group_by_target(last);
  const std::map<Target, std::string> names = target_names(groups);
  std::vector<NoTouchWait> result;
  for (const TargetGroup& group : groups) {
    if (result.size() == count_max) break;
    NoTouchWait wait{group.target.state, names.at(group.target), group.threads.size(), {}};
    const std::optional<pid_t> holder = group.threads.front()->holder;
    if (holder) wait.holder = holder_text(last, *holder);
    result.push_back(std::move(wait));
  }
  return result;
}

}  // namespace chantrace::notouch
