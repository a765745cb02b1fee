/// \file
/// What happens at a moment of virtual time: timers, and the deadlines of tasks that wait.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "chantrace/detail/executor.h"
#include "chantrace/detail/task_control.h"

namespace chantrace::detail {

/// A binary heap in which each entry knows its place, so that one that is disarmed leaves at once.
///
/// Threads: one thread at a time.
class VirtualTimers {
 public:
  struct Entry {
    Instant due = 0;
    std::uint64_t order = 0;  ///< Among those due at one moment: first armed, first fired.
    std::shared_ptr<TimerNode> timer;
    TaskControl* task = nullptr;  ///< Whose deadline it is, where there is no timer.
  };

  bool empty() const { return heap_.empty(); }
  const std::vector<Entry>& entries() const { return heap_; }

  void push(Instant due, std::shared_ptr<TimerNode> timer);
  void push(Instant due, TaskControl& task);
  /// The next one due, which leaves. Requires: not empty.
  Entry pop();
  /// False: it was not there.
  bool remove(TimerNode& timer);
  bool remove(TaskControl& task);
  /// All leave.
  void clear() {
    pushed_ = 0;
    if (!heap_.empty()) clear_heap();
  }

 private:
  void clear_heap();
  static std::uint32_t& place_of(const Entry& entry) {
    return entry.timer != nullptr ? entry.timer->heap_place : entry.task->heap_place;
  }
  static bool is_before(const Entry& left, const Entry& right) {
    return left.due != right.due ? left.due < right.due : left.order < right.order;
  }
  void push_entry(Entry entry);
  void remove_at(std::size_t place);
  void set(std::size_t place, Entry entry);
  void sift_up(std::size_t place);
  void sift_down(std::size_t place);

  std::vector<Entry> heap_;
  std::uint64_t pushed_ = 0;
};

}  // namespace chantrace::detail
