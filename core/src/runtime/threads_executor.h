/// \file
/// Tasks as OS threads, parked on futexes. What a test runs on when nothing else is asked, and what
/// a traced program runs on.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "chantrace/detail/executor.h"
#include "chantrace/detail/foreign_threads.h"
#include "chantrace/detail/task_control.h"

namespace chantrace::detail {

/// Around a fork: nobody else changes what is known about threads.
void lock_known_threads();
void unlock_known_threads();

/// Told by the executor about what no task can see from inside.
class QuiescenceListener {
 public:
  virtual ~QuiescenceListener() = default;
  /// No task can go on, and no timer could help. Called by the last task to park, or by the timers'
  /// thread; with no lock held. It may be called again for the same quiescence, and a task may go
  /// on at any time after it.
  virtual void on_quiescence() = 0;
};

/// Threads: any thread.
class ThreadsExecutor final : public Executor {
 public:
  explicit ThreadsExecutor(QuiescenceListener& listener);

  TaskControl& make_task(TaskControl& parent, std::string_view label, TaskBody&& body,
                         const Location& site) override;
  bool start(TaskControl& task) override;
  void park(TaskControl& self, ParkedOperation& operation, Instant deadline) override;
  void unpark(TaskControl& task) override;
  bool yield(TaskControl& self) override;
  std::uint32_t choose(TaskControl& self, std::uint32_t count) override;
  Instant now() override;
  void arm(std::shared_ptr<TimerNode> timer, Instant due) override;
  bool disarm(TimerNode& timer) override;
  [[noreturn]] void abandon(TaskControl& self) override;

  /// A task, or a host thread, can go on; or can no longer.
  void add_running() {
    running_.fetch_add(1);
    starts_.fetch_add(1);
  }
  void remove_running();

  /// True when no task can go on, and no timer could help.
  bool is_quiescent() { return is_quiescent_with(0); }
  /// The same where the caller itself is counted as running.
  bool is_quiescent_but_for_caller() { return is_quiescent_with(1); }
  /// A child must not have a lock that is held by a thread which it does not have.
  void before_fork() {
    timers_mutex_.lock();
    lock_known_threads();
  }
  void after_fork() {
    unlock_known_threads();
    timers_mutex_.unlock();
  }
  /// After a fork, in the child: so many are left.
  void set_running(std::int64_t count);
  /// Grows with every task that goes on after a wait: the same number twice means that none did.
  std::uint64_t wakeups() const { return wakeups_.load(); }

 private:
  struct Armed {
    Instant due;
    std::uint64_t order;
    std::shared_ptr<TimerNode> timer;
  };

  bool is_quiescent_with(std::int64_t running);
  bool wait_for_permit(TaskControl& self, Instant deadline);
  void push_timer(Armed armed);  ///< Requires: `timers_mutex_`.
  void serve_timers();

  QuiescenceListener& listener_;
  /// Tasks and host threads that can go on, and those that park with a deadline. Sequentially
  /// consistent, so that the last one to park sees that it is the last.
  std::atomic<std::int64_t> running_ = 0;
  std::atomic<std::int64_t> timed_ = 0;
  /// How often `running_` was raised, counted after it. Whoever looks for quiescence in several
  /// places compares it at the end: nothing came and went in between.
  std::atomic<std::uint64_t> starts_ = 0;
  std::atomic<std::uint64_t> wakeups_ = 0;
  /// Threads that spin before they sleep; never more than there are cores to spare.
  std::atomic<std::int32_t> spinning_ = 0;
  const std::int32_t spinning_max_;

  std::mutex timers_mutex_;
  std::condition_variable timers_changed_;
  std::vector<Armed> timers_;  ///< A heap, the next one due first.
  std::uint64_t timers_armed_ = 0;
  TimerNode* firing_ = nullptr;  ///< Whom the timers' thread calls now.
  bool is_disarmed_in_fire_ = false;
  bool timers_thread_exists_ = false;
};

}  // namespace chantrace::detail
