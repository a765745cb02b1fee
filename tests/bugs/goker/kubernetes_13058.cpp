// A count is taken down before it was put up.
#include <chrono>
#include <memory>

#include "bugs/kernels.h"
#include "chantrace/chantrace.h"

namespace chantrace::bugs {

using namespace std::chrono_literals;

void kubernetes_13058(Variant variant) {
  struct Controller {
    WaitGroup tests{"tests"};
    WaitGroup workers{"workers"};
    Channel<int> stop{"stop"};
  };
  const auto controller = std::make_shared<Controller>();
  const bool is_fixed = variant == Variant::kFixed;
  if (is_fixed) controller->tests.add(3);
  go("controller", [=] {
    for (int i = 0; !is_fixed || i < 3; ++i) {
      if (select(on_recv(controller->stop), on_default()) == 0) return;
      controller->tests.done();
      sleep_for(1ms);
    }
  });
  controller->workers.add(3);
  if (!is_fixed) controller->tests.add(3);
  for (int i = 0; i < 3; ++i) go("worker", [=] { controller->workers.done(); });
  controller->workers.wait();
  controller->tests.wait();
  controller->stop.close();
}

}  // namespace chantrace::bugs
