#include "chantrace/task.h"

#include <system_error>

#include "controlled_step.h"
#include "runtime.h"

namespace chantrace {
namespace detail {
namespace {

/// The way into an operation on a task.
template <Operation kOperation>
bool enter(TaskControl& self, const Location& site) {
  if (!is_only_controlled(self)) return enter_operation(self, kOperation, nullptr, site);
  if (under_control(self).pass_by(self, kOperation, site)) return true;
  throw_cancelled(self);
  return false;
}

}  // namespace

TaskControl* start_task(std::string_view label, TaskBody&& body, const Location& site) {
  TaskControl& self = current_task();
  // A task that is being unwound starts nothing; its handle names no task.
  if (!enter<Operation::kTaskSpawn>(self, site)) return nullptr;
  TaskControl& task = self.executor->make_task(self, label, std::move(body), site);
  task.join_object.latch.lock();
  const std::uint32_t sequence = ++task.join_object.sequence;
  task.join_object.latch.unlock();
  record(self,
         {.operation = Operation::kTaskSpawn, .object = to_number(task.id), .sequence = sequence},
         site);
  if (!self.executor->start(task))
    throw std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again),
                            "chantrace::go: the system has no room for another task");
  return &task;
}

void release_task(TaskControl* task) {
  // The controlled executor keeps its tasks until the next execution.
  if (task->executor == &Runtime::instance().threads()) Runtime::instance().release(*task);
}

}  // namespace detail

using namespace detail;  // NOLINT: this file is made of its parts.

void Task::join(Location site) const {
  if (control_ == nullptr) return;
  TaskControl& self = current_task();
  if ((self.hooks.load(std::memory_order_relaxed) & kHookStranger) != 0 &&
      Runtime::instance().refuse_foreign_join(self, *control_, site))
    return;
  if (!enter<Operation::kTaskJoin>(self, site)) return;
  auto& object = control_->join_object;
  const auto what = [&](Phase phase, std::uint32_t sequence) {
    return Happening{.operation = Operation::kTaskJoin,
                     .phase = phase,
                     .object = to_number(control_->id),
                     .sequence = sequence};
  };
  object.latch.lock();
  if (control_->phase.load() == TaskPhase::kEnded) {
    const std::uint32_t sequence = ++object.sequence;
    object.latch.unlock();
    record(self, what(Phase::kBoth, sequence), site);
    return;
  }
  ParkedOperation operation(self, Operation::kTaskJoin, site);
  operation.joined = control_;
  Waiter waiter(operation, object);
  object.waiters.push_back(waiter);
  const std::uint32_t sequence = ++object.sequence;
  if (wait_at(self, object, object.waiters, waiter, what(Phase::kStart, sequence), site, kNever)
          .claim == Claim::kCompleted)
    record(self, what(Phase::kDone, operation.done_sequence), site);
}

bool Task::has_ended() const {
  if (control_ == nullptr) return true;
  note_look_at_end();
  if (control_->phase.load() != TaskPhase::kEnded) return false;
  // Whoever sees the end comes after it, as if it had joined.
  TaskControl* const self = current_task_or_null;
  if (self == nullptr || !self->is_recording) return true;
  Happening what{.operation = Operation::kTaskJoin, .object = to_number(control_->id)};
  {
    const ScopedLock lock(control_->join_object.latch);
    if (control_->join_object.epoch != self->epoch) return true;
    what.sequence = ++control_->join_object.sequence;
  }
  record(*self, what, {});
  return true;
}

TaskId Task::id() const { return control_ == nullptr ? TaskId{} : control_->id.load(); }

TaskId current_task_id() { return current_task().id; }
std::string current_task_label() { return label_of(current_task()); }

void yield(Location site) {
  TaskControl& self = current_task();
  if (!enter_operation(self, Operation::kYield, nullptr, site)) return;
  record(self, {.operation = Operation::kYield}, site);
  if (!self.executor->yield(self)) throw_cancelled(self);
}

std::uint32_t choose(std::uint32_t count, Location site) {
  TaskControl& self = current_task();
  if (count <= 1 || !enter_operation(self, Operation::kChoose, nullptr, site)) return 0;
  const std::uint32_t chosen = self.executor->choose(self, count);
  record(self,
         {.operation = Operation::kChoose,
          .detail = static_cast<std::uint16_t>(count < 0xffff ? count : 0xffff),
          .value = chosen},
         site);
  return chosen;
}

}  // namespace chantrace
