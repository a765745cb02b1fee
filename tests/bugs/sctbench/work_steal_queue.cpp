// A work-stealing deque that lets itself fill up: the owner overwrites what a thief is about to
// take.
#include <array>
#include <mutex>
#include <vector>

#include "bugs/programs.h"
#include "chantrace/chantrace.h"

namespace chantrace::bugs {

namespace {

constexpr int kNothing = -1;

/// The THE protocol: the owner pushes and pops at the tail, thieves take at the head under a lock.
class WorkStealQueue {
 public:
  explicit WorkStealQueue(bool may_fill) : slack_(may_fill ? 1 : 0) {}

  void push(int value) {
    const int tail = tail_.load();
    if (tail < head_.load() + mask() + slack_) {
      at(tail) = value;
      tail_.store(tail + 1);
      return;
    }
    const std::scoped_lock lock(mutex_);
    std::vector<int> larger(2 * values_.size());
    const int head = head_.load();
    const int count = tail - head;
    for (int i = 0; i < count; ++i) larger[static_cast<std::size_t>(i)] = at(head + i);
    values_ = std::move(larger);
    head_.store(0);
    at(count) = value;
    tail_.store(count + 1);
  }

  int pop() {
    int tail = tail_.load() - 1;
    tail_.store(tail);
    if (head_.load() <= tail) return at(tail);
    tail_.store(tail + 1);
    const std::scoped_lock lock(mutex_);
    tail = tail_.load() - 1;
    tail_.store(tail);
    if (head_.load() <= tail) return at(tail);
    tail_.store(tail + 1);
    return kNothing;
  }

  int steal() {
    const std::scoped_lock lock(mutex_);
    const int head = head_.load();
    head_.store(head + 1);
    if (head < tail_.load()) return at(head);
    head_.store(head);
    return kNothing;
  }

 private:
  int mask() const { return static_cast<int>(values_.size()) - 1; }
  int& at(int index) { return values_[static_cast<std::size_t>(index & mask())]; }

  const int slack_;
  Mutex mutex_{"deque"};
  Atomic<int> head_{0, "head"};
  Atomic<int> tail_{0, "tail"};
  std::vector<int> values_ = std::vector<int>(2);
};

}  // namespace

void work_steal_queue(Variant variant) {
  constexpr int kItems = 4;
  WorkStealQueue queue(variant == Variant::kFaulty);
  std::array<int, kItems> taken{};
  const auto note = [&](int item) {
    if (item != kNothing) ++taken[static_cast<std::size_t>(item)];
  };
  Task thief = go("thief", [&] {
    for (int i = 0; i < 2; ++i) note(queue.steal());
  });
  for (int item = 0; item < kItems; item += 2) {
    queue.push(item);
    queue.push(item + 1);
    note(queue.pop());
  }
  note(queue.pop());
  note(queue.pop());
  thief.join();
  for (const int times : taken) ensure(times == 1, "each item is taken once");
}

}  // namespace chantrace::bugs
