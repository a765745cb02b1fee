#include "support/random_program.h"

#include <chrono>
#include <mutex>
#include <random>
#include <shared_mutex>
#include <string>
#include <vector>

#include "chantrace/chantrace.h"

namespace chantrace {
namespace {

using namespace std::chrono_literals;

/// What the tasks of a program share.
struct World {
  Mutex mutexes[2]{Mutex("first"), Mutex("second")};
  SharedMutex table{"table"};
  Channel<int> channels[3]{Channel<int>("unbuffered"), Channel<int>("one", 1),
                           Channel<int>("two", 2)};
  Semaphore semaphore{1};
  Atomic<int> value{0, "value"};
  ConditionVariable changed{"changed"};
  Once once;
  Context context = with_cancel(Context::background());
};

/// Makes `count` operations that `seed` says, some of them inside others.
void make_operations(World& world, std::uint64_t seed, int count, int depth) {
  std::mt19937_64 random(seed);
  for (int i = 0; i < count; ++i) {
    const auto kind = random() % 23;
    const auto which = random() % 3;
    const auto lock = random() % 2;
    const auto inner = [&, seed_of_inner = random()] {
      if (depth < 4) make_operations(world, seed_of_inner, 1, depth + 1);
    };
    Channel<int>& channel = world.channels[which];
    switch (kind) {
      case 0:
        yield();
        break;
      case 1:
        sleep_for(std::chrono::milliseconds(1 + which));
        break;
      case 2: {
        const std::scoped_lock hold(world.mutexes[lock]);
        inner();
        break;
      }
      case 3: {
        const std::unique_lock hold(world.table);
        inner();
        break;
      }
      case 4: {
        const std::shared_lock hold(world.table);
        inner();
        break;
      }
      case 5:
        world.semaphore.acquire();
        inner();
        world.semaphore.release();
        break;
      case 6:
        channel.send_for(1, 2ms);
        break;
      case 7:
        channel.recv_for(2ms);
        break;
      case 8:
        channel.try_send(1);
        break;
      case 9:
        channel.try_recv();
        break;
      case 10:
        select(on_recv(channel), on_send(world.channels[lock], 3), on_timeout(1ms));
        break;
      case 11:
        select(on_recv(world.channels[0]), on_send(channel, 3), on_default());
        break;
      case 12:
        world.value.fetch_add(1);
        break;
      case 13:
        world.value.load();
        break;
      case 14:
        if (world.mutexes[lock].try_lock()) {
          yield();
          world.mutexes[lock].unlock();
        }
        break;
      case 15: {
        std::unique_lock hold(world.mutexes[lock]);
        world.changed.wait_for(hold, 1ms);
        break;
      }
      case 16:
        world.changed.notify_all();
        break;
      case 17:
        world.once.call([] { yield(); });
        break;
      case 18:
        if (choose(static_cast<std::uint32_t>(2 + which)) == 1) world.value.store(5);
        break;
      case 19:
        go("inner", inner).join();
        break;
      case 20:
        if (world.context.error() != ContextError::kNone || channel.size() > 0)
          world.value.fetch_add(3);
        break;
      case 21:
        if (which == 0) {
          world.context.cancel();
        } else {
          with_timeout(world.context, 2ms).done().recv();
        }
        break;
      default: {
        Timer timer(1ms);
        if (lock == 0)
          timer.channel().recv();
        else
          timer.stop();
        break;
      }
    }
  }
}

}  // namespace

void run_random_program(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto tasks_count = 1 + random() % 3;
  const auto length = static_cast<int>(1 + random() % 4);
  World world;
  std::vector<Task> tasks;
  for (std::uint64_t i = 0; i < tasks_count; ++i)
    tasks.push_back(go("task-" + std::to_string(i), [&world, seed, i, length] {
      make_operations(world, seed * 10 + i, length, 0);
    }));
  make_operations(world, seed * 10 + 9, length, 0);
  for (const Task& task : tasks) task.join();
}

}  // namespace chantrace
