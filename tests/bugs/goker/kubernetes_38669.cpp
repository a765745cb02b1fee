// Results that are sent before anybody receives.
#include <memory>
#include <mutex>

#include "bugs/kernels.h"
#include "chantrace/chantrace.h"

namespace chantrace::bugs {

void kubernetes_38669(Variant variant) {
  struct Watcher {
    explicit Watcher(std::size_t capacity) : result("result", capacity) {}
    Mutex mutex{"watcher"};
    bool is_stopped = false;
    Channel<int> input{"input"};
    Channel<int> result;

    void stop() {
      const std::scoped_lock lock(mutex);
      if (is_stopped) return;
      is_stopped = true;
      input.close();
    }
  };
  const auto watcher = std::make_shared<Watcher>(variant == Variant::kFixed ? 2 : 0);
  go("process", [=] {
    watcher->result.send(1);
    watcher->result.send(2);
    for ([[maybe_unused]] const int event : watcher->input) {
    }
    watcher->stop();
    watcher->result.close();
  });
  watcher->stop();
}

}  // namespace chantrace::bugs
