// Two tasks that each send to the other, who is sending.
#include "bugs/kernels.h"
#include "chantrace/chantrace.h"

namespace chantrace::bugs {

void cockroach_2448(Variant variant) {
  const bool is_fixed = variant == Variant::kFixed;
  const Channel<int> events("events", is_fixed ? 4 : 0);
  const Channel<int> callbacks("callbacks", is_fixed ? 1 : 0);
  const Channel<int> stop("stop");
  go("raft", [=] {
    bool is_over = false;
    const auto end = [&] { is_over = true; };
    while (!is_over)
      select(on_recv(events, [&] { select(on_send(callbacks, 1), on_recv(stop, end)); }),
             on_recv(stop, end));
  });
  go("state", [=] {
    bool is_over = false;
    const auto end = [&] { is_over = true; };
    while (!is_over)
      select(on_recv(stop, end), on_recv(callbacks),
             on_default([&] { select(on_send(events, 1), on_recv(stop, end)); }));
  });
  if (is_fixed) stop.close();
}

}  // namespace chantrace::bugs
