#include "polled_scenes.h"

#include <exception>
#include <utility>

namespace chantrace::view {

PolledScenes::PolledScenes(std::shared_ptr<const Scene> first, Make make,
                           std::chrono::milliseconds period, const StartThread& start_thread)
    : make_(std::move(make)), newest_(std::move(first)) {
  std::function<void()> run_it = [this, period] { run(period); };
  thread_ = start_thread ? start_thread(std::move(run_it)) : std::thread(std::move(run_it));
}

PolledScenes::~PolledScenes() { finish(); }

void PolledScenes::run(std::chrono::milliseconds period) {
  std::unique_lock lock(mutex_);
  for (bool is_last = false; !is_last;) {
    ended_.wait_for(lock, period, [&] { return is_ending_; });
    is_last = is_ending_;
    lock.unlock();
    std::shared_ptr<const Scene> made;
    try {
      made = make_();
    } catch (const std::exception&) {
      // What is shown stays; there may be memory again the next time.
    }
    lock.lock();
    if (made != nullptr) newest_ = std::move(made);
  }
  is_over_ = true;
}

std::shared_ptr<const Scene> PolledScenes::current() {
  const std::lock_guard lock(mutex_);
  return newest_;
}

void PolledScenes::finish() {
  {
    const std::lock_guard lock(mutex_);
    is_ending_ = true;
  }
  ended_.notify_all();
  if (thread_.joinable()) thread_.join();
}

}  // namespace chantrace::view
