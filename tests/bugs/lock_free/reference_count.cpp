// A reference is taken to what somebody else is about to free: the count is looked at, and raised,
// in two steps.
#include "bugs/programs.h"
#include "chantrace/chantrace.h"

namespace chantrace::bugs {

void reference_count(Variant variant) {
  Atomic<int> count(1, "count");
  Atomic<bool> is_freed(false, "is_freed");
  const auto drop = [&] {
    if (count.fetch_sub(1) == 1) is_freed.store(true);
  };
  const auto try_take = [&] {
    int seen = count.load();
    if (variant == Variant::kFaulty) {
      if (seen == 0) return false;
      count.fetch_add(1);
      return true;
    }
    while (seen > 0)
      if (count.compare_exchange(seen, seen + 1)) return true;
    return false;
  };
  Task owner = go("owner", drop);
  Task watcher = go("watcher", [&] {
    if (!try_take()) return;
    ensure(!is_freed.load(), "what one has a reference to is alive");
    drop();
  });
  owner.join();
  watcher.join();
}

}  // namespace chantrace::bugs
