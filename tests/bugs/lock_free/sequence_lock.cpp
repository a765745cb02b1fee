// A reader that asks for the sequence at its end only, and so reads while a writer writes.
#include "bugs/programs.h"
#include "chantrace/chantrace.h"

namespace chantrace::bugs {

void sequence_lock(Variant variant) {
  Atomic<int> sequence(0, "sequence");
  Atomic<int> x(0, "x");
  Atomic<int> y(0, "y");
  Task writer = go("writer", [&] {
    for (int i = 1; i <= 2; ++i) {
      sequence.fetch_add(1);
      x.store(i);
      y.store(i);
      sequence.fetch_add(1);
    }
  });
  Task reader = go("reader", [&] {
    for (int attempt = 0; attempt < 2; ++attempt) {
      const int before = sequence.load();
      if (variant == Variant::kFixed && before % 2 != 0) continue;
      const int seen_x = x.load();
      const int seen_y = y.load();
      if (sequence.load() != before) continue;
      ensure(seen_x == seen_y, "both of one write");
      return;
    }
  });
  writer.join();
  reader.join();
}

}  // namespace chantrace::bugs
