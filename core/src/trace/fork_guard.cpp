#include "fork_guard.h"

#include <pthread.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <vector>

namespace chantrace::detail {
namespace {

// `pthread_atfork` takes plain functions and never forgets them, so what they look at is the one
// list of the process. It is never destroyed: a fork may come during exit.
struct Registry {
  std::mutex mutex;
  std::vector<ForkAware*> objects;  // Guarded by `mutex`.
};

Registry& registry() {
  static Registry& only = []() -> Registry& {
    pthread_atfork(
        [] {
          registry().mutex.lock();
          for (ForkAware* object : registry().objects) object->before_fork();
        },
        [] {
          for (ForkAware* object : registry().objects) object->after_fork_in_parent();
          registry().mutex.unlock();
        },
        [] {
          for (ForkAware* object : registry().objects) object->after_fork_in_child();
          registry().mutex.unlock();
        });
    return *std::make_unique<Registry>().release();
  }();
  return only;
}

}  // namespace

void register_fork_handlers() { registry(); }

ForkRegistration::ForkRegistration(ForkAware& object) : object_(object) {
  Registry& all = registry();
  const std::scoped_lock lock(all.mutex);
  all.objects.push_back(&object);
}

ForkRegistration::~ForkRegistration() {
  Registry& all = registry();
  const std::scoped_lock lock(all.mutex);
  std::erase(all.objects, &object_);
}

}  // namespace chantrace::detail
