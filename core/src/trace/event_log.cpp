#include "chantrace/detail/event_log.h"

#include <algorithm>
#include <atomic>

namespace chantrace::detail {
namespace {

std::uint64_t next_id() {
  static std::atomic<std::uint64_t> last = 0;
  return ++last;
}

}  // namespace

EventLog::EventLog() : id_(next_id()), tasks_(1), objects_(1) {
  blocks_.push_back(std::make_unique<Block>());
}

void EventLog::clear() {
  current_ = 0;
  blocks_[0]->head.count.store(0, std::memory_order_relaxed);
  tasks_count_ = objects_count_ = 1;
  is_open_ = true;
}

void EventLog::close() {
  size_at_end_ = size();
  is_open_ = false;
}

Chunk* EventLog::next_chunk() {
  if (!is_open_ || (current_ + 1) * kChunkCapacity == kEventsMax) return nullptr;
  if (++current_ == blocks_.size()) blocks_.push_back(std::make_unique<Block>());
  Chunk& next = blocks_[current_]->head;
  next.count.store(0, std::memory_order_relaxed);
  return &next;
}

EventLog::Object& EventLog::define_object(ObjectId id) {
  const std::size_t index = to_number(id);
  if (index >= objects_.size()) objects_.resize(index + 1);
  objects_count_ = std::max(objects_count_, index + 1);
  Object& object = objects_[index];
  // Texts keep their memory.
  ObjectInfo& info = object.info;
  info.id = id;
  info.name.clear();
  info.type.clear();
  info.initial_holders.clear();
  info.format = ValueFormat::kOpaque;
  info.capacity = info.initial_size = 0;
  info.initial_count = 0;
  info.is_initially_closed = false;
  info.channel = {};
  return object;
}

std::uint32_t EventLog::site(const Location& place) {
  if (place.line == 0) return 0;
  const auto [found, is_new] =
      site_ids_.try_emplace({place.file, place.line}, static_cast<std::uint32_t>(sites_.size()));
  if (is_new) sites_.push_back(place);
  return found->second;
}

Location EventLog::location(std::uint32_t site) const {
  return site < sites_.size() ? sites_[site] : Location{};
}

std::vector<EventLog::Summary> EventLog::summaries() const {
  std::vector<Summary> all(tasks_count_);
  for (std::size_t i = 0; i < size(); ++i) {
    const EventRecord& event = (*this)[i];
    if (!starts_operation(event)) continue;
    Summary& one = all[task_of(event)];
    ++one.operations;
    one.last_site = event.site;
  }
  return all;
}

}  // namespace chantrace::detail
