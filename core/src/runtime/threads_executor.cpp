#include "threads_executor.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "runtime.h"

namespace chantrace::detail {
namespace {

// `TaskControl::permit`.
constexpr std::uint32_t kNoPermit = 0;
constexpr std::uint32_t kPermit = 1;
// A number that no lock of the C library waits with: who looks from outside tells locks by theirs.
constexpr std::uint32_t kSleeping = 0x7a5c;

// How long a task spins for its permit before it sleeps. A futex round trip costs 17 us here and
// one by spinning 1 us; some 2,000 pauses cover the time that a peer on another core needs to
// answer.
constexpr int kSpinPauses = 2'000;

// How long the timers' thread sleeps at most.
constexpr Instant kTimerNapMaxNs = 3'600'000'000'000;

void pause_briefly() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

timespec to_timespec(Instant instant) {
  return {.tv_sec = static_cast<time_t>(instant / 1'000'000'000),
          .tv_nsec = static_cast<long>(instant % 1'000'000'000)};
}

/// Sleeps while `word` is `expected`, until `deadline` of the monotonic clock.
void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected, Instant deadline) {
  const timespec until = to_timespec(deadline);
  syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, expected,
          deadline == kNever ? nullptr : &until, nullptr, FUTEX_BITSET_MATCH_ANY);
}

void futex_wake_one(std::atomic<std::uint32_t>& word) {
  syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

struct DueLater {
  template <typename Armed>
  bool operator()(const Armed& left, const Armed& right) const {
    return left.due != right.due ? left.due > right.due : left.order > right.order;
  }
};

}  // namespace

void ObjectLock::lock_contended() CHANTRACE_NO_THREAD_SAFETY_ANALYSIS {
  for (int round = 0;; ++round) {
    for (int i = 0; i < 64; ++i) {
      if (!is_locked_.load(std::memory_order_relaxed) && try_lock()) return;
      pause_briefly();
    }
    if (round < 64) {
      sched_yield();
    } else {
      // The holder does not get to run: it was preempted, and may have a lower priority.
      const timespec nap{.tv_sec = 0, .tv_nsec = 50'000};
      nanosleep(&nap, nullptr);
    }
  }
}

ThreadsExecutor::ThreadsExecutor(QuiescenceListener& listener)
    : listener_(listener),
      spinning_max_(static_cast<std::int32_t>(std::thread::hardware_concurrency()) / 2) {}

TaskControl& ThreadsExecutor::make_task(TaskControl& parent, std::string_view label,
                                        TaskBody&& body, const Location& site) {
  return Runtime::instance().make_task(parent, label, std::move(body), site);
}

bool ThreadsExecutor::start(TaskControl& task) {
  add_running();
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_t thread;
  const int error = pthread_create(
      &thread, &attributes,
      [](void* argument) -> void* {
        run_task(*static_cast<TaskControl*>(argument));
        return nullptr;
      },
      &task);
  pthread_attr_destroy(&attributes);
  if (error == 0) return true;
  // The caller runs, so this cannot be what makes all quiet.
  running_.fetch_sub(1);
  Runtime& runtime = Runtime::instance();
  runtime.end_task(task, TaskStatus::kCancelled, {});
  runtime.release(task);
  runtime.release(task);
  return false;
}

void ThreadsExecutor::remove_running() {
  if (running_.fetch_sub(1) == 1 && is_quiescent()) listener_.on_quiescence();
}

void ThreadsExecutor::set_running(std::int64_t count) {
  running_.store(count);
  timed_.store(0);
  spinning_.store(0);
  // Its waiter is a thread that the child does not have. To destroy it would wait for that one.
  new (&timers_changed_) std::condition_variable;
  timers_thread_exists_ = false;
}

bool ThreadsExecutor::is_quiescent_with(std::int64_t running) {
  const std::uint64_t starts = starts_.load();
  if (running_.load() != running || timed_.load() != 0) return false;
  std::vector<std::shared_ptr<TimerNode>> timers;
  {
    const std::lock_guard lock(timers_mutex_);
    for (const Armed& armed : timers_) timers.push_back(armed.timer);
  }
  const bool is_helpless = std::none_of(timers.begin(), timers.end(),
                                        [](const auto& timer) { return timer->could_wake(); });
  return is_helpless && running_.load() == running && timed_.load() == 0 &&
         starts_.load() == starts;
}

void ThreadsExecutor::park(TaskControl& self, ParkedOperation& operation, Instant deadline) {
  operation.has_deadline = deadline != kNever;
  {
    const ScopedLock lock(self.park_lock);
    // Whoever ends the execution raises the hook, then looks for what is parked. Where it looked
    // before this, the hook is seen here.
    if ((self.hooks.load() & kHookCancel) != 0 && operation.try_claim(Claim::kCancelled)) return;
    self.parked = &operation;
    self.parked_since = ticks();
  }
  if (self.is_service) add_running();  // Counted only while it waits like any task.
  if (operation.has_deadline) timed_.fetch_add(1);
  remove_running();
  if (!wait_for_permit(self, deadline)) {
    if (operation.try_claim(Claim::kTimedOut)) {
      add_running();
      wakeups_.fetch_add(1, std::memory_order_relaxed);
    } else {
      wait_for_permit(self, kNever);  // Somebody else was first, and is about to give it.
    }
  }
  if (operation.has_deadline) timed_.fetch_sub(1);
  if (operation.claim.load(std::memory_order_acquire) == Claim::kQuiescent) {
    Runtime::instance().handle_quiescence(self);
  }
  {
    const ScopedLock lock(self.park_lock);
    self.parked = nullptr;
  }
  if (self.is_service) remove_running();
}

bool ThreadsExecutor::wait_for_permit(TaskControl& self, Instant deadline) {
  if (deadline == kNever && spinning_.fetch_add(1, std::memory_order_relaxed) < spinning_max_) {
    for (int i = 0; i < kSpinPauses; ++i) {
      if (self.permit.load(std::memory_order_acquire) == kPermit) break;
      pause_briefly();
    }
    spinning_.fetch_sub(1, std::memory_order_relaxed);
  } else if (deadline == kNever) {
    spinning_.fetch_sub(1, std::memory_order_relaxed);
  }
  for (;;) {
    std::uint32_t permit = kNoPermit;
    if (!self.permit.compare_exchange_strong(permit, kSleeping, std::memory_order_acquire) &&
        permit == kPermit) {
      self.permit.store(kNoPermit, std::memory_order_relaxed);
      return true;
    }
    futex_wait(self.permit, kSleeping, deadline);
    if (self.permit.load(std::memory_order_acquire) == kPermit) continue;
    if (deadline != kNever && now() >= deadline) {
      // Awake again: a permit that comes from now on needs no system call.
      permit = kSleeping;
      if (self.permit.compare_exchange_strong(permit, kNoPermit, std::memory_order_acquire))
        return false;
    }
  }
}

void ThreadsExecutor::unpark(TaskControl& task) {
  add_running();
  wakeups_.fetch_add(1, std::memory_order_relaxed);
  if (task.permit.exchange(kPermit, std::memory_order_acq_rel) == kSleeping)
    futex_wake_one(task.permit);
}

bool ThreadsExecutor::yield(TaskControl&) {
  sched_yield();
  return true;
}

void ThreadsExecutor::abandon(TaskControl& self) { Runtime::instance().abandon(self); }

std::uint32_t ThreadsExecutor::choose(TaskControl& self, std::uint32_t count) {
  // xorshift64*; source: Vigna, "An experimental exploration of Marsaglia's xorshift generators,
  // scrambled", 2016. The high half of the product, scaled, is fair to 2^-32.
  std::uint64_t& state = self.random_state;
  state ^= state >> 12;
  state ^= state << 25;
  state ^= state >> 27;
  const std::uint64_t random = (state * 0x2545f4914f6cdd1dull) >> 32;
  return static_cast<std::uint32_t>((random * count) >> 32);
}

Instant ThreadsExecutor::now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

void ThreadsExecutor::arm(std::shared_ptr<TimerNode> timer, Instant due) {
  const std::lock_guard lock(timers_mutex_);
  if (!timers_thread_exists_) {
    start_known_thread([this] { serve_timers(); }).detach();
    timers_thread_exists_ = true;
  }
  push_timer({due, timers_armed_++, std::move(timer)});
  if (timers_.front().order == timers_armed_ - 1) timers_changed_.notify_one();
}

void ThreadsExecutor::push_timer(Armed armed) {
  timers_.push_back(std::move(armed));
  std::push_heap(timers_.begin(), timers_.end(), DueLater{});
}

bool ThreadsExecutor::disarm(TimerNode& timer) {
  std::shared_ptr<TimerNode> removed;  // Destroyed after the lock.
  const std::lock_guard lock(timers_mutex_);
  if (firing_ == &timer) is_disarmed_in_fire_ = true;
  const auto found = std::find_if(timers_.begin(), timers_.end(),
                                  [&](const Armed& armed) { return armed.timer.get() == &timer; });
  if (found == timers_.end()) return false;
  removed = std::move(found->timer);
  timers_.erase(found);
  std::make_heap(timers_.begin(), timers_.end(), DueLater{});
  return true;
}

void ThreadsExecutor::serve_timers() {
  TaskControl& self = Runtime::instance().make_service_task("timers", true);
  std::unique_lock lock(timers_mutex_);
  for (;;) {
    if (timers_.empty()) {
      timers_changed_.wait(lock);
      continue;
    }
    const Instant due = timers_.front().due;
    const Instant present = now();
    if (present < due) {
      // A wait that is too long for the clock would be none at all.
      const Instant nap = std::min<Instant>(due - present, kTimerNapMaxNs);
      timers_changed_.wait_for(lock, std::chrono::nanoseconds(nap));
      continue;
    }
    std::pop_heap(timers_.begin(), timers_.end(), DueLater{});
    const std::shared_ptr<TimerNode> timer = std::move(timers_.back().timer);
    timers_.pop_back();
    // Counted while the lock is held, so that nobody sees the timer gone and its effect not yet.
    add_running();
    firing_ = timer.get();
    is_disarmed_in_fire_ = false;
    lock.unlock();
    const Instant next = timer->fire(self, due);
    lock.lock();
    firing_ = nullptr;
    // Whoever has disarmed it meanwhile, such as to arm it anew, has the last word.
    if (next != kNever && !is_disarmed_in_fire_) push_timer({next, timers_armed_++, timer});
    lock.unlock();
    remove_running();
    lock.lock();
  }
}

}  // namespace chantrace::detail
