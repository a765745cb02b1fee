// Threads that the controlled executor cannot schedule, and what becomes of their operations.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include "runtime.h"

namespace chantrace::detail {
namespace {

using namespace std::chrono_literals;

constexpr auto kNap = 1ms;
// How long a stranger stands still for the execution that it has met to come to its verdict. The
// body may wait for the stranger's end meanwhile.
constexpr int kNapsOfStranger = 1'000;
// How long an execution in which nothing can go on waits for a stranger that may be about to come:
// many times what a new thread takes to its first operation.
constexpr int kNapsForStranger = 100;

}  // namespace

void Runtime::note_foreign_use(const ForeignUse& use) {
  has_something_to_tell_.store(true, std::memory_order_relaxed);
  const ScopedLock lock(mutex_);
  if (!record_.foreign_use) record_.foreign_use = use;
}

bool Runtime::refuse_foreign(TaskControl& self, Operation operation, const Object* object,
                             const Location& site) {
  if (self.is_refused) return true;
  if (object == nullptr || !is_controlled()) return false;
  // The tasks of the execution change it without a lock.
  const WithoutRaces scope;
  const std::uint32_t epoch = current_epoch.load();
  if (object->epoch != epoch) return false;
  remember_name(*object);
  hold_up(self, {.operation = operation, .object = object->id, .site = to_site(site)}, epoch);
  return true;
}

bool Runtime::refuse_foreign_join(TaskControl& self, const TaskControl& task,
                                  const Location& site) {
  if (self.is_refused) return true;
  const WithoutRaces scope;
  const std::uint32_t epoch = current_epoch.load();
  if (!is_controlled() || task.epoch.load() != epoch || task.phase.load() == TaskPhase::kEnded)
    return false;
  hold_up(self, {.operation = Operation::kTaskJoin, .task = task.id.load(), .site = to_site(site)},
          epoch);
  return true;
}

void Runtime::hold_up(TaskControl& self, ForeignUse use, std::uint32_t epoch) {
  self.is_refused = true;
  use.thread = label_of(self);
  note_foreign_use(use);
  for (int naps = 0; naps < kNapsOfStranger && current_epoch.load() == epoch; ++naps) {
    {
      const ScopedLock lock(mutex_);
      if (!record_.foreign_use || record_.is_foreign_use_told) break;
    }
    std::this_thread::sleep_for(kNap);
  }
}

bool Runtime::has_strangers() {
  {
    const ScopedLock lock(mutex_);
    const bool has_host = std::any_of(
        alive_.begin(), alive_.end(),
        [body = body_](const TaskControl* task) { return task->is_host && task != body; });
    if (has_host) return true;
  }
  return count_foreign_threads() > 0;
}

void Runtime::await_strangers() {
  if (are_strangers_awaited_.exchange(true) || !has_strangers()) return;
  for (int naps = 0; naps < kNapsForStranger; ++naps) {
    {
      const ScopedLock lock(mutex_);
      if (record_.foreign_use) return;
    }
    std::this_thread::sleep_for(kNap);
  }
}

}  // namespace chantrace::detail
