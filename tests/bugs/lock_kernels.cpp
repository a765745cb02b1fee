// Kernels whose bug is about locks alone: taken twice, never given back, taken in two orders, read
// again while a writer waits. What tasks share is owned by all of them, since a body may return
// before they do.
#include <chrono>
#include <memory>

#include "bugs/kernels.h"
#include "chantrace/chantrace.h"

namespace chantrace::bugs {

using namespace std::chrono_literals;

void cockroach_584(Variant variant) {
  struct Gossip {
    Mutex mutex{"gossip"};
    bool is_closed = true;
  };
  const auto gossip = std::make_shared<Gossip>();
  go("gossip", [=] {
    const auto look = [&](Location site) {
      gossip->mutex.lock(site);
      if (gossip->is_closed) {
        if (variant == Variant::kFixed) gossip->mutex.unlock(site);
        return;  // Faulty: the early way out keeps the lock.
      }
      gossip->mutex.unlock(site);
    };
    const auto bootstrap = [&] { look(Location::current()); };
    const auto manage = [&] { look(Location::current()); };
    bootstrap();
    manage();
  });
}

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

void cockroach_7504(Variant variant) {
  struct Leases {
    Mutex cache{"cache"};
    Mutex lease{"lease"};
    Mutex table{"table"};
    WaitGroup tasks{"tasks", 2};
  };
  const auto leases = std::make_shared<Leases>();
  go("acquirer", [=] {
    leases->cache.lock();
    leases->lease.lock();
    leases->lease.unlock();
    leases->cache.unlock();
    leases->tasks.done();
  });
  go("releaser", [=] {
    Mutex& first = variant == Variant::kFixed ? leases->cache : leases->lease;
    Mutex& second = variant == Variant::kFixed ? leases->lease : leases->cache;
    leases->table.lock();
    first.lock();
    second.lock();
    second.unlock();
    first.unlock();
    leases->table.unlock();
    leases->tasks.done();
  });
  leases->tasks.wait();
}

void moby_4951(Variant variant) {
  struct Devices {
    Mutex global{"global"};
    Mutex device{"device"};
  };
  const auto devices = std::make_shared<Devices>();
  const auto remove = [=] {
    const auto wait_for_device = [&] {
      devices->global.unlock();
      sleep_for(300ns);
      devices->global.lock();
    };
    devices->global.lock();
    if (variant == Variant::kFixed) {
      devices->global.unlock();
      devices->device.lock();
      devices->global.lock();
      wait_for_device();
      devices->global.unlock();
      devices->device.unlock();
      return;
    }
    devices->device.lock();
    wait_for_device();
    devices->device.unlock();
    devices->global.unlock();
  };
  go("remover 1", remove);
  go("remover 2", remove);
}

void kubernetes_62464(Variant variant) {
  const auto state = std::make_shared<SharedMutex>("state");
  const auto look = [=] {
    if (variant == Variant::kFixed) return;  // The caller holds it already.
    state->lock_shared();
    state->unlock_shared();
  };
  go("reconciler", [=] {
    state->lock_shared();
    look();
    if (choose(2) == 0) look();
    state->unlock_shared();
  });
  go("remover", [=] {
    state->lock_shared();
    state->unlock_shared();
    state->lock();
    state->unlock();
  });
}

void cockroach_6181(Variant variant) {
  struct Engine {
    SharedMutex mutex{"engine"};
    WaitGroup tasks{"tasks", 3};
  };
  const auto engine = std::make_shared<Engine>();
  for (int i = 0; i < 3; ++i) {
    go("peer", [=] {
      engine->mutex.lock_shared();
      if (variant == Variant::kFaulty) {
        engine->mutex.lock_shared();
        engine->mutex.unlock_shared();
      }
      engine->mutex.unlock_shared();
      engine->mutex.lock();
      engine->mutex.unlock();
      engine->tasks.done();
    });
  }
  engine->tasks.wait();
}

}  // namespace chantrace::bugs
