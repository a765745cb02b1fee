// Mutual exclusion by flags, of which one task does not raise its own in time.
#include <array>

#include "bugs/programs.h"
#include "chantrace/chantrace.h"

namespace chantrace::bugs {

void dekker(Variant variant) {
  std::array<Atomic<bool>, 2> wants{};
  Atomic<int> turn(0, "turn");
  Atomic<int> inside(0, "inside");
  const auto enter = [&](std::size_t me) {
    const std::size_t other = 1 - me;
    const bool raises = variant == Variant::kFixed || me == 0;
    if (raises) wants[me].store(true);
    while (wants[other].load()) {
      if (raises && turn.load() != static_cast<int>(me)) {
        wants[me].store(false);
        while (turn.load() != static_cast<int>(me)) yield();
        wants[me].store(true);
      } else {
        yield();
      }
    }
    wants[me].store(true);
    ensure(inside.fetch_add(1) == 0, "one task inside");
    inside.fetch_sub(1);
    turn.store(static_cast<int>(other));
    wants[me].store(false);
  };
  Task one = go("one", [&] { enter(0); });
  Task other = go("other", [&] { enter(1); });
  one.join();
  other.join();
}

}  // namespace chantrace::bugs
