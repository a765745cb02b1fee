/// \file
/// A program of plain threads, which starts ever more of them and then gets stuck. The no-touch
/// probe sees both, although nothing of what the threads use is of this library.
#include <array>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <latch>
#include <mutex>
#include <thread>

#include "chantrace/chantrace.h"

using std::chrono::milliseconds;

namespace {

constexpr int kPhilosophers = 20;

// Never destroyed: threads wait for them when the program ends.
struct Table {
  std::array<std::mutex, kPhilosophers> forks;
  std::latch all_have_one{kPhilosophers};
  std::mutex kitchen;
  std::condition_variable meal_is_ready;
};
Table& table = *new Table;

[[gnu::noinline]] void wait_for_meal() {
  std::unique_lock lock(table.kitchen);
  for (;;) table.meal_is_ready.wait(lock);
}

[[gnu::noinline]] void dine(std::size_t seat) {
  const std::lock_guard left(table.forks[seat]);
  table.all_have_one.arrive_and_wait();  // So that it goes wrong every time.
  const std::lock_guard right(table.forks[(seat + 1) % kPhilosophers]);
  std::puts("nobody ever gets here");
}

/// Waits until the probe has closed so many incidents.
void wait_for_incidents(std::size_t count) {
  while (chantrace::no_touch_report().incidents.size() < count)
    std::this_thread::sleep_for(milliseconds(10));
}

}  // namespace

int main() {
  chantrace::NoTouchOptions options = chantrace::NoTouchOptions::from_environment();
  // Quicker than is usual, as this is a demonstration.
  options.poll_interval = milliseconds(20);
  options.baseline_samples = 5;
  options.stuck_after = milliseconds(300);
  options.trigger_window = milliseconds(100);
  options.cooldown = milliseconds(100);
  options.is_printed = false;
  chantrace::Session session(chantrace::Options{}.no_touch(options));

  while (!chantrace::no_touch_report().baseline) std::this_thread::sleep_for(milliseconds(10));
  for (int guest = 0; guest < 40; ++guest) std::thread(wait_for_meal).detach();
  wait_for_incidents(1);

  for (std::size_t seat = 0; seat < kPhilosophers; ++seat) std::thread(dine, seat).detach();
  wait_for_incidents(2);

  std::printf("%s", to_text(chantrace::no_touch_report()).c_str());
  std::fflush(stdout);
  return 0;
}
