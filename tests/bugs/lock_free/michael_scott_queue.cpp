// A queue whose nodes are used again, and whose links have no counters: a link is made to a node
// that is somewhere else by now (ABA).
#include <array>

#include "bugs/programs.h"
#include "chantrace/chantrace.h"

namespace chantrace::bugs {

namespace {

constexpr int kNone = 15;
constexpr int kNodes = 4;

/// Links are indices of nodes, and above them counters of changes, where there are any.
class MichaelScottQueue {
 public:
  explicit MichaelScottQueue(bool counts) : step_(counts ? 16 : 0) {
    for (auto& next : next_) next.store(kNone);
  }

  void push(int node, int value) {
    value_[at(node)].store(value);
    next_[at(node)].store(changed(next_[at(node)].load(), kNone));
    for (;;) {
      int tail = tail_.load();
      int next = next_[at(tail)].load();
      if ((next & 15) == kNone) {
        if (!next_[at(tail)].compare_exchange(next, changed(next, node))) continue;
        tail_.compare_exchange(tail, changed(tail, node));
        return;
      }
      tail_.compare_exchange(tail, changed(tail, next & 15));
    }
  }
  /// Returns: the node that is free now; kNone where the queue is empty.
  int pop(int& value) {
    for (;;) {
      int head = head_.load();
      int tail = tail_.load();
      const int next = next_[at(head)].load();
      if (head != head_.load()) continue;
      if ((next & 15) == kNone) return kNone;
      if ((head & 15) == (tail & 15)) {
        tail_.compare_exchange(tail, changed(tail, next & 15));
        continue;
      }
      value = value_[at(next)].load();
      if (head_.compare_exchange(head, changed(head, next & 15))) return head & 15;
    }
  }

 private:
  static std::size_t at(int link) { return static_cast<std::size_t>(link & 15); }
  int changed(int link, int node) const { return ((link & ~15) + step_) | node; }

  const int step_;
  Atomic<int> head_{0, "head"};
  Atomic<int> tail_{0, "tail"};
  std::array<Atomic<int>, kNodes> next_{};
  std::array<Atomic<int>, kNodes> value_{};
};

}  // namespace

void michael_scott_queue(Variant variant) {
  MichaelScottQueue queue(variant == Variant::kFixed);
  std::array<int, 4> received{};
  const auto take = [&] {
    int value = 0;
    const int node = queue.pop(value);
    if (node != kNone) ++received[static_cast<std::size_t>(value)];
    return node;
  };
  queue.push(1, 1);
  queue.push(2, 2);
  Task one = go("one", [&] { take(); });
  Task other = go("other", [&] {
    const int first = take();
    take();
    if (first == kNone) return;
    queue.push(first, 3);
    take();
  });
  one.join();
  other.join();
  for (const int times : received) ensure(times <= 1, "each value is received once");
}

}  // namespace chantrace::bugs
