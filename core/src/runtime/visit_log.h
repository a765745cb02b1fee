/// \file
/// The schedule of an execution, as it comes about.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "chantrace/schedule.h"

namespace chantrace::detail {

/// What tasks did from one switch to the next. A visit counts as seen once its task made an
/// operation or met a new object; a task that only ran up to its next operation could as well have
/// done that later.
///
/// Threads: one at a time.
class VisitLog {
 public:
  void begin(std::uint32_t task) {
    segments_.clear();
    visit_ = {task, 0};
    is_seen_ = false;
  }
  /// Others could tell that the task which runs did so.
  void set_seen() { is_seen_ = true; }
  /// Others cannot, whatever it did.
  void set_unseen() { is_seen_ = false; }
  /// It makes an operation.
  void count() {
    ++visit_.operations;
    is_seen_ = true;
  }
  /// `task` runs from here on.
  void turn_to(std::uint32_t task) {
    if (is_seen_) close();
    visit_ = {task, 0};
    is_seen_ = false;
  }
  /// So far.
  std::span<const Segment> segments() {
    turn_to(visit_.task);
    return segments_;
  }

 private:
  void close() {
    // One without an operation is kept apart, as it has to be picked by itself, unless the task
    // goes on to one at once.
    if (visit_.operations > 0) {
      if (is_of_same_task() && segments_.back().operations == 0) segments_.pop_back();
      if (is_of_same_task()) {
        segments_.back().operations += visit_.operations;
        return;
      }
    }
    segments_.push_back(visit_);
  }
  bool is_of_same_task() const {
    return !segments_.empty() && segments_.back().task == visit_.task;
  }

  std::vector<Segment> segments_;
  Segment visit_;
  bool is_seen_ = false;
};

}  // namespace chantrace::detail
