#include "words.h"

#include <algorithm>

namespace chantrace {
namespace {

/// Places that one finding keeps; a circle of thousands would have thousands.
constexpr std::size_t kSitesKeptMax = 32;
/// Cases of a select that a text names; the rest are counted.
constexpr std::size_t kCasesShownMax = 4;

std::string_view noun_of(ObjectKind kind) {
  return kind == ObjectKind::kNone ? std::string_view("object") : to_string(kind);
}

bool is_quoted(ObjectKind kind) {
  return kind == ObjectKind::kChannel || kind == ObjectKind::kNone;
}

}  // namespace

StateIndex::StateIndex(const EndState& state) : state_(state) {
  tasks_.reserve(state.tasks.size());
  for (std::size_t i = 0; i < state.tasks.size(); ++i)
    tasks_.emplace_back(to_number(state.tasks[i].id), static_cast<std::uint32_t>(i));
  objects_.reserve(state.objects.size());
  for (std::size_t i = 0; i < state.objects.size(); ++i)
    objects_.emplace_back(to_number(state.objects[i].id), static_cast<std::uint32_t>(i));
  std::unordered_set<std::string_view> seen;
  for (const TaskState& task : state.tasks)
    if ((task.status == TaskStatus::kParked || task.status == TaskStatus::kRunning) &&
        !task.label.empty() && !seen.insert(task.label).second)
      repeated_.insert(task.label);
  if (!std::is_sorted(tasks_.begin(), tasks_.end())) std::sort(tasks_.begin(), tasks_.end());
  if (!std::is_sorted(objects_.begin(), objects_.end()))
    std::sort(objects_.begin(), objects_.end());
}

std::uint32_t StateIndex::find(const Index& index, std::uint32_t id) {
  // Ids count from 1, so the first guess is nearly always right.
  if (id == 0) return kNone;
  if (id <= index.size() && index[id - 1].first == id) return index[id - 1].second;
  const auto found = std::lower_bound(index.begin(), index.end(), std::pair{id, std::uint32_t{0}});
  return found != index.end() && found->first == id ? found->second : kNone;
}

const TaskState* StateIndex::task(TaskId id) const {
  const std::uint32_t index = task_index(id);
  return index == kNone ? nullptr : &state_.tasks[index];
}

const ObjectState* StateIndex::object(ObjectId id) const {
  const std::uint32_t index = object_index(id);
  return index == kNone ? nullptr : &state_.objects[index];
}

std::string place(const Site& site) {
  if (site.file.empty() || site.line == 0) return site.file;
  return site.file + ":" + std::to_string(site.line);
}

std::string at(const Site& site) { return site.file.empty() ? "" : " at " + place(site); }

std::string since(const Site& site) { return site.file.empty() ? "" : " since " + place(site); }

std::string counted(std::size_t count, std::string_view noun) {
  std::string text = std::to_string(count) + " ";
  text += noun;
  if (count != 1) text += "s";
  return text;
}

std::string listed(const std::vector<std::string>& names, std::size_t shown_max) {
  std::string text;
  const std::size_t shown = std::min(names.size(), shown_max);
  for (std::size_t i = 0; i < shown; ++i) {
    if (i > 0) text += i + 1 == names.size() ? " and " : ", ";
    text += names[i];
  }
  if (shown < names.size()) text += " and " + std::to_string(names.size() - shown) + " more";
  return text;
}

std::string name_of(const StateIndex& index, TaskId id) {
  const TaskState* const task = index.task(id);
  if (task == nullptr || task->label.empty() || index.is_repeated(task->label))
    return full_name_of(index, id);
  return task->label;
}

std::string full_name_of(const StateIndex& index, TaskId id) {
  const TaskState* const task = index.task(id);
  const std::string number = "task " + std::to_string(to_number(id));
  return task == nullptr || task->label.empty() ? number : task->label + " (" + number + ")";
}

std::string name_of(const StateIndex& index, ObjectId id) {
  const ObjectState* const object = index.object(id);
  if (object == nullptr) return "object " + std::to_string(to_number(id));
  if (!object->name.empty())
    return is_quoted(object->kind) ? "\"" + object->name + "\"" : object->name;
  return std::string(noun_of(object->kind)) + " " + std::to_string(to_number(id));
}

std::string described(const StateIndex& index, ObjectId id) {
  std::string text = name_of(index, id);
  const ObjectState* const object = index.object(id);
  if (object == nullptr) return text;

  std::vector<std::string> notes;
  if (object->kind == ObjectKind::kChannel) {
    if (!object->type.empty()) notes.push_back(object->type);
    notes.push_back(object->capacity == 0 ? "unbuffered"
                                          : "capacity " + std::to_string(object->capacity));
  }
  if (object->name.empty() && !object->created_at.file.empty())
    notes.push_back("made" + at(object->created_at));
  if (notes.empty()) return text;
  text += " (";
  for (std::size_t i = 0; i < notes.size(); ++i) {
    if (i > 0) text += ", ";
    text += notes[i];
  }
  return text + ")";
}

std::string wait_text(const StateIndex& index, const Wait& wait, bool with_description) {
  const auto object = [&]() -> std::string {
    if (wait.is_nil_channel) return "a nil channel";
    return with_description ? described(index, wait.object) : name_of(index, wait.object);
  };
  switch (wait.operation) {
    case Operation::kSend:
      return "send on " + object();
    case Operation::kReceive:
      return "recv from " + object();
    case Operation::kRange:
      return "range over " + object();
    case Operation::kLock:
      return "lock of " + object();
    case Operation::kLockShared:
      return "shared lock of " + object();
    case Operation::kConditionWait:
      return "wait on " + object();
    case Operation::kWaitGroupWait:
      return "wait for " + object();
    case Operation::kSemaphoreAcquire:
      return "acquire of " + object();
    case Operation::kOnceCall:
      return "call of " + object();
    case Operation::kTaskJoin:
      return "join of " +
             (with_description ? full_name_of(index, wait.task) : name_of(index, wait.task));
    case Operation::kSleep:
      return "sleep";
    case Operation::kSelect:
      return "select";
    default:
      break;
  }
  std::string text{to_string(wait.operation)};
  if (to_number(wait.object) != 0) text += " of " + object();
  return text;
}

std::string waits_text(const StateIndex& index, const TaskState& task, bool with_description) {
  if (!task.is_select) {
    if (task.waits.empty()) return "an operation";
    return wait_text(index, task.waits.front(), with_description);
  }
  if (task.waits.empty()) return "a select without cases";

  std::string text = "select of ";
  const std::size_t shown = std::min(task.waits.size(), kCasesShownMax);
  for (std::size_t i = 0; i < shown; ++i) {
    if (i > 0) text += i + 1 == task.waits.size() ? " or " : ", ";
    text += wait_text(index, task.waits[i], with_description && task.waits.size() == 1);
  }
  if (shown < task.waits.size()) text += " or " + counted(task.waits.size() - shown, "more case");
  return text;
}

std::string doing_text(const StateIndex& index, const TaskState& task) {
  switch (task.status) {
    case TaskStatus::kRunning:
      return "still running";
    case TaskStatus::kEnded:
      return "ended";
    case TaskStatus::kEndedByException:
      return "ended by an exception";
    case TaskStatus::kCancelled:
      return "was unwound";
    case TaskStatus::kParked:
      break;
  }
  std::string text = "parked in " + waits_text(index, task, true);
  if (task.operation_index > 0) text += ", its operation " + std::to_string(task.operation_index);
  return text;
}

Participant make_participant(const StateIndex& index, const TaskState& task) {
  Participant participant;
  participant.task = task.id;
  participant.label = name_of(index, task.id);
  participant.text = doing_text(index, task);
  const bool has_ended = task.status != TaskStatus::kParked && task.status != TaskStatus::kRunning;
  participant.site = has_ended ? task.ended_at : task.waiting_at;
  participant.started_at = task.started_at;
  if (to_number(task.parent) != 0) participant.started_by = name_of(index, task.parent);
  return participant;
}

void add_site(Finding& finding, std::string_view role, const Site& site) {
  if (site.file.empty() || finding.sites.size() == kSitesKeptMax) return;
  // Where an object is made by `std::make_shared` and the like, the place is one of theirs.
  if (site.file.find("/include/c++/") != std::string::npos) return;
  for (const FindingSite& known : finding.sites)
    if (known.site == site) return;
  finding.sites.push_back({std::string(role), site});
}

}  // namespace chantrace
