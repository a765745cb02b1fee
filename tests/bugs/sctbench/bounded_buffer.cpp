// A consumer gives up the lock between its wait and its take.
#include <mutex>
#include <vector>

#include "bugs/programs.h"
#include "chantrace/chantrace.h"

namespace chantrace::bugs {

namespace {

struct BoundedBuffer {
  static constexpr int kSlots = 3;
  Mutex mutex{"buffer"};
  ConditionVariable not_full{"not_full"};
  ConditionVariable not_empty{"not_empty"};
  int count = 0;
  int waiting_producers = 0;
  int waiting_consumers = 0;
};

void put(BoundedBuffer& buffer) {
  std::unique_lock lock(buffer.mutex);
  ++buffer.waiting_producers;
  buffer.not_full.wait(lock, [&] { return buffer.count < BoundedBuffer::kSlots; });
  --buffer.waiting_producers;
  ++buffer.count;
  if (buffer.waiting_consumers > 0) buffer.not_empty.notify_one();
}

void take(BoundedBuffer& buffer, bool has_window) {
  std::unique_lock lock(buffer.mutex);
  ++buffer.waiting_consumers;
  buffer.not_empty.wait(lock, [&] { return buffer.count > 0; });
  --buffer.waiting_consumers;
  if (has_window) {
    lock.unlock();
    lock.lock();
  }
  ensure(buffer.count > 0, "there is something to take");
  --buffer.count;
  if (buffer.waiting_producers > 0) buffer.not_full.notify_one();
}

}  // namespace

void bounded_buffer(Variant variant) {
  constexpr int kTasks = 2;
  constexpr int kItems = 4;
  BoundedBuffer buffer;
  std::vector<Task> tasks;
  for (int i = 0; i < kTasks; ++i) {
    tasks.push_back(go("producer", [&] {
      for (int item = 0; item < kItems; ++item) put(buffer);
    }));
    tasks.push_back(go("consumer", [&] {
      for (int item = 0; item < kItems; ++item) take(buffer, variant == Variant::kFaulty);
    }));
  }
  for (Task& task : tasks) task.join();
}

}  // namespace chantrace::bugs
