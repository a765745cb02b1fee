/// \file
/// Two tasks that hold a lock each and wait for the other's.
#pragma once

#include "chantrace/channel.h"
#include "chantrace/mutex.h"
#include "chantrace/task.h"
#include "support/until_parked.h"

namespace chantrace {

/// The tasks "one" and "two" are in a deadlock from its construction to its end.
class CrossedLocks {
 public:
  CrossedLocks() {
    until_parked("one");
    until_parked("two");
  }
  ~CrossedLocks() {
    left_.unlock();
    two_.join();
    right_.unlock();
    one_.join();
  }
  CrossedLocks(const CrossedLocks&) = delete;
  CrossedLocks& operator=(const CrossedLocks&) = delete;

 private:
  void take(Mutex& first, Mutex& second) {
    first.lock();
    holds_.send(1);
    while (holds_.size() < 2) yield();
    second.lock();
    second.unlock();
  }

  Mutex left_{"left"};
  Mutex right_{"right"};
  const Channel<int> holds_{"holds", 2};
  const Task one_ = go("one", [this] { take(left_, right_); });
  const Task two_ = go("two", [this] { take(right_, left_); });
};

}  // namespace chantrace
