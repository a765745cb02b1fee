#include "watchdog.h"

#include <dirent.h>
#include <execinfo.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "chantrace/detail/foreign_threads.h"
#include "symbols.h"

namespace chantrace {
namespace {

constexpr int kFramesMax = 64;

/// Where a thread that is asked leaves its stack. One thread is asked at a time.
struct Answer {
  void* frames[kFramesMax];
  std::atomic<int> count = -1;  ///< Published by the thread that was asked.
};
Answer answer;

void answer_with_stack(int) {
  const int count = backtrace(answer.frames, kFramesMax);
  answer.count.store(count);
}

std::vector<pid_t> thread_ids() {
  std::vector<pid_t> ids;
  DIR* const folder = opendir("/proc/self/task");
  if (folder == nullptr) return ids;
  while (const dirent* const entry = readdir(folder))
    if (entry->d_name[0] != '.') ids.push_back(static_cast<pid_t>(std::atoi(entry->d_name)));
  closedir(folder);
  return ids;
}

std::string thread_name(pid_t id) {
  std::ifstream file("/proc/self/task/" + std::to_string(id) + "/comm");
  std::string name;
  std::getline(file, name);
  return name;
}

}  // namespace

struct Watchdog::State {
  using Clock = std::chrono::steady_clock;

  void watch() {
    // Tests come and go much faster than this looks; a limit is kept to within a second.
    constexpr std::chrono::milliseconds kLook{250};
    std::unique_lock lock(mutex);
    while (!is_ending) {
      changed.wait_for(lock, kLook);
      if (is_ending || !is_watching) continue;
      const bool is_late = Clock::now() >= deadline;
      if (is_late) is_watching = false;
      lock.unlock();
      (is_late ? on_expiry : on_look)();
      lock.lock();
    }
  }

  std::function<void()> on_expiry;
  std::function<void()> on_look;
  std::mutex mutex;
  std::condition_variable changed;
  // Guarded by `mutex`.
  Clock::time_point deadline;
  bool is_watching = false;
  bool is_ending = false;
  std::thread thread;
  pid_t process = 0;  ///< Which has the thread.
};

Watchdog::Watchdog(std::function<void()> on_expiry, std::function<void()> on_look)
    : state_(std::make_unique<State>()) {
  state_->on_expiry = std::move(on_expiry);
  state_->on_look = std::move(on_look);
}

Watchdog::~Watchdog() {
  if (!state_->thread.joinable()) return;
  // In a child the thread does not exist, and what it waited at can not even be destroyed.
  if (state_->process != getpid()) {
    [[maybe_unused]] static const State* const of_parent = state_.release();
    return;
  }
  {
    const std::lock_guard lock(state_->mutex);
    state_->is_ending = true;
  }
  state_->changed.notify_one();
  state_->thread.join();
}

void Watchdog::start(std::chrono::nanoseconds limit) {
  const std::lock_guard lock(state_->mutex);
  state_->is_watching = true;
  state_->deadline = limit > std::chrono::nanoseconds::zero() ? State::Clock::now() + limit
                                                              : State::Clock::time_point::max();
  if (state_->thread.joinable()) return;
  state_->process = getpid();
  state_->thread = detail::start_known_thread([state = state_.get()] { state->watch(); });
}

void Watchdog::stop() {
  const std::lock_guard lock(state_->mutex);
  state_->is_watching = false;
}

void print_thread_stacks() {
  void* warm_up[1];
  backtrace(warm_up, 1);  // Loads what it needs now, and not in a signal handler.
  struct sigaction action {};
  action.sa_handler = answer_with_stack;
  action.sa_flags = SA_RESTART;
  struct sigaction before {};
  if (sigaction(SIGRTMAX - 1, &action, &before) != 0) return;
  const Symbols symbols;
  const pid_t self = static_cast<pid_t>(syscall(SYS_gettid));
  for (const pid_t id : thread_ids()) {
    if (id == self) continue;
    std::fprintf(stderr, "thread %d (%s)\n", id, thread_name(id).c_str());
    answer.count.store(-1);
    if (syscall(SYS_tgkill, getpid(), id, SIGRTMAX - 1) != 0) continue;
    for (int i = 0; i < 1'000 && answer.count.load() < 0; ++i) usleep(1'000);
    const int count = answer.count.load();
    if (count < 0) {
      std::fprintf(stderr, "  does not answer\n");
      break;  // It may answer later, into the next thread's place.
    }
    // The first two frames are the handler and the kernel's return from it. The third is where the
    // thread was; all others are calls.
    for (int i = 2; i < count; ++i)
      std::fprintf(stderr, "  #%-2d %s\n", i - 2,
                   symbols.describe(answer.frames[i], i > 2).c_str());
  }
  sigaction(SIGRTMAX - 1, &before, nullptr);
}

}  // namespace chantrace
