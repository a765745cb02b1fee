#include "standings.h"

#include <fmt/format.h>

#include <algorithm>

#include "chantrace/detail/printable.h"

namespace chantrace::view {
namespace {

/// The fewest changes from one checkpoint to the next.
constexpr std::size_t kCheckpointEvery = 256;

/// Others have nothing to show but who waits for them.
bool is_worth_a_line(ObjectKind kind) {
  switch (kind) {
    case ObjectKind::kChannel:
    case ObjectKind::kMutex:
    case ObjectKind::kSharedMutex:
    case ObjectKind::kConditionVariable:
    case ObjectKind::kWaitGroup:
    case ObjectKind::kSemaphore:
    case ObjectKind::kOnce:
      return true;
    default:
      return false;
  }
}

std::size_t size_of(const Standing& standing) {
  return standing.buffer.size() + standing.holders.size() + standing.waiters.size();
}

std::string names_of(const Names& names, const std::vector<TaskId>& tasks, std::size_t names_max) {
  std::string words;
  for (std::size_t i = 0; i < std::min(tasks.size(), names_max); ++i)
    words += (i == 0 ? "" : ", ") + names.task(tasks[i]);
  if (tasks.size() > names_max) words += fmt::format(" and {} more", tasks.size() - names_max);
  return words;
}

std::string value_of(const Trace& trace, const std::vector<Step>& steps, std::uint64_t step) {
  if (step < 1 || step > steps.size()) return "?";
  const EventRecord& event = event_at(trace, steps[step - 1].place);
  if ((event.flags & kHasValue) == 0) return "?";
  return detail::printable(detail::cut_to_code_points(format_value(trace, event), 60));
}

std::string buffer_in_words(const Trace& trace, const std::vector<Step>& steps,
                            std::uint64_t capacity, const Standing& standing,
                            std::size_t values_max) {
  if (capacity == 0 && standing.size == 0) return "unbuffered";
  std::string values;
  if (standing.size > standing.buffer.size()) values = "?";
  for (std::size_t i = 0; i < std::min(standing.buffer.size(), values_max); ++i)
    values += (values.empty() ? "" : ", ") + value_of(trace, steps, standing.buffer[i]);
  if (standing.buffer.size() > values_max) values += ", ...";
  return fmt::format("{} of {}: [{}]", standing.size, capacity, values);
}

}  // namespace

Standings::Standings(const Trace& trace, const std::vector<Step>& steps)
    : trace_(trace), steps_(steps) {
  changed_begin_.reserve(steps.size() + 2);
  for (const Change& change : find_changes(trace, steps)) {
    while (changed_begin_.size() <= change.step) changed_begin_.push_back(changed_.size());
    changed_.push_back(change.object);
    histories_[change.object].changes.push_back(change);
  }
  changed_begin_.resize(steps.size() + 2, changed_.size());
  for (auto& [object, history] : histories_) add_checkpoints(history);
  for (const ObjectInfo& object : trace.objects)
    if (is_worth_a_line(object.kind) || histories_.contains(to_number(object.id)))
      objects_.push_back(to_number(object.id));
  std::sort(objects_.begin(), objects_.end());
}

/// They take as much memory as the changes, since a large standing is kept more seldom.
void Standings::add_checkpoints(History& history) {
  Standing standing;
  std::size_t last = 0;
  for (std::size_t i = 0; i < history.changes.size(); ++i) {
    if (i - last >= std::max(kCheckpointEvery, size_of(standing))) {
      history.checkpoints.push_back({i, standing});
      last = i;
    }
    standing.apply(history.changes[i]);
  }
}

Standing Standings::at(std::uint32_t object, std::uint64_t step) const {
  const auto found = histories_.find(object);
  if (found == histories_.end()) return {};
  const History& history = found->second;
  const auto end = std::upper_bound(
      history.changes.begin(), history.changes.end(), step,
      [](std::uint64_t wanted, const Change& change) { return wanted < change.step; });
  const auto count = static_cast<std::size_t>(end - history.changes.begin());
  const auto behind = std::upper_bound(
      history.checkpoints.begin(), history.checkpoints.end(), count,
      [](std::size_t wanted, const Checkpoint& one) { return wanted < one.changes_count; });
  Standing standing;
  std::size_t next = 0;
  if (behind != history.checkpoints.begin()) {
    standing = std::prev(behind)->standing;
    next = std::prev(behind)->changes_count;
  }
  for (; next < count; ++next) standing.apply(history.changes[next]);
  return standing;
}

std::vector<std::uint32_t> Standings::touched_by(std::uint64_t step) const {
  if (step < 1 || step > steps_.size()) return {};
  std::vector<std::uint32_t> touched{
      changed_.begin() + static_cast<std::ptrdiff_t>(changed_begin_[step]),
      changed_.begin() + static_cast<std::ptrdiff_t>(changed_begin_[step + 1])};
  const EventRecord& event = event_at(trace_, steps_[step - 1].place);
  if (event.object != 0 && !is_on_task(event.operation)) touched.push_back(event.object);
  std::sort(touched.begin(), touched.end());
  touched.erase(std::unique(touched.begin(), touched.end()), touched.end());
  std::erase_if(touched, [&](std::uint32_t object) {
    return !std::binary_search(objects_.begin(), objects_.end(), object);
  });
  return touched;
}

StandingWords in_words(const Trace& trace, const std::vector<Step>& steps, const Names& names,
                       std::uint32_t object, const Standing& standing, std::size_t names_max) {
  const ObjectInfo* const info = trace.find_object(ObjectId{object});
  const ObjectKind kind = info == nullptr ? ObjectKind::kNone : info->kind;
  StandingWords words{.state = {}, .waiting = names_of(names, standing.waiters, names_max)};
  switch (kind) {
    case ObjectKind::kChannel:
      words.state = buffer_in_words(trace, steps, info->capacity, standing, names_max);
      if (standing.is_closed) words.state += ", closed";
      return words;
    case ObjectKind::kWaitGroup:
    case ObjectKind::kSemaphore:
      words.state = fmt::format("count {}", standing.count);
      return words;
    default:
      break;
  }
  if (!standing.holders.empty())
    words.state = "held by " + names_of(names, standing.holders, names_max);
  else if (standing.is_closed)
    words.state = "cancelled";
  else if (kind == ObjectKind::kMutex || kind == ObjectKind::kSharedMutex)
    words.state = "free";
  return words;
}

}  // namespace chantrace::view
