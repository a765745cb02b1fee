// After a cancellation, receivers for what is no longer sent.
#include "bugs/kernels.h"
#include "chantrace/chantrace.h"

namespace chantrace::bugs {

void cockroach_10790(Variant variant) {
  const std::size_t capacity = variant == Variant::kFixed ? 1 : 0;
  const Channel<int> first("first", capacity);
  const Channel<int> second("second", capacity);
  const Context context = with_cancel(Context::background());
  go("sender", [=] {
    for (const auto& channel : {first, second})
      if (select(on_send(channel, 1), on_recv(context.done())) != 0) return;
  });
  go("beginner", [=] {
    for (const auto& channel : {first, second}) {
      select(on_recv(channel), on_recv(context.done(), [&] {
               if (variant == Variant::kFixed) return;
               go("drainer", [=] {
                 first.recv();
                 second.recv();
               });
             }));
    }
  });
  go("canceller", [=] { context.cancel(); });
}

}  // namespace chantrace::bugs
