// A request whose caller has lost patience sends to nobody.
#include <chrono>

#include "bugs/kernels.h"
#include "chantrace/chantrace.h"

namespace chantrace::bugs {

using namespace std::chrono_literals;

void kubernetes_5316(Variant variant) {
  const std::size_t capacity = variant == Variant::kFixed ? 1 : 0;
  const Channel<int> ok("ok", capacity);
  const Channel<int> error("error", capacity);
  go("request", [=] {
    // Far beyond the caller's patience, so that a busy machine does not change the outcome.
    sleep_for(50ms);
    if (choose(2) == 0)
      error.send(1);
    else
      ok.send(1);
  });
  select(on_recv(ok), on_recv(error), on_recv(after(1ms)));
}

}  // namespace chantrace::bugs
