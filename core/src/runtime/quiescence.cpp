// What the runtime makes of it that no task can go on.
#include <algorithm>
#include <memory>

#include "chantrace/finding.h"
#include "runtime.h"

namespace chantrace::detail {
namespace {

/// Asks again after a while whether all is still quiet, where threads that the library does not
/// know could have changed that.
class Recheck final : public TimerNode {
 public:
  Instant fire(TaskControl&, Instant) override { return Runtime::instance().recheck_quiescence(); }
  bool could_wake() override { return false; }
};

/// Some task waits for what cannot come, whatever others do.
bool is_certain_wait(const Finding& finding) {
  return is_about_waiting(finding.kind) && finding.certainty == Certainty::kCertain;
}

}  // namespace

std::shared_ptr<TimerNode> make_recheck() { return std::make_shared<Recheck>(); }

void Runtime::on_quiescence() {
  if (has_recheck_.load()) return;
  // Where nothing is left to wait for, no thread could change the verdict.
  const bool is_all_over = body_ended() && !has_alive_tasks();
  if (is_all_over || count_foreign_threads() == 0) return declare_quiescence();
  {
    const ScopedLock lock(mutex_);
    if (quiescence_handler_ == nullptr || has_reported_) return;
  }
  const std::vector<Finding> findings = analyze(end_state());
  if (std::any_of(findings.begin(), findings.end(), is_certain_wait)) return declare_quiescence();
  if (has_recheck_.exchange(true)) return;
  wakeups_at_recheck_.store(executor_.wakeups());
  executor_.arm(recheck_, executor_.now() + foreign_patience_ns_.load());
}

Instant Runtime::recheck_quiescence() {
  const std::uint64_t wakeups = executor_.wakeups();
  // A quiescence that begins from here on arms a recheck of its own.
  has_recheck_.store(false);
  if (!executor_.is_quiescent_but_for_caller()) return kNever;
  if (wakeups_at_recheck_.exchange(wakeups) == wakeups) {
    declare_quiescence();
    return kNever;
  }
  if (has_recheck_.exchange(true)) return kNever;
  return executor_.now() + foreign_patience_ns_.load();
}

void Runtime::declare_quiescence() {
  // The body of a test learns of it in its own thread, where it waits.
  TaskControl* const waiting_body = body();
  if (waiting_body != nullptr) {
    bool is_claimed = false;
    {
      const ScopedLock lock(waiting_body->park_lock);
      is_claimed =
          waiting_body->parked != nullptr && waiting_body->parked->try_claim(Claim::kQuiescent);
    }
    if (is_claimed) executor_.unpark(*waiting_body);
    return;
  }
  std::function<void()> handler;
  {
    const ScopedLock lock(mutex_);
    if (has_reported_) return;
    handler = quiescence_handler_;
    has_reported_ = handler != nullptr;
  }
  if (handler) handler();
}

void Runtime::wake_body_if_stuck() {
  TaskControl* const waiting_body = body();
  // Under control that is known at once.
  if (waiting_body == nullptr || body_ended() || is_controlled()) return;
  // Tasks are looked at one after another. Whoever was woken meanwhile may have been seen before
  // and another one after it, each waiting for the other, which never was.
  const std::uint64_t wakeups = executor_.wakeups();
  ParkedOperation* operation;
  {
    const ScopedLock lock(waiting_body->park_lock);
    operation = waiting_body->parked;
  }
  if (operation == nullptr) return;
  const std::vector<Finding> findings = analyze(end_state());
  const TaskId id = waiting_body->id;
  const bool is_stuck = std::any_of(findings.begin(), findings.end(), [&](const Finding& finding) {
    const auto has_body = [&](const std::vector<Participant>& tasks) {
      return std::any_of(tasks.begin(), tasks.end(),
                         [&](const Participant& who) { return who.task == id; });
    };
    return is_certain_wait(finding) && (has_body(finding.participants) || has_body(finding.behind));
  });
  if (!is_stuck) return;
  {
    const ScopedLock lock(waiting_body->park_lock);
    if (executor_.wakeups() != wakeups || waiting_body->parked != operation ||
        !operation->try_claim(Claim::kQuiescent))
      return;
  }
  executor_.unpark(*waiting_body);
}

void Runtime::handle_quiescence(TaskControl&) {
  std::function<void()> handler;
  {
    const ScopedLock lock(mutex_);
    handler = quiescence_handler_;
  }
  if (handler) handler();
}

}  // namespace chantrace::detail
