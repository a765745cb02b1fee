// Two locks in two orders.
#include "bugs/programs.h"
#include "chantrace/chantrace.h"

namespace chantrace::bugs {

void deadlock01(Variant variant) {
  Mutex left("left");
  Mutex right("right");
  const auto take = [](Mutex& first, Mutex& second) {
    first.lock();
    second.lock();
    second.unlock();
    first.unlock();
  };
  Task one = go("one", [&] { take(left, right); });
  Task other = go("other", [&] {
    if (variant == Variant::kFaulty)
      take(right, left);
    else
      take(left, right);
  });
  one.join();
  other.join();
}

}  // namespace chantrace::bugs
