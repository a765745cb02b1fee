#include "naming.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "chantrace/detail/printable.h"
#include "quantity.h"

namespace chantrace::view {
namespace {

/// The longest beginning of all files' paths that ends in a slash.
std::string common_directory(const std::set<std::string>& files) {
  if (files.empty()) return {};
  // Sorted: what the first and the last share, all share.
  const std::string& first = *files.begin();
  const std::string& last = *files.rbegin();
  const auto split = std::mismatch(first.begin(), first.end(), last.begin(), last.end()).first;
  const std::string shared{first.begin(), split};
  return shared.substr(0, shared.rfind('/') + 1);
}

/// Names by id, with the number behind those that are not unique.
template <typename Info, typename NameOf>
std::unordered_map<std::uint32_t, std::string> unique_names(const std::vector<Info>& infos,
                                                            const NameOf& name_of) {
  std::unordered_map<std::string, std::size_t> uses;
  for (const Info& info : infos) ++uses[name_of(info)];

  std::unordered_map<std::uint32_t, std::string> names;
  for (const Info& info : infos) {
    std::string name = name_of(info);
    if (uses[name] > 1) name += fmt::format(" #{}", to_number(info.id));
    names.insert_or_assign(to_number(info.id), std::move(name));
  }
  return names;
}

std::string cases_in_words(const Names& names, const std::vector<const EventRecord*>& cases) {
  std::string words;
  for (const EventRecord* one : cases) {
    if (!words.empty()) words += ", ";
    words += is_send_case(*one) ? "send " : "recv ";
    words += one->object == 0 ? "nil" : names.object(ObjectId{one->object});
  }
  return words;
}

std::string outcome_in_words(const EventRecord& event) {
  switch (outcome_of(event)) {
    case Outcome::kOk:
    case Outcome::kDefault:
      return {};
    case Outcome::kForeign:
      return " (locked by another)";
    case Outcome::kMisuse:
      return " misused";
    case Outcome::kException:
      return " by an exception";
    case Outcome::kClosed:
    case Outcome::kNotReady:
    case Outcome::kTimedOut:
    case Outcome::kCancelled:
      break;
  }
  return fmt::format(": {}", to_string(outcome_of(event)));
}

std::string select_in_words(const Names& names, const EventRecord& event, std::string_view value,
                            const std::vector<const EventRecord*>& cases) {
  if (phase_of(event) == Phase::kStart) {
    return fmt::format("select({})", cases_in_words(names, cases));
  }
  if (outcome_of(event) == Outcome::kDefault) return "select: default";
  if (event.detail == kNoCase) return "select";
  const std::string object = event.object == 0 ? "nil" : names.object(ObjectId{event.object});
  if (is_send_case(event)) return fmt::format("select: send({})", object);
  std::string words = fmt::format("select: recv({})", object);
  if (!value.empty()) words += fmt::format(" = {}", value);
  return words;
}

/// What the operation was called with and gave back, without its outcome.
std::string call_in_words(const Names& names, const EventRecord& event, std::string_view value,
                          const std::vector<const EventRecord*>& cases) {
  const std::string_view verb = to_string(event.operation);
  const bool is_start = phase_of(event) == Phase::kStart;
  const std::string object = event.object == 0             ? "nil"
                             : is_on_task(event.operation) ? names.task(TaskId{event.object})
                                                           : names.object(ObjectId{event.object});
  switch (event.operation) {
    case Operation::kSend:
      return value.empty() ? fmt::format("{}({})", verb, object)
                           : fmt::format("{}({}, {})", verb, object, value);
    case Operation::kReceive:
    case Operation::kRange:
      return value.empty() || is_start ? fmt::format("{}({})", verb, object)
                                       : fmt::format("{}({}) = {}", verb, object, value);
    case Operation::kSelect:
      return select_in_words(names, event, value, cases);
    case Operation::kChannelMake:
      return event.value == 0 ? fmt::format("make({})", object)
                              : fmt::format("make({}, {})", object, event.value);
    case Operation::kTaskSpawn:
      return fmt::format("go {}", object);
    case Operation::kTaskBegin:
      return "begin";
    case Operation::kTaskEnd:
      return "end";
    case Operation::kSleep:
      return fmt::format("{}({})", verb, duration(event.value));
    case Operation::kYield:
      return std::string(verb);
    case Operation::kWaitGroupAdd:
      return fmt::format("{}({}): {}", verb, object, static_cast<std::int64_t>(event.value));
    case Operation::kConditionNotifyOne:
    case Operation::kConditionNotifyAll:
      return event.value == 0 ? fmt::format("{}({}): nobody waits", verb, object)
                              : fmt::format("{}({}): wakes {}", verb, object, event.value);
    case Operation::kTimerStart:
      return fmt::format("{}({}, {})", verb, object, duration(event.value));
    case Operation::kStore:
      return value.empty() ? fmt::format("{}({})", verb, object)
                           : fmt::format("{}({}, {})", verb, object, value);
    case Operation::kLoad:
    case Operation::kReadModifyWrite:
      return value.empty() ? fmt::format("{}({})", verb, object)
                           : fmt::format("{}({}) = {}", verb, object, value);
    case Operation::kChoose:
      return fmt::format("{}({}) = {}", verb, event.detail, event.value);
    default:
      break;
  }
  return fmt::format("{}({})", verb, object);
}

}  // namespace

Names::Names(const Trace& trace) : trace_(trace) {
  std::set<std::string> files;
  for (const auto& [id, site] : trace.sites) {
    if (!site.file.empty()) files.insert(site.file);
  }
  directory_ = common_directory(files);
  if (files.size() == 1) only_file_ = files.begin()->substr(directory_.size());

  tasks_ = unique_names(trace.tasks, [](const TaskInfo& task) {
    return task.label.empty() ? fmt::format("task {}", to_number(task.id)) : task.label;
  });
  objects_ = unique_names(trace.objects, [](const ObjectInfo& object) {
    return object.name.empty() ? fmt::format("{} {}", to_string(object.kind), to_number(object.id))
                               : object.name;
  });
}

const std::string& Names::task(TaskId id) const {
  const auto [name, is_new] = tasks_.try_emplace(to_number(id));
  if (is_new) name->second = fmt::format("task {}", to_number(id));
  return name->second;
}

const std::string& Names::object(ObjectId id) const {
  const auto [name, is_new] = objects_.try_emplace(to_number(id));
  if (is_new) name->second = fmt::format("object {}", to_number(id));
  return name->second;
}

std::string Names::object_and_place(ObjectId id) const {
  const ObjectInfo* const info = trace_.find_object(id);
  if (info == nullptr || !info->name.empty()) return object(id);
  const std::string made_at = place(info->site);
  return made_at.empty() ? object(id) : fmt::format("{} ({})", object(id), made_at);
}

std::string Names::place(const Site& site) const {
  if (site.file.empty()) return {};
  const std::string_view file = site.file;
  const std::string_view shown =
      file.starts_with(directory_) ? file.substr(directory_.size()) : file;
  return site.line == 0 ? std::string(shown) : fmt::format("{}:{}", shown, site.line);
}

std::string Names::brief_place(SiteId id) const {
  const Site& site = trace_.site(id);
  if (site.file.empty() || only_file_.empty() || site.line == 0) return place(site);
  return fmt::format(":{}", site.line);
}

std::string title_of(const Trace& trace, std::string_view fallback) {
  if (!trace.header.test.empty()) return trace.header.test;
  const std::string& program = trace.header.program;
  const std::string name = program.substr(program.rfind('/') + 1);
  return name.empty() ? std::string(fallback) : name;
}

std::string describe(const Trace& trace, const Names& names, const EventRecord& event,
                     bool with_values, const std::vector<const EventRecord*>& select_cases) {
  const std::string value = with_values && (event.flags & kHasValue) != 0
                                ? detail::printable(format_value(trace, event))
                                : "";
  return call_in_words(names, event, value, select_cases) + outcome_in_words(event);
}

}  // namespace chantrace::view
