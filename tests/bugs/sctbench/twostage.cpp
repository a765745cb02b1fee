// Two variables that belong together, each written under a lock of its own.
#include <atomic>
#include <vector>

#include "bugs/programs.h"
#include "chantrace/chantrace.h"

namespace chantrace::bugs {

void twostage(Variant variant, int writers, int readers) {
  Mutex first("first");
  Mutex second("second");
  // The second lock does not guard the first variable; that is not what is to be found here.
  std::atomic<int> data_1 = 0;
  std::atomic<int> data_2 = 0;
  std::vector<Task> tasks;
  for (int i = 0; i < writers; ++i)
    tasks.push_back(go("writer", [&] {
      first.lock();
      data_1 = 1;
      if (variant == Variant::kFaulty) first.unlock();
      second.lock();
      data_2 = data_1 + 1;
      second.unlock();
      if (variant == Variant::kFixed) first.unlock();
    }));
  for (int i = 0; i < readers; ++i)
    tasks.push_back(go("reader", [&] {
      first.lock();
      const int seen_1 = data_1;
      first.unlock();
      if (seen_1 == 0) return;
      second.lock();
      const int seen_2 = data_2;
      second.unlock();
      ensure(seen_2 == seen_1 + 1, "the second stage follows the first");
    }));
  for (Task& task : tasks) task.join();
}

void twostage_2(Variant variant) { twostage(variant, 1, 1); }
void twostage_20(Variant variant) { twostage(variant, 10, 10); }
void twostage_50(Variant variant) { twostage(variant, 25, 25); }
void twostage_100(Variant variant) { twostage(variant, 50, 50); }

}  // namespace chantrace::bugs
