// A count of running tasks that never comes back to zero, waited for under a lock.
#include <array>
#include <memory>

#include "bugs/kernels.h"
#include "chantrace/chantrace.h"

namespace chantrace::bugs {

namespace {

struct Stopper {
  Channel<int> stop{"stop"};
  WaitGroup work{"work", 1};
  Mutex mutex{"stopper"};
  Atomic<int> draining{0, "draining"};
  WaitGroup drain{"drain"};

  /// Faulty: nobody ever takes back what it adds.
  void run_faulty_task() {
    if (draining.load() != 0) return;
    mutex.lock();
    drain.add(1);
    mutex.unlock();
  }
  void run_task() {
    mutex.lock();
    const bool is_accepted = draining.load() == 0;
    if (is_accepted) drain.add(1);
    mutex.unlock();
    if (is_accepted) drain.done();
  }
  void set_draining(int value) {
    mutex.lock();
    draining.store(value);
    mutex.unlock();
  }
};

using Stoppers = std::array<Stopper, 3>;

void stop_all_faulty(Stoppers& stoppers) {
  for (Stopper& stopper : stoppers) {
    stopper.mutex.lock();
    stopper.draining.store(1);
    stopper.drain.wait();
    stopper.draining.store(0);
    stopper.mutex.unlock();
  }
  for (Stopper& stopper : stoppers) {
    stopper.mutex.lock();
    stopper.draining.store(1);
    stopper.drain.wait();
    stopper.stop.close();
    stopper.work.wait();
    stopper.mutex.unlock();
  }
}

void stop_all(Stoppers& stoppers) {
  for (Stopper& stopper : stoppers) {
    stopper.set_draining(1);
    stopper.drain.wait();
    stopper.set_draining(0);
  }
  for (Stopper& stopper : stoppers) {
    stopper.set_draining(1);
    stopper.drain.wait();
    stopper.stop.close();
    stopper.work.wait();
  }
}

}  // namespace

void cockroach_1055(Variant variant) {
  const auto stoppers = std::make_shared<Stoppers>();
  const Channel<int> done("done");
  for (Stopper& stopper : *stoppers) {
    go("worker", [=, &stopper, keep = stoppers] {
      if (variant == Variant::kFixed)
        stopper.run_task();
      else
        stopper.run_faulty_task();
      stopper.stop.recv();
      stopper.work.done();
    });
  }
  go("stopper", [=] {
    if (variant == Variant::kFixed)
      stop_all(*stoppers);
    else
      stop_all_faulty(*stoppers);
    done.close();
  });
  done.recv();
}

}  // namespace chantrace::bugs
