// A consumer that never takes: the producer waits for ever in every schedule.
#include <mutex>

#include "bugs/programs.h"
#include "chantrace/chantrace.h"

namespace chantrace::bugs {

void sync01(Variant variant) {
  Mutex mutex("number");
  ConditionVariable is_empty("is_empty");
  ConditionVariable is_full("is_full");
  int number = 1;
  Task producer = go("producer", [&] {
    {
      std::unique_lock lock(mutex);
      while (number > 0) is_empty.wait(lock);
      ++number;
    }
    is_full.notify_one();
  });
  Task consumer = go("consumer", [&] {
    {
      std::unique_lock lock(mutex);
      while (number == 0) is_full.wait(lock);
      if (variant == Variant::kFixed) --number;
    }
    is_empty.notify_one();
  });
  producer.join();
  consumer.join();
}

}  // namespace chantrace::bugs
