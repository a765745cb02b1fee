// Three peers that read again below their own lock, and then write.
#include <memory>

#include "bugs/kernels.h"
#include "chantrace/chantrace.h"

namespace chantrace::bugs {

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
