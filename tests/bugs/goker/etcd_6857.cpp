// A status is asked of a node that was stopped first.
#include <optional>

#include "bugs/kernels.h"
#include "chantrace/chantrace.h"

namespace chantrace::bugs {

void etcd_6857(Variant variant) {
  const Channel<Channel<int>> status("status");
  const Channel<int> stop("stop");
  const Channel<int> done("done");
  go("run", [=] {
    for (bool is_over = false; !is_over;) {
      select(on_recv(status,
                     [](const std::optional<Channel<int>>& reply) {
                       if (reply) reply->send(1);
                     }),
             on_recv(stop, [&] {
               done.close();
               is_over = true;
             }));
    }
  });
  go("status", [=] {
    const Channel<int> reply("reply");
    if (variant == Variant::kFixed) {
      const std::size_t taken = select(on_send(status, reply), on_recv(done));
      if (taken != 0) return;
    } else {
      status.send(reply);
    }
    reply.recv();
  });
  go("stop", [=] {
    if (select(on_send(stop, 1), on_recv(done)) == 0) done.recv();
  });
}

}  // namespace chantrace::bugs
