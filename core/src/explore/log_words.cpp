#include "log_words.h"

#include "chantrace/event.h"

namespace chantrace::detail {

const EventLog::Object* object_of(const EventLog& log, std::uint32_t object) {
  const auto objects = log.objects();
  return object != 0 && object < objects.size() ? &objects[object] : nullptr;
}

std::string task_in_words(const EventLog& log, std::size_t task) {
  const auto tasks = log.tasks();
  return task < tasks.size() && !tasks[task].label.empty() ? tasks[task].label
                                                           : "task " + std::to_string(task);
}

std::string object_in_words(const EventLog& log, std::uint32_t number) {
  const EventLog::Object* const object = object_of(log, number);
  if (object != nullptr && !object->info.name.empty()) return object->info.name;
  const ObjectKind kind = object != nullptr ? object->info.kind : ObjectKind::kNone;
  return std::string(to_string(kind)) + " " + std::to_string(number);
}

std::string operation_in_words(const EventLog& log, const EventRecord& event) {
  std::string text{to_string(event.operation)};
  if (event.object == 0) return text;
  return text + "(" +
         (is_on_task(event.operation) ? task_in_words(log, event.object)
                                      : object_in_words(log, event.object)) +
         ")";
}

}  // namespace chantrace::detail
