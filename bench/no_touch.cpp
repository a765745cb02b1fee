// What the no-touch probe costs a process with many idle threads: the processor time of its thread,
// as a share of one processor. With --gates it fails where that is half a percent or more.
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <latch>
#include <mutex>
#include <string_view>
#include <thread>
#include <vector>

#include "chantrace/no_touch.h"

namespace {

using namespace chantrace;
using std::chrono::duration;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr double kShareMax = 0.005;

/// Threads that wait for work, each with a timeout after which it looks around and waits again, as
/// in a server that has little to do.
class IdleThreads {
 public:
  explicit IdleThreads(int count) : started_(count) {
    for (int i = 0; i < count; ++i) {
      threads_.emplace_back([this] {
        std::unique_lock lock(mutex_);
        started_.count_down();
        while (!is_closed_) changed_.wait_for(lock, milliseconds(700));
      });
    }
    started_.wait();
  }
  ~IdleThreads() {
    {
      const std::lock_guard lock(mutex_);
      is_closed_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }
  IdleThreads(const IdleThreads&) = delete;
  IdleThreads& operator=(const IdleThreads&) = delete;

 private:
  std::latch started_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_closed_ = false;
  std::vector<std::thread> threads_;
};

struct Cost {
  double share = 0;
  double poll_us = 0;
};

Cost measure(int threads, milliseconds duration_of_it) {
  const IdleThreads idle(threads);
  NoTouchOptions options;
  options.is_printed = false;
  NoTouchProbe probe(options);
  // The first polls load what the later ones use.
  std::this_thread::sleep_for(4 * options.poll_interval);
  const auto before = probe.report();
  const auto start = steady_clock::now();
  std::this_thread::sleep_for(duration_of_it);
  const auto after = probe.report();
  const duration<double> wall = steady_clock::now() - start;
  const duration<double> used = after.probe_cpu - before.probe_cpu;
  const double polls = wall / options.poll_interval;
  return {used / wall, used.count() * 1e6 / polls};
}

}  // namespace

int main(int count, char** arguments) {
  const bool has_gates = count > 1 && std::string_view(arguments[1]) == "--gates";
  bool is_good = true;
  std::printf("threads   us a poll   %% of one processor\n");
  for (const int threads : {10, 100, 1000}) {
    const Cost cost = measure(threads, milliseconds(10'000));
    std::printf("%7d %11.0f %20.3f\n", threads, cost.poll_us, cost.share * 100);
    is_good = is_good && cost.share < kShareMax;
  }
  return is_good || !has_gates ? EXIT_SUCCESS : EXIT_FAILURE;
}
