// An early way out keeps the lock, and the next look takes it again.
#include <memory>

#include "bugs/kernels.h"
#include "chantrace/chantrace.h"

namespace chantrace::bugs {

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

}  // namespace chantrace::bugs
