// A stop is sent under the lock that the polling receiver takes.
#include <memory>

#include "bugs/kernels.h"
#include "chantrace/chantrace.h"

namespace chantrace::bugs {

void moby_28462(Variant variant) {
  struct Health {
    explicit Health(std::size_t capacity) : stop("stop", capacity) {}
    Mutex mutex{"container"};
    Channel<int> stop;
  };
  const auto health = std::make_shared<Health>(variant == Variant::kFixed ? 1 : 0);
  go("monitor", [=] {
    for (bool is_over = false; !is_over;) {
      select(on_recv(health->stop, [&] { is_over = true; }), on_default([&] {
               health->mutex.lock();
               health->mutex.unlock();
             }));
    }
  });
  go("changer", [=] {
    health->mutex.lock();
    health->stop.send(1);
    health->mutex.unlock();
  });
}

}  // namespace chantrace::bugs
