// One task guards the data with one lock, the others with another.
#include <mutex>
#include <vector>

#include "bugs/programs.h"
#include "chantrace/chantrace.h"

namespace chantrace::bugs {

void wronglock(Variant variant) {
  constexpr int kOthers = 7;
  Mutex data_lock("data_lock");
  Mutex this_lock("this_lock");
  Atomic<int> value(0, "value");
  Mutex& others_lock = variant == Variant::kFaulty ? this_lock : data_lock;
  const auto add_one = [&] { value.store(value.load() + 1); };
  std::vector<Task> tasks;
  tasks.push_back(go("checker", [&] {
    const std::scoped_lock lock(data_lock);
    const int before = value.load();
    add_one();
    ensure(value.load() == before + 1, "nobody else writes");
  }));
  for (int i = 0; i < kOthers; ++i)
    tasks.push_back(go("other", [&] {
      const std::scoped_lock lock(others_lock);
      add_one();
    }));
  for (Task& task : tasks) task.join();
}

}  // namespace chantrace::bugs
