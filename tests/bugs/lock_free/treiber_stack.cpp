// A stack whose nodes are used again, and whose head has no counter: a pop takes the head for the
// one that it saw (ABA).
#include <array>

#include "bugs/programs.h"
#include "chantrace/chantrace.h"

namespace chantrace::bugs {

namespace {

constexpr int kNone = 15;

/// The head is the index of a node, and above it a counter of changes, where there is one.
class TreiberStack {
 public:
  explicit TreiberStack(bool counts) : step_(counts ? 16 : 0) {}

  void push(int node) {
    for (int head = head_.load();;) {
      next_[static_cast<std::size_t>(node)].store(head & 15);
      if (head_.compare_exchange(head, changed(head, node))) return;
    }
  }
  int pop() {
    for (int head = head_.load();;) {
      if ((head & 15) == kNone) return kNone;
      const int next = next_[static_cast<std::size_t>(head & 15)].load();
      if (head_.compare_exchange(head, changed(head, next))) return head & 15;
    }
  }

 private:
  int changed(int head, int node) const { return ((head & ~15) + step_) | node; }

  const int step_;
  Atomic<int> head_{kNone, "head"};
  std::array<Atomic<int>, 3> next_{};
};

}  // namespace

void treiber_stack(Variant variant) {
  TreiberStack stack(variant == Variant::kFixed);
  std::array<int, 3> owners{};
  const auto take = [&] {
    const int node = stack.pop();
    if (node != kNone) ensure(++owners[static_cast<std::size_t>(node)] == 1, "one owner a node");
    return node;
  };
  const auto give = [&](int node) {
    if (node == kNone) return;
    --owners[static_cast<std::size_t>(node)];
    stack.push(node);
  };
  for (const int node : {2, 1, 0}) stack.push(node);
  Task one = go("one", [&] {
    take();
    take();
  });
  Task other = go("other", [&] {
    const int first = take();
    take();
    give(first);
  });
  one.join();
  other.join();
}

}  // namespace chantrace::bugs
