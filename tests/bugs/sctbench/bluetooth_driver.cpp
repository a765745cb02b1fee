// A driver that is stopped while a request is between its look at the flag and its work.
#include <mutex>

#include "bugs/programs.h"
#include "chantrace/chantrace.h"

namespace chantrace::bugs {

namespace {

struct Driver {
  Mutex atomically{"pending"};
  int pending = 1;
  Atomic<int> is_stopping{0, "is_stopping"};
  Atomic<int> may_stop{0, "may_stop"};
  Atomic<int> is_stopped{0, "is_stopped"};

  void enter() {
    const std::scoped_lock lock(atomically);
    ++pending;
  }
  void leave() {
    int left = 0;
    {
      const std::scoped_lock lock(atomically);
      left = --pending;
    }
    if (left == 0) may_stop.store(1);
  }
};

}  // namespace

void bluetooth_driver(Variant variant) {
  Driver driver;
  Task stop = go("stop", [&] {
    driver.is_stopping.store(1);
    driver.leave();
    if (driver.may_stop.load() != 0) driver.is_stopped.store(1);
  });
  // The request, in the body. Its correct twin counts itself before it looks.
  bool goes_on = true;
  if (variant == Variant::kFixed) {
    driver.enter();
    if (driver.is_stopping.load() != 0) {
      driver.leave();
      goes_on = false;
    }
  } else {
    goes_on = driver.is_stopping.load() == 0;
    if (goes_on) driver.enter();
  }
  if (goes_on) {
    ensure(driver.is_stopped.load() == 0, "the driver works while it is in use");
    driver.leave();
  }
  stop.join();
}

}  // namespace chantrace::bugs
