#include "virtual_timers.h"

#include <utility>

namespace chantrace::detail {

void VirtualTimers::push(Instant due, std::shared_ptr<TimerNode> timer) {
  remove(*timer);
  push_entry({due, pushed_++, std::move(timer), nullptr});
}

void VirtualTimers::push(Instant due, TaskControl& task) {
  push_entry({due, pushed_++, nullptr, &task});
}

void VirtualTimers::push_entry(Entry entry) {
  heap_.emplace_back();
  set(heap_.size() - 1, std::move(entry));
  sift_up(heap_.size() - 1);
}

VirtualTimers::Entry VirtualTimers::pop() {
  Entry first = heap_.front();
  remove_at(0);
  return first;
}

bool VirtualTimers::remove(TimerNode& timer) {
  if (timer.heap_place == kNotInHeap) return false;
  remove_at(timer.heap_place);
  return true;
}

bool VirtualTimers::remove(TaskControl& task) {
  if (task.heap_place == kNotInHeap) return false;
  remove_at(task.heap_place);
  return true;
}

void VirtualTimers::clear_heap() {
  for (const Entry& entry : heap_) place_of(entry) = kNotInHeap;
  heap_.clear();
}

void VirtualTimers::remove_at(std::size_t place) {
  place_of(heap_[place]) = kNotInHeap;
  Entry last = std::move(heap_.back());
  heap_.pop_back();
  if (place == heap_.size()) return;
  set(place, std::move(last));
  sift_up(place);
  sift_down(place);
}

void VirtualTimers::set(std::size_t place, Entry entry) {
  heap_[place] = std::move(entry);
  place_of(heap_[place]) = static_cast<std::uint32_t>(place);
}

void VirtualTimers::sift_up(std::size_t place) {
  while (place > 0) {
    const std::size_t above = (place - 1) / 2;
    if (!is_before(heap_[place], heap_[above])) return;
    Entry entry = std::move(heap_[place]);
    set(place, std::move(heap_[above]));
    set(above, std::move(entry));
    place = above;
  }
}

void VirtualTimers::sift_down(std::size_t place) {
  for (;;) {
    std::size_t first = place;
    for (const std::size_t below : {2 * place + 1, 2 * place + 2})
      if (below < heap_.size() && is_before(heap_[below], heap_[first])) first = below;
    if (first == place) return;
    Entry entry = std::move(heap_[place]);
    set(place, std::move(heap_[first]));
    set(first, std::move(entry));
    place = first;
  }
}

}  // namespace chantrace::detail
