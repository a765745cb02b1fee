// A reader announces what it is about to read, and does not look again whether that is still
// there.
#include <array>

#include "bugs/programs.h"
#include "chantrace/chantrace.h"

namespace chantrace::bugs {

void hazard_pointer(Variant variant) {
  constexpr int kNone = -1;
  Atomic<int> current(0, "current");
  Atomic<int> hazard(kNone, "hazard");
  std::array<Atomic<bool>, 2> is_freed{};
  Task reader = go("reader", [&] {
    int node = current.load();
    hazard.store(node);
    while (variant == Variant::kFixed && current.load() != node) {
      node = current.load();
      hazard.store(node);
    }
    ensure(!is_freed[static_cast<std::size_t>(node)].load(), "nobody reads what is freed");
    hazard.store(kNone);
  });
  Task writer = go("writer", [&] {
    current.store(1);
    if (hazard.load() != 0) is_freed[0].store(true);
  });
  reader.join();
  writer.join();
}

}  // namespace chantrace::bugs
