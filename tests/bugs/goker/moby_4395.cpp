// A result that nobody receives.
#include "bugs/kernels.h"
#include "chantrace/chantrace.h"

namespace chantrace::bugs {

void moby_4395(Variant variant) {
  const Channel<int> result("result", variant == Variant::kFixed ? 1 : 0);
  go("worker", [=] { result.send(1); });
}

}  // namespace chantrace::bugs
