// A task receives under the lock that the sender needs.
#include <memory>

#include "bugs/kernels.h"
#include "chantrace/chantrace.h"

namespace chantrace::bugs {

void grpc_1460(Variant variant) {
  struct Transport {
    Mutex mutex{"transport"};
    Channel<int> awake{"awake"};
    int streams = 0;
  };
  const auto transport = std::make_shared<Transport>();
  go("keepalive", [=] {
    transport->mutex.lock();
    const bool is_dormant = transport->streams < 1;
    if (is_dormant && variant == Variant::kFaulty) {
      transport->awake.recv();
      transport->mutex.unlock();
      return;
    }
    transport->mutex.unlock();
    if (is_dormant) transport->awake.recv();
  });
  go("new stream", [=] {
    transport->mutex.lock();
    const bool is_first = ++transport->streams == 1;
    if (variant == Variant::kFaulty && is_first) select(on_send(transport->awake, 1), on_default());
    transport->mutex.unlock();
    if (variant == Variant::kFixed && is_first) transport->awake.close();
  });
}

}  // namespace chantrace::bugs
