/// \file
/// The operations of one controlled execution, in their order: what is compared where two
/// executions under one schedule were not the same.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "chantrace/detail/task_control.h"
#include "chantrace/event.h"
#include "chantrace/location.h"

namespace chantrace::detail {

struct LoggedOperation {
  std::uint32_t task = 0;
  std::uint32_t number = 0;  ///< It is the task's operation number `number`, from 1.
  Operation operation = Operation::kNone;
  std::uint32_t object = 0;  ///< Its id; 0: none.
  Location site;
};

/// Threads: one thread at a time.
class OperationLog {
 public:
  /// Operations that are kept; those behind them are not.
  static constexpr std::size_t kOperationsMax = 1u << 20;

  /// An object, as far as it is the same thing in every execution.
  struct LoggedObject {
    ObjectKind kind = ObjectKind::kNone;
    std::string name;
    Location created;
  };

  void clear() {
    operations_.clear();
    tasks_.clear();
    objects_.clear();
  }

  void add(const TaskControl& self, Operation operation, const Object* object,
           const Location& site) {
    if (operations_.size() == kOperationsMax) return;
    const std::uint32_t task = to_number(self.id.load(std::memory_order_relaxed));
    if (task >= tasks_.size()) tasks_.resize(task + 1);
    if (tasks_[task].operations++ == 0) tasks_[task].label = self.label;
    const std::uint32_t id = object != nullptr ? to_number(object->id) : 0;
    if (id >= objects_.size()) objects_.resize(id + 1);
    if (id != 0 && objects_[id].kind == ObjectKind::kNone)
      objects_[id] = {object->kind, std::string(object->given_name.view()), object->created};
    operations_.push_back({task, tasks_[task].operations, operation, id, site});
  }

  std::span<const LoggedOperation> operations() const { return operations_; }
  std::string_view label(std::uint32_t task) const { return tasks_[task].label; }
  const LoggedObject& object(std::uint32_t id) const { return objects_[id]; }

 private:
  struct LoggedTask {
    std::string label;
    std::uint32_t operations = 0;
  };

  std::vector<LoggedOperation> operations_;
  std::vector<LoggedTask> tasks_;      ///< By number.
  std::vector<LoggedObject> objects_;  ///< By id.
};

}  // namespace chantrace::detail
