// An early way out keeps the lock for readers, and the writer waits for ever.
#include <memory>

#include "bugs/kernels.h"
#include "chantrace/chantrace.h"

namespace chantrace::bugs {

void etcd_5509(Variant variant) {
  struct Client {
    SharedMutex client_mutex{"client"};
    Mutex remote_mutex{"remote"};
    bool is_open = true;
    Channel<int> done{"done"};
  };
  const auto client = std::make_shared<Client>();
  go("getter", [=] {
    for (;;) {
      client->client_mutex.lock_shared();
      const bool is_closed = !client->is_open;
      client->remote_mutex.lock();
      client->remote_mutex.unlock();
      if (is_closed) {
        if (variant == Variant::kFixed) client->client_mutex.unlock_shared();
        break;
      }
      client->client_mutex.unlock_shared();
    }
    client->done.close();
  });
  client->client_mutex.lock();
  client->is_open = false;
  client->client_mutex.unlock();
  client->client_mutex.lock();
  client->client_mutex.unlock();
  client->done.recv();
}

}  // namespace chantrace::bugs
