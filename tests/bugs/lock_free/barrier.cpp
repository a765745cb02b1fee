// A barrier that is used twice and does not know which round it is: who comes late to see the end
// of the first waits for ever.
#include <vector>

#include "bugs/programs.h"
#include "chantrace/chantrace.h"

namespace chantrace::bugs {

void barrier(Variant variant) {
  constexpr int kTasks = 2;
  Atomic<int> arrived(0, "arrived");
  Atomic<int> round(0, "round");
  const auto wait_by_count = [&] {
    if (arrived.fetch_add(1) + 1 == kTasks) {
      arrived.store(0);
      return;
    }
    while (arrived.load() != 0) yield();
  };
  const auto wait_by_round = [&] {
    const int mine = round.load();
    if (arrived.fetch_add(1) + 1 == kTasks) {
      arrived.store(0);
      round.fetch_add(1);
      return;
    }
    while (round.load() == mine) yield();
  };
  std::vector<Task> tasks;
  for (int i = 0; i < kTasks; ++i)
    tasks.push_back(go("task", [&] {
      for (int use = 0; use < 2; ++use) {
        if (variant == Variant::kFaulty)
          wait_by_count();
        else
          wait_by_round();
      }
    }));
  for (Task& task : tasks) task.join();
}

}  // namespace chantrace::bugs
