// Kernels whose bug is about messages: a channel that nobody reads or closes, a context that nobody
// cancels, a signal that comes too early.
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>

#include "bugs/kernels.h"
#include "chantrace/chantrace.h"

namespace chantrace::bugs {

using namespace std::chrono_literals;

void moby_4395(Variant variant) {
  const Channel<int> result("result", variant == Variant::kFixed ? 1 : 0);
  go("worker", [=] { result.send(1); });
}

void kubernetes_5316(Variant variant) {
  const std::size_t capacity = variant == Variant::kFixed ? 1 : 0;
  const Channel<int> ok("ok", capacity);
  const Channel<int> error("error", capacity);
  go("request", [=] {
    // Far beyond the caller's patience, so that a busy machine does not change the outcome.
    sleep_for(50ms);
    if (choose(2) == 0)
      error.send(1);
    else
      ok.send(1);
  });
  select(on_recv(ok), on_recv(error), on_recv(after(1ms)));
}

void etcd_6857(Variant variant) {
  const Channel<Channel<int>> status("status");
  const Channel<int> stop("stop");
  const Channel<int> done("done");
  go("run", [=] {
    for (bool is_over = false; !is_over;) {
      select(on_recv(status,
                     [](const std::optional<Channel<int>>& reply) {
                       if (reply) reply->send(1);
                     }),
             on_recv(stop, [&] {
               done.close();
               is_over = true;
             }));
    }
  });
  go("status", [=] {
    const Channel<int> reply("reply");
    if (variant == Variant::kFixed) {
      const std::size_t taken = select(on_send(status, reply), on_recv(done));
      if (taken != 0) return;
    } else {
      status.send(reply);
    }
    reply.recv();
  });
  go("stop", [=] {
    if (select(on_send(stop, 1), on_recv(done)) == 0) done.recv();
  });
}

void grpc_660(Variant variant) {
  const Channel<int> stop("stop");
  go("loop", [=] {
    for (bool is_over = false; !is_over;) {
      const Channel<int> done("done", variant == Variant::kFixed ? 1 : 0);
      go("worker", [=] { done.send(1); });
      select(on_recv(stop, [&] { is_over = true; }), on_recv(done));
    }
  });
  go("stopper", [=] { stop.send(1); });
}

void cockroach_2448(Variant variant) {
  const bool is_fixed = variant == Variant::kFixed;
  const Channel<int> events("events", is_fixed ? 4 : 0);
  const Channel<int> callbacks("callbacks", is_fixed ? 1 : 0);
  const Channel<int> stop("stop");
  go("raft", [=] {
    bool is_over = false;
    const auto end = [&] { is_over = true; };
    while (!is_over)
      select(on_recv(events, [&] { select(on_send(callbacks, 1), on_recv(stop, end)); }),
             on_recv(stop, end));
  });
  go("state", [=] {
    bool is_over = false;
    const auto end = [&] { is_over = true; };
    while (!is_over)
      select(on_recv(stop, end), on_recv(callbacks),
             on_default([&] { select(on_send(events, 1), on_recv(stop, end)); }));
  });
  if (is_fixed) stop.close();
}

void cockroach_13755(Variant variant) {
  const Context context = with_cancel(Context::background());
  go("rows", [=] { context.done().recv(); });
  if (variant == Variant::kFixed) context.cancel();
}

void cockroach_10790(Variant variant) {
  const std::size_t capacity = variant == Variant::kFixed ? 1 : 0;
  const Channel<int> first("first", capacity);
  const Channel<int> second("second", capacity);
  const Context context = with_cancel(Context::background());
  go("sender", [=] {
    for (const auto& channel : {first, second})
      if (select(on_send(channel, 1), on_recv(context.done())) != 0) return;
  });
  go("beginner", [=] {
    for (const auto& channel : {first, second}) {
      select(on_recv(channel), on_recv(context.done(), [&] {
               if (variant == Variant::kFixed) return;
               go("drainer", [=] {
                 first.recv();
                 second.recv();
               });
             }));
    }
  });
  go("canceller", [=] { context.cancel(); });
}

void moby_33781(Variant variant) {
  const Channel<int> stop("stop");
  go("monitor", [=] {
    for (bool is_over = false; !is_over;) {
      select(on_recv(stop, [&] { is_over = true; }), on_recv(after(50ns)));
      if (is_over) return;
      const Channel<int> results("results", variant == Variant::kFixed ? 1 : 0);
      const Context context = with_timeout(Context::background(), 50ns);
      go("probe", [=] {
        results.send(1);
        results.close();
      });
      select(on_recv(stop,
                     [&] {
                       context.cancel();
                       is_over = true;  // Faulty: nobody receives the result any more.
                     }),
             on_recv(results, [&] { context.cancel(); }),  //
             on_recv(context.done(), [&] {
               context.cancel();
               results.recv();
             }));
    }
  });
  go("stopper", [=] {
    sleep_for(50ns);
    stop.send(1);
  });
}

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

namespace {

/// The correct twin of `kubernetes_11298`: what signals is a channel, which keeps what nobody waits
/// for yet.
void notify_by_channel() {
  const Channel<int> abort("abort");
  const Channel<int> finished("finished");
  const Channel<int> node_done("node_done");
  const Channel<int> changed("changed", 1);
  go("producer", [=] {
    for (bool is_over = false; !is_over;)
      select(on_recv(abort, [&] { is_over = true; }), on_default([&] { changed.try_send(1); }));
    finished.close();
  });
  go("outer", [=] {
    for (bool is_over = false; !is_over;)
      select(on_recv(finished, [&] { is_over = true; }), on_recv(changed));
    node_done.close();
  });
  go("closer", [=] {
    sleep_for(100us);
    abort.close();
  });
  node_done.recv();
}

}  // namespace

void kubernetes_11298(Variant variant) {
  if (variant == Variant::kFixed) return notify_by_channel();
  struct Node {
    Mutex mutex{"node"};
    ConditionVariable changed{"changed"};
    Channel<int> abort{"abort"};
    Channel<int> finished{"finished"};
    Channel<int> done{"node_done"};
  };
  const auto node = std::make_shared<Node>();
  const auto produce = [=] {
    for (bool is_over = false; !is_over;) {
      select(on_recv(node->abort, [&] { is_over = true; }), on_default([&] {
               node->mutex.lock();
               node->changed.notify_one();
               node->mutex.unlock();
             }));
    }
    node->finished.close();
  };
  go("outer", [=] {
    go("producer", produce);
    node->mutex.lock();
    for (bool is_over = false; !is_over;) {
      if (select(on_recv(node->finished), on_default()) == 0) break;
      const Channel<int> woken("woken");
      // The lock that it waits with is held on its behalf by this task.
      go("helper", [=] {
        node->changed.wait(node->mutex);
        woken.close();
      });
      select(on_recv(node->finished,
                     [&] {
                       node->changed.notify_one();  // Lost where the helper does not wait yet.
                       woken.recv();
                       is_over = true;
                     }),
             on_recv(woken));
    }
    node->mutex.unlock();
    node->done.close();
  });
  go("closer", [=] {
    sleep_for(100us);
    node->abort.close();
  });
  node->done.recv();
}

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
