// A consumer that counts a turn in which there was nothing to take, and so compares with the wrong
// value.
#include <array>
#include <deque>
#include <mutex>

#include "bugs/programs.h"
#include "chantrace/chantrace.h"

namespace chantrace::bugs {

namespace {

constexpr int kValues = 20;

struct Queue {
  Mutex mutex{"queue"};
  ConditionVariable changed{"changed"};
  std::deque<int> values;
  std::array<int, kValues> stored{};
  bool may_put = true;
  bool may_take = false;
};

void put(Queue& queue, int value) {
  queue.values.push_back(value);
  queue.stored[static_cast<std::size_t>(value)] = value;
  queue.may_put = false;
  queue.may_take = true;
  queue.changed.notify_all();
}

void take(Queue& queue, int turn) {
  ensure(queue.values.front() == queue.stored[static_cast<std::size_t>(turn)], "values in order");
  queue.values.pop_front();
  queue.may_take = false;
  queue.may_put = true;
  queue.changed.notify_all();
}

}  // namespace

void queue(Variant variant) {
  Queue queue;
  const bool waits = variant == Variant::kFixed;
  Task producer = go("producer", [&] {
    {
      const std::scoped_lock lock(queue.mutex);
      queue.values.push_back(0);
      queue.stored[0] = 0;
      if (waits) {
        queue.may_take = true;
        queue.may_put = false;
        queue.changed.notify_all();
      }
    }
    for (int value = 0, turn = 1; turn < kValues; ++turn) {
      std::unique_lock lock(queue.mutex);
      if (waits) queue.changed.wait(lock, [&] { return queue.may_put; });
      if (queue.may_put) put(queue, ++value);
    }
  });
  Task consumer = go("consumer", [&] {
    for (int turn = 0; turn < kValues; ++turn) {
      std::unique_lock lock(queue.mutex);
      if (waits) queue.changed.wait(lock, [&] { return queue.may_take; });
      if (queue.may_take) take(queue, turn);
    }
  });
  producer.join();
  consumer.join();
}

}  // namespace chantrace::bugs
