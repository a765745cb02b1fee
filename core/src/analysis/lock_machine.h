/// \file
/// Locks, wait groups, semaphores, condition variables and the ends of tasks as state machines, fed
/// with their events in the order of their sequence. Every wait that one is fed must have a known
/// fate.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "chantrace/trace.h"
#include "waits_of_trace.h"

namespace chantrace {

/// What is wrong with an event, to stand after its name; nullopt: nothing.
using MachineError = std::optional<std::string>;

/// Mutexes and shared mutexes: who holds them. Which waiter comes next is not checked, since
/// mutexes let a running task overtake those that wait.
class LockMachine {
 public:
  LockMachine(const Trace& trace, const ObjectInfo& info);
  MachineError apply(const EventPlace& place);

 private:
  struct Held {
    TaskId task;
    bool is_shared;
  };

  MachineError acquire(TaskId task, bool is_shared);
  MachineError release(TaskId task, bool is_shared, Outcome outcome);
  MachineError give_up(bool is_shared) const;
  bool has_writer() const;

  const Trace* trace_;
  std::vector<Held> held_;
  bool has_lost_count_ = false;  ///< There were more than `kHoldersMax`.
  std::uint32_t waiting_ = 0;
};

/// What those have in common that wake their waiters in turn: whoever wakes one stamps its done
/// with the next sequence number.
class WakeQueue {
 public:
  void queue(const EventPlace& start, WaitFate fate);
  bool empty() const { return waiting_.empty(); }
  std::size_t size() const { return waiting_.size(); }
  void wake_first();
  bool skip(std::uint32_t count);
  /// Checks that a done is the one that must come, or that none must.
  MachineError check(const Trace& trace, const EventPlace& place) const;
  void take_done(const EventPlace& place);

 private:
  struct Waiting {
    std::uint32_t stream;
    bool is_open;
  };
  std::deque<Waiting> waiting_;
  std::deque<Waiting> woken_;
};

class WaitGroupMachine {
 public:
  WaitGroupMachine(const Trace& trace, const WaitsOfTrace& waits, const ObjectInfo& info);
  MachineError apply(const EventPlace& place);
  bool skip(std::uint32_t count) { return queue_.skip(count); }

 private:
  const Trace* trace_;
  const WaitsOfTrace* waits_;
  std::int64_t count_;
  WakeQueue queue_;
};

class SemaphoreMachine {
 public:
  SemaphoreMachine(const Trace& trace, const WaitsOfTrace& waits, const ObjectInfo& info);
  MachineError apply(const EventPlace& place);
  bool skip(std::uint32_t count) { return queue_.skip(count); }

 private:
  const Trace* trace_;
  const WaitsOfTrace* waits_;
  std::int64_t count_;
  std::uint32_t queued_ = 0;  ///< All that wait, those included that will give up.
  WakeQueue queue_;
};

class ConditionMachine {
 public:
  ConditionMachine(const Trace& trace, const WaitsOfTrace& waits);
  MachineError apply(const EventPlace& place);
  bool skip(std::uint32_t count) { return queue_.skip(count); }

 private:
  const Trace* trace_;
  const WaitsOfTrace* waits_;
  WakeQueue queue_;
};

/// Records about one task: started, begun, ended, joined.
class TaskMachine {
 public:
  explicit TaskMachine(const Trace& trace) : trace_(&trace) {}
  MachineError apply(const EventPlace& place);
  /// Those who join are woken by the end.
  bool skip(std::uint32_t) const { return has_ended_; }

 private:
  const Trace* trace_;
  bool has_spawned_ = false;
  bool has_begun_ = false;
  bool has_ended_ = false;
};

}  // namespace chantrace
