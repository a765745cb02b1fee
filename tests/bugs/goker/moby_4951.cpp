// A lock is given up and taken back under another, by two removals at once.
#include <chrono>
#include <memory>

#include "bugs/kernels.h"
#include "chantrace/chantrace.h"

namespace chantrace::bugs {

using namespace std::chrono_literals;

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

}  // namespace chantrace::bugs
