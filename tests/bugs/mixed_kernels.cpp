// Kernels where channels, locks and wait groups meet, and those that break a rule and throw.
#include <array>
#include <chrono>
#include <memory>

#include "bugs/kernels.h"
#include "chantrace/chantrace.h"

namespace chantrace::bugs {

using namespace std::chrono_literals;

void grpc_1460(Variant variant) {
  struct Transport {
    Mutex mutex{"transport"};
    Channel<int> awake{"awake"};
    int streams = 0;
  };
  const auto transport = std::make_shared<Transport>();
  go("keepalive", [=] {
    transport->mutex.lock();
    const bool is_dormant = transport->streams < 1;
    if (is_dormant && variant == Variant::kFaulty) {
      transport->awake.recv();
      transport->mutex.unlock();
      return;
    }
    transport->mutex.unlock();
    if (is_dormant) transport->awake.recv();
  });
  go("new stream", [=] {
    transport->mutex.lock();
    const bool is_first = ++transport->streams == 1;
    if (variant == Variant::kFaulty && is_first) select(on_send(transport->awake, 1), on_default());
    transport->mutex.unlock();
    if (variant == Variant::kFixed && is_first) transport->awake.close();
  });
}

void kubernetes_10182(Variant variant) {
  struct Statuses {
    SharedMutex mutex{"statuses"};
    Channel<int> channel{"status"};
  };
  const auto statuses = std::make_shared<Statuses>();
  go("sync", [=] {
    for (int i = 0; i < 2; ++i) {
      statuses->channel.recv();
      if (variant == Variant::kFixed) continue;
      statuses->mutex.lock();
      statuses->mutex.unlock();
    }
  });
  for (const char* const label : {"set 1", "set 2"}) {
    go(label, [=] {
      statuses->mutex.lock();
      statuses->channel.send(1);
      statuses->mutex.unlock();
    });
  }
}

void moby_28462(Variant variant) {
  struct Health {
    explicit Health(std::size_t capacity) : stop("stop", capacity) {}
    Mutex mutex{"container"};
    Channel<int> stop;
  };
  const auto health = std::make_shared<Health>(variant == Variant::kFixed ? 1 : 0);
  go("monitor", [=] {
    for (bool is_over = false; !is_over;) {
      select(on_recv(health->stop, [&] { is_over = true; }), on_default([&] {
               health->mutex.lock();
               health->mutex.unlock();
             }));
    }
  });
  go("changer", [=] {
    health->mutex.lock();
    health->stop.send(1);
    health->mutex.unlock();
  });
}

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

void moby_25384(Variant variant) {
  go("init", [=] {
    const auto group = std::make_shared<WaitGroup>("volumes", 2);
    for (int i = 0; i < 2; ++i) {
      go("volume", [=] { group->done(); });
      if (variant == Variant::kFaulty) group->wait();
    }
    group->wait();
  });
}

void grpc_1687(Variant variant) {
  const Channel<int> writes("writes");
  const Channel<int> closed("closed");
  const auto write = [=] {
    select(on_recv(closed), on_default([&] { select(on_send(writes, 1), on_recv(closed)); }));
  };
  go("handler", [=] {
    write();
    (variant == Variant::kFixed ? closed : writes).close();
    write();
  });
  for (bool is_over = false; !is_over;) {
    select(on_recv(writes, [&](std::optional<int> value) { is_over = !value; }),
           on_recv(closed, [&] { is_over = true; }));
  }
}

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
