// Tasks that stand before a lock: they can go on exactly while it is free.
#include "chantrace/detail/record.h"
#include "controlled_executor.h"

namespace chantrace::detail {

using enum Operation;

void ControlledExecutor::close_pending_gates() {
  while (pending_gates_ != nullptr) {
    LockGate& gate = *pending_gates_;
    pending_gates_ = gate.next_pending;
    gate.is_pending = false;
    close_gate(gate);
  }
}

void ControlledExecutor::close_gate(LockGate& gate) {
  for (TaskControl* task = gate.standing; task != nullptr; task = task->next_at_gate) {
    if (task->runnable == kNotRunnable) continue;
    remove_runnable(*task);
    if (task->has_announced_lock) continue;
    task->has_announced_lock = true;
    record(*task, happening(*task->gate_object, kLock, Phase::kStart), *task->pending_site);
  }
}

void ControlledExecutor::open_gate(LockGate& gate) {
  for (TaskControl* task = gate.standing; task != nullptr; task = task->next_at_gate) {
    if (task->runnable != kNotRunnable) continue;
    add_runnable(*task);
    Runnable& mine = runnable_.back();
    mine.index = task->operations;
    mine.operation = kLock;
    mine.is_write = true;
    mine.object = number_of(*task->gate_object, 0);
    mine.family = task->gate_object->family;
    mine.site = task->pending_site;
  }
}

}  // namespace chantrace::detail
