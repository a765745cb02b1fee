// A pointer is used after another task has cleared it.
#include <mutex>

#include "bugs/programs.h"
#include "chantrace/chantrace.h"

namespace chantrace::bugs {

void cve_2009_3547(Variant variant) {
  Mutex mutex("pipe");
  int target = 1;
  int* pointer = &target;
  Task user = go("user", [&] {
    const std::scoped_lock lock(mutex);
    if (variant == Variant::kFixed && pointer == nullptr) return;
    ensure(pointer != nullptr, "the pointer is valid");
  });
  Task clearer = go("clearer", [&] {
    const std::scoped_lock lock(mutex);
    pointer = nullptr;
  });
  user.join();
  clearer.join();
}

}  // namespace chantrace::bugs
