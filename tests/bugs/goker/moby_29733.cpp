// A condition that nobody makes true.
#include <memory>

#include "bugs/kernels.h"
#include "chantrace/chantrace.h"

namespace chantrace::bugs {

void moby_29733(Variant variant) {
  struct Plugin {
    Mutex mutex{"plugin"};
    ConditionVariable changed{"changed"};
    bool is_active = false;
    SharedMutex handlers{"handlers"};
  };
  const auto plugin = std::make_shared<Plugin>();
  const auto test_active = [=] {
    const Channel<int> done("done");
    go("waiter", [=] {
      plugin->mutex.lock();
      while (!plugin->is_active) plugin->changed.wait(plugin->mutex);
      plugin->mutex.unlock();
      done.close();
    });
    if (variant == Variant::kFixed) {
      plugin->mutex.lock();
      plugin->is_active = true;
      plugin->changed.notify_all();
      plugin->mutex.unlock();
    }
    done.recv();
  };
  test_active();
  plugin->handlers.lock();
  plugin->is_active = false;
  plugin->handlers.unlock();
  test_active();
}

}  // namespace chantrace::bugs
