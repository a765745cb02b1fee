// A signal that comes before the wait.
#include <chrono>
#include <memory>

#include "bugs/kernels.h"
#include "chantrace/chantrace.h"

namespace chantrace::bugs {

using namespace std::chrono_literals;

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

}  // namespace chantrace::bugs
