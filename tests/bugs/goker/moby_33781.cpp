// A probe whose monitor was stopped before the result came.
#include <chrono>

#include "bugs/kernels.h"
#include "chantrace/chantrace.h"

namespace chantrace::bugs {

using namespace std::chrono_literals;

void moby_33781(Variant variant) {
  const Channel<int> stop("stop");
  go("monitor", [=] {
    for (bool is_over = false; !is_over;) {
      select(on_recv(stop, [&] { is_over = true; }), on_recv(after(50ns)));
      if (is_over) return;
      const Channel<int> results("results", variant == Variant::kFixed ? 1 : 0);
      const Context context = with_timeout(Context::background(), 50ns);
      go("probe", [=] {
        results.send(1);
        results.close();
      });
      select(on_recv(stop,
                     [&] {
                       context.cancel();
                       is_over = true;  // Faulty: nobody receives the result any more.
                     }),
             on_recv(results, [&] { context.cancel(); }),  //
             on_recv(context.done(), [&] {
               context.cancel();
               results.recv();
             }));
    }
  });
  go("stopper", [=] {
    sleep_for(50ns);
    stop.send(1);
  });
}

}  // namespace chantrace::bugs
