// A reader reads again while a writer waits.
#include <memory>

#include "bugs/kernels.h"
#include "chantrace/chantrace.h"

namespace chantrace::bugs {

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

}  // namespace chantrace::bugs
