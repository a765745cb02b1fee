// A lock whose tickets are drawn in two steps: two tasks have the same one.
#include <vector>

#include "bugs/programs.h"
#include "chantrace/chantrace.h"

namespace chantrace::bugs {

void ticket_lock(Variant variant) {
  constexpr int kTasks = 3;
  Atomic<int> next_ticket(0, "next_ticket");
  Atomic<int> now_serving(0, "now_serving");
  Atomic<int> inside(0, "inside");
  const auto draw = [&] {
    if (variant == Variant::kFixed) return next_ticket.fetch_add(1);
    const int ticket = next_ticket.load();
    next_ticket.store(ticket + 1);
    return ticket;
  };
  std::vector<Task> tasks;
  for (int i = 0; i < kTasks; ++i)
    tasks.push_back(go("task", [&] {
      const int ticket = draw();
      while (now_serving.load() < ticket) yield();
      ensure(inside.fetch_add(1) == 0, "one task inside");
      inside.fetch_sub(1);
      now_serving.fetch_add(1);
    }));
  for (Task& task : tasks) task.join();
}

}  // namespace chantrace::bugs
