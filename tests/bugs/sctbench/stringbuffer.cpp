// The length of a buffer is asked for, and its characters are then, in two steps.
#include <memory>
#include <mutex>

#include "bugs/programs.h"
#include "chantrace/chantrace.h"

namespace chantrace::bugs {

namespace {

struct Buffer {
  Mutex mutex{"buffer"};
  int count = 3;
};

}  // namespace

void stringbuffer(Variant variant) {
  const auto shared = std::make_shared<Buffer>();
  Buffer own;
  go("eraser", [=] {
    {
      const std::scoped_lock lock(shared->mutex);
      shared->count = 0;
    }
    const std::scoped_lock lock(shared->mutex);
    shared->count = 3;
  });
  const std::scoped_lock lock(own.mutex);
  shared->mutex.lock();
  const int length = shared->count;
  if (variant == Variant::kFaulty) {
    shared->mutex.unlock();
    shared->mutex.lock();
  }
  const bool is_there = length <= shared->count;
  shared->mutex.unlock();
  ensure(is_there, "as many characters as the length says");
}

}  // namespace chantrace::bugs
