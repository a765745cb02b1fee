// Setters write two variables one after the other, and checkers see one without the other.
#include <vector>

#include "bugs/programs.h"
#include "chantrace/chantrace.h"

namespace chantrace::bugs {

void reorder(Variant variant, int setters, int checkers) {
  Mutex mutex("both");
  Atomic<int> a(0, "a");
  Atomic<int> b(0, "b");
  const bool is_locked = variant == Variant::kFixed;
  std::vector<Task> tasks;
  for (int i = 0; i < setters; ++i)
    tasks.push_back(go("setter", [&] {
      if (is_locked) mutex.lock();
      a.store(1);
      b.store(-1);
      if (is_locked) mutex.unlock();
    }));
  for (int i = 0; i < checkers; ++i)
    tasks.push_back(go("checker", [&] {
      if (is_locked) mutex.lock();
      const bool is_whole = (a.load() == 0 && b.load() == 0) || (a.load() == 1 && b.load() == -1);
      if (is_locked) mutex.unlock();
      ensure(is_whole, "both or neither");
    }));
  for (Task& task : tasks) task.join();
}

void reorder_3(Variant variant) { reorder(variant, 2, 1); }
void reorder_5(Variant variant) { reorder(variant, 4, 1); }
void reorder_10(Variant variant) { reorder(variant, 9, 1); }
void reorder_20(Variant variant) { reorder(variant, 19, 1); }
void reorder_50(Variant variant) { reorder(variant, 49, 1); }
void reorder_100(Variant variant) { reorder(variant, 99, 1); }

}  // namespace chantrace::bugs
