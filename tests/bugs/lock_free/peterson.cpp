// Mutual exclusion by flags and a turn, which is given away before the flag is raised.
#include <array>

#include "bugs/programs.h"
#include "chantrace/chantrace.h"

namespace chantrace::bugs {

void peterson(Variant variant) {
  std::array<Atomic<bool>, 2> wants{};
  Atomic<int> turn(0, "turn");
  Atomic<int> inside(0, "inside");
  const auto enter = [&](std::size_t me) {
    const std::size_t other = 1 - me;
    if (variant == Variant::kFaulty) turn.store(static_cast<int>(other));
    wants[me].store(true);
    if (variant == Variant::kFixed) turn.store(static_cast<int>(other));
    while (wants[other].load() && turn.load() == static_cast<int>(other)) yield();
    ensure(inside.fetch_add(1) == 0, "one task inside");
    inside.fetch_sub(1);
    wants[me].store(false);
  };
  Task one = go("one", [&] { enter(0); });
  Task other = go("other", [&] { enter(1); });
  one.join();
  other.join();
}

}  // namespace chantrace::bugs
