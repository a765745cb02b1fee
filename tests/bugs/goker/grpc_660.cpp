// A worker of the last round has nobody to report to.
#include "bugs/kernels.h"
#include "chantrace/chantrace.h"

namespace chantrace::bugs {

void grpc_660(Variant variant) {
  const Channel<int> stop("stop");
  go("loop", [=] {
    for (bool is_over = false; !is_over;) {
      const Channel<int> done("done", variant == Variant::kFixed ? 1 : 0);
      go("worker", [=] { done.send(1); });
      select(on_recv(stop, [&] { is_over = true; }), on_recv(done));
    }
  });
  go("stopper", [=] { stop.send(1); });
}

}  // namespace chantrace::bugs
