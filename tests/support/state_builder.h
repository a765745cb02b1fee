/// \file
/// Writes end states by hand. Sites are lines of "test.cpp".
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "chantrace/end_state.h"

namespace chantrace {

inline Site line(std::uint32_t number) {
  return {.file = "test.cpp", .function = "", .line = number};
}

class StateBuilder {
 public:
  StateBuilder() {
    add_task("main", TaskId{});
    state_.tasks.back().is_host = true;
    state_.tasks.back().is_body = true;
  }

  static constexpr TaskId kMain{1};

  TaskId running(const std::string& label) { return add_task(label, kMain); }
  TaskId ended(const std::string& label, TaskStatus status = TaskStatus::kEnded) {
    const TaskId id = add_task(label, kMain);
    task(id).status = status;
    task(id).ended_at = line(900 + to_number(id));
    return id;
  }
  TaskId parked(const std::string& label, const Wait& wait, std::uint32_t at_line = 0) {
    const TaskId id = add_task(label, kMain);
    park(id, {wait}, at_line);
    return id;
  }
  TaskId parked_in_select(const std::string& label, const std::vector<Wait>& waits) {
    const TaskId id = add_task(label, kMain);
    park(id, waits, 0);
    task(id).is_select = true;
    return id;
  }
  void park(TaskId id, const std::vector<Wait>& waits, std::uint32_t at_line = 0) {
    task(id).status = TaskStatus::kParked;
    task(id).waits = waits;
    task(id).waiting_at = line(at_line == 0 ? 100 + to_number(id) : at_line);
  }
  void end_body() {
    state_.body_ended = true;
    task(kMain).status = TaskStatus::kEnded;
  }

  ObjectId object(ObjectKind kind, const std::string& name) {
    ObjectState object;
    object.id = ObjectId{static_cast<std::uint32_t>(state_.objects.size() + 1)};
    object.kind = kind;
    object.name = name;
    object.created_at = line(10 + to_number(object.id));
    state_.objects.push_back(object);
    return object.id;
  }
  ObjectId channel(const std::string& name, std::uint64_t capacity = 0) {
    const ObjectId id = object(ObjectKind::kChannel, name);
    at(id).type = "int";
    at(id).capacity = capacity;
    return id;
  }
  ObjectId mutex(const std::string& name) { return object(ObjectKind::kMutex, name); }
  void hold(ObjectId lock, TaskId task, bool is_shared = false) {
    at(lock).holders.push_back({task, line(50 + to_number(task)), is_shared});
  }

  TaskState& task(TaskId id) { return state_.tasks[to_number(id) - 1]; }
  ObjectState& at(ObjectId id) { return state_.objects[to_number(id) - 1]; }
  EndState& state() { return state_; }

 private:
  TaskId add_task(const std::string& label, TaskId parent) {
    TaskState task;
    task.id = TaskId{static_cast<std::uint32_t>(state_.tasks.size() + 1)};
    task.parent = parent;
    task.label = label;
    if (to_number(parent) != 0) task.started_at = line(200 + to_number(task.id));
    state_.tasks.push_back(task);
    return task.id;
  }

  EndState state_;
};

inline Wait on_object(Operation operation, ObjectId object) {
  return {.operation = operation, .object = object};
}
inline Wait send_on(ObjectId channel) { return on_object(Operation::kSend, channel); }
inline Wait receive_from(ObjectId channel) { return on_object(Operation::kReceive, channel); }
inline Wait lock_of(ObjectId lock) { return on_object(Operation::kLock, lock); }
inline Wait join_of(TaskId task) { return {.operation = Operation::kTaskJoin, .task = task}; }

}  // namespace chantrace
