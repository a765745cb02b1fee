#include "chantrace/detail/event_log.h"

namespace chantrace::detail {

void EventLog::clear() {
  size_ = 0;
  tasks_.resize(1);
  objects_.resize(1);
  is_open_ = true;
}

void EventLog::define_task(std::uint32_t id, std::uint32_t parent, std::string_view label,
                           const Location& started_at, bool is_clock) {
  if (id >= tasks_.size()) tasks_.resize(id + 1);
  Task& task = tasks_[id];
  task.parent = parent;
  task.label.assign(label);
  task.started_at = started_at;
  task.is_clock = is_clock;
}

void EventLog::define_object(const Object& object) {
  const std::uint32_t id = to_number(object.info.id);
  if (id >= objects_.size()) objects_.resize(id + 1);
  objects_[id] = object;
}

std::uint32_t EventLog::site(const Location& place) {
  const auto address = reinterpret_cast<std::uintptr_t>(place.file);
  Known& known = cache_[((address >> 3) + place.line) % kCacheSize];
  if (known.id != 0 && known.file == place.file && known.line == place.line) return known.id;
  const auto [found, is_new] =
      ids_.try_emplace({place.file, place.line}, static_cast<std::uint32_t>(sites_.size() + 1));
  if (is_new) sites_.push_back(place);
  known = {place.file, place.line, found->second};
  return found->second;
}

Site EventLog::place(std::uint32_t site) const {
  if (site == 0 || site > sites_.size()) return {};
  const Location& place = sites_[site - 1];
  return {place.file, place.function, place.line};
}

}  // namespace chantrace::detail
