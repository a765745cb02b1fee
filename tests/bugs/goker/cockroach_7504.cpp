// Two locks in two orders, below a third.
#include <memory>

#include "bugs/kernels.h"
#include "chantrace/chantrace.h"

namespace chantrace::bugs {

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

}  // namespace chantrace::bugs
