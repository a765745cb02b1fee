// A flag that says that the data is there is set before the data is.
#include "bugs/programs.h"
#include "chantrace/chantrace.h"

namespace chantrace::bugs {

void published_early(Variant variant) {
  constexpr int kPrivateReads = 6;
  Atomic<int> data(0, "data");
  Atomic<bool> is_ready(false, "is_ready");
  Task writer = go("writer", [&] {
    Atomic<int> own(1);
    int value = 0;
    for (int i = 0; i < kPrivateReads; ++i) value += own.load();
    if (variant == Variant::kFaulty) is_ready.store(true);
    data.store(value);
    if (variant == Variant::kFixed) is_ready.store(true);
  });
  Task reader = go("reader", [&] {
    if (is_ready.load()) ensure(data.load() == kPrivateReads, "what is ready is there");
  });
  writer.join();
  reader.join();
}

}  // namespace chantrace::bugs
