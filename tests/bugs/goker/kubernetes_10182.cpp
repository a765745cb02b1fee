// A setter sends under the lock that the receiver takes.
#include <memory>

#include "bugs/kernels.h"
#include "chantrace/chantrace.h"

namespace chantrace::bugs {

void kubernetes_10182(Variant variant) {
  struct Statuses {
    SharedMutex mutex{"statuses"};
    Channel<int> channel{"status"};
  };
  const auto statuses = std::make_shared<Statuses>();
  go("sync", [=] {
    for (int i = 0; i < 2; ++i) {
      statuses->channel.recv();
      if (variant == Variant::kFixed) continue;
      statuses->mutex.lock();
      statuses->mutex.unlock();
    }
  });
  for (const char* const label : {"set 1", "set 2"}) {
    go(label, [=] {
      statuses->mutex.lock();
      statuses->channel.send(1);
      statuses->mutex.unlock();
    });
  }
}

}  // namespace chantrace::bugs
