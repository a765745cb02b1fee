// A channel is closed under its second sender.
#include <optional>

#include "bugs/kernels.h"
#include "chantrace/chantrace.h"

namespace chantrace::bugs {

void grpc_1687(Variant variant) {
  const Channel<int> writes("writes");
  const Channel<int> closed("closed");
  const auto write = [=] {
    select(on_recv(closed), on_default([&] { select(on_send(writes, 1), on_recv(closed)); }));
  };
  go("handler", [=] {
    write();
    (variant == Variant::kFixed ? closed : writes).close();
    write();
  });
  for (bool is_over = false; !is_over;) {
    select(on_recv(writes, [&](std::optional<int> value) { is_over = !value; }),
           on_recv(closed, [&] { is_over = true; }));
  }
}

}  // namespace chantrace::bugs
