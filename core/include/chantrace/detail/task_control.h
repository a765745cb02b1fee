/// \file
/// What the runtime knows of one task, and the path that every operation takes to it.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>

#include "chantrace/detail/chunk.h"
#include "chantrace/detail/executor.h"
#include "chantrace/detail/object.h"

#if defined(__x86_64__) || defined(__i386__)
#include <x86intrin.h>
#else
#include <ctime>
#endif

namespace chantrace::detail {

class Recording;

/// The body of a task: a function object of any type, moved in once.
class TaskBody {
 public:
  virtual ~TaskBody() = default;
  virtual void run() = 0;
};

template <typename Function>
class TaskBodyOf final : public TaskBody {
 public:
  explicit TaskBodyOf(Function&& function) : function_(std::move(function)) {}
  explicit TaskBodyOf(const Function& function) : function_(function) {}
  void run() override { function_(); }

 private:
  Function function_;
};

/// The sites that a task recorded last, so that finding a site's id is a load and a compare.
struct SiteCache {
  struct Entry {
    const char* file = nullptr;
    std::uint32_t line = 0;
    std::uint32_t id = 0;
  };
  static constexpr std::size_t kEntries = 64;
  std::array<Entry, kEntries> entries;
};

/// How many locks a task can hold and be asked about without taking a lock.
inline constexpr std::size_t kHeldMax = 200;
/// `Mutex::slot` of a lock that is in no task's table.
inline constexpr std::uint8_t kNoSlot = 0xff;

enum class TaskPhase : std::uint8_t { kNew, kAlive, kEnded };

/// One task. Controls are recycled and never freed while the process runs, so that a late wake-up
/// cannot touch freed memory.
struct TaskControl {
  // What every operation reads.
  std::uint32_t epoch = 0;  ///< The execution that `id` and the recording belong to.
  /// Set by others to make the next operation take the slow way: `kHookControlled`, `kHookCancel`.
  std::atomic<std::uint8_t> hooks = 0;
  bool is_recording = false;
  bool has_values = false;
  bool has_stacks = false;
  TaskId id{};
  Chunk* chunk = nullptr;            ///< Where records go; owned by this task alone.
  std::uint32_t chunk_capacity = 0;  ///< 0: there is none yet.
  Executor* executor = nullptr;
  std::uint64_t random_state = 0;  ///< For the threads executor's choices.

  // What parking needs.
  std::atomic<std::uint32_t> permit = 0;  ///< Futex word: empty, given, or sleeping.
  /// Guards `parked` and the task's waiters' `object` against those who look at the task.
  ObjectLock park_lock;
  ParkedOperation* parked CHANTRACE_GUARDED_BY(park_lock) = nullptr;

  // Who it is.
  TaskId parent{};
  std::string label;
  Location started_at;
  Location last_site;  ///< Of its last operation that took the slow way, and of its end.
  bool is_host = false;
  bool is_body = false;
  bool is_service = false;     ///< A thread of the library: does not count as able to go on.
  bool is_unrecorded = false;  ///< What it does is nobody's business, as it serves the recording.
  std::uint64_t os_thread = 0;
  std::uint32_t born_epoch = 0;  ///< The execution that it was started in.
  std::uint64_t generation = 0;  ///< The number of tasks started before it in this process.

  // Its end. `join_object` is its own object: a sequence for records about it, and who joins it.
  struct JoinObject final : Object {
    JoinObject() : Object(ObjectKind::kNone, Location{}) {}
    void describe(ObjectState&) const override {}
    void enter_execution(ObjectInfo&) override {}
    WaiterQueue waiters;
  } join_object;
  std::atomic<TaskPhase> phase = TaskPhase::kNew;
  std::uint32_t swallowed_cancels = 0;
  bool is_abandoned = false;  ///< Cannot be unwound; its thread never goes on.
  std::unique_ptr<TaskBody> body;
  std::atomic<std::uint32_t> references = 0;

  // Locks that it holds. A slot is filled by this task, and emptied by whoever unlocks.
  std::array<std::atomic<Object*>, kHeldMax> held{};

  // Recording.
  std::uint64_t operations = 0;  ///< Parks counted, for "its operation n".
  std::uint64_t records_before_chunk = 0;
  std::uint64_t lost_before_chunk = 0;
  std::uint32_t records_until_stack = 0;
  std::shared_ptr<Recording> recording;
  SiteCache sites;
};

inline constexpr std::uint8_t kHookControlled = 1;
inline constexpr std::uint8_t kHookCancel = 2;

/// The current task; nullptr before a host thread's first operation.
extern thread_local constinit TaskControl* current_task_or_null;
/// Grows whenever executions or recordings begin or end; every task then looks at its state anew.
/// Publishes that state: release by who changes it, acquire on the slow path.
extern constinit std::atomic<std::uint32_t> current_epoch;

/// Makes the calling thread a task, or brings its task into the current execution.
TaskControl& refresh_current_task();

/// The task that runs this code.
inline TaskControl& current_task() {
  TaskControl* const task = current_task_or_null;
  if (task == nullptr || task->epoch != current_epoch.load(std::memory_order_relaxed)) [[unlikely]]
    return refresh_current_task();
  return *task;
}

/// Thrown to unwind a task when its execution is over. No `std::exception`, so that it passes
/// handlers that are meant for errors. Let it go on.
class Cancelled {};

/// The slow way into an operation. False: the operation must do nothing, since the task is being
/// unwound.
///
/// Throws: `Cancelled`.
bool enter_operation_slowly(TaskControl& self, Operation operation, Object* object);

/// Every operation starts with this, before it reads any member of its object. False: do nothing.
inline bool enter_operation(TaskControl& self, Operation operation, Object* object) {
  if (self.hooks.load(std::memory_order_relaxed) != 0) [[unlikely]]
    return enter_operation_slowly(self, operation, object);
  return true;
}

/// Gives the object its id in the current execution, and tells the recording of it.
void register_object(TaskControl& self, Object& object);

/// Requires: the latch.
inline void meet(TaskControl& self, Object& object) {
  if (object.epoch != self.epoch) [[unlikely]]
    register_object(self, object);
}

/// The time that a record carries.
inline std::uint64_t ticks() {
#if defined(__x86_64__) || defined(__i386__)
  return __rdtsc();
#else
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000u +
         static_cast<std::uint64_t>(time.tv_nsec);
#endif
}

/// Gives the task an empty chunk. Returns where the next record goes, or nullptr when the recording
/// has ended.
EventRecord* next_chunk(TaskControl& self);
std::uint32_t find_site(TaskControl& self, const Location& site);

inline std::uint32_t site_id(TaskControl& self, const Location& site) {
  const std::size_t hash = (reinterpret_cast<std::uintptr_t>(site.file) >> 3) + site.line;
  const SiteCache::Entry& entry = self.sites.entries[hash % SiteCache::kEntries];
  if (entry.file == site.file && entry.line == site.line) [[likely]]
    return entry.id;
  return find_site(self, site);
}

/// Whether operations of the task are recorded, and with values.
///
/// Built with CHANTRACE_RECORDING=0 the library cannot record at all; that build is what the cost of
/// being able to is measured against.
#ifndef CHANTRACE_RECORDING
#define CHANTRACE_RECORDING 1
#endif
inline bool is_recorded(const TaskControl& self) {
  return CHANTRACE_RECORDING != 0 && self.is_recording;
}
inline bool is_recorded_with_values(const TaskControl& self) {
  return CHANTRACE_RECORDING != 0 && self.has_values;
}

/// Stores one record. Requires: `self.is_recording`, and `self` is the caller's own task.
inline void store_record(TaskControl& self, const EventRecord& record) {
  Chunk* chunk = self.chunk;
  const std::uint32_t count = chunk == nullptr ? 0 : chunk->count.load(std::memory_order_relaxed);
  if (count == self.chunk_capacity) [[unlikely]] {
    EventRecord* const first = next_chunk(self);
    if (first == nullptr) return;
    *first = record;
    self.chunk->count.store(1, std::memory_order_release);
    return;
  }
  chunk->events()[count] = record;
  chunk->count.store(count + 1, std::memory_order_release);
}

/// What a record says besides task, time and site.
struct Happening {
  Operation operation;
  Phase phase = Phase::kBoth;
  Outcome outcome = Outcome::kOk;
  std::uint8_t marks = 0;
  std::uint16_t detail = 0;
  std::uint32_t object = 0;
  std::uint32_t sequence = 0;
  std::uint64_t value = 0;
};

/// Puts the task's call stack before its next record, if it is that record's turn to have one.
void record_stack(TaskControl& self, std::uint32_t site);
/// The time of a controlled execution: its step.
std::uint64_t controlled_ticks(TaskControl& self);

inline void record_always(TaskControl& self, const Happening& what, const Location& site) {
  const bool is_controlled = (self.hooks.load(std::memory_order_relaxed) & kHookControlled) != 0;
  if (self.has_stacks) [[unlikely]] record_stack(self, site_id(self, site));
  store_record(self, EventRecord{.time = is_controlled ? controlled_ticks(self) : ticks(),
                                 .value = what.value,
                                 .object = what.object,
                                 .sequence = what.sequence,
                                 .site = site_id(self, site),
                                 .operation = what.operation,
                                 .flags = make_flags(what.phase, what.outcome, what.marks),
                                 .detail = what.detail});
}

/// Records what just happened, if anyone wants to know. Costs a predicted branch otherwise.
inline void record(TaskControl& self, const Happening& what, const Location& site) {
  if (self.is_recording) [[unlikely]]
    record_always(self, what, site);
}

/// What a record of an operation that went through at once says of a lock-like object.
/// Requires: the latch.
inline Happening happening(Object& object, Operation operation, Phase phase = Phase::kBoth,
                           Outcome outcome = Outcome::kOk) {
  return {.operation = operation,
          .phase = phase,
          .outcome = outcome,
          .object = to_number(object.id),
          .sequence = ++object.sequence};
}

// Parking, for all primitives.

/// Fills in the completer's part, under the object's lock. The caller unparks `waiter`'s task after
/// it has given back the lock.
inline void complete(Object& object, Waiter& waiter, Outcome outcome = Outcome::kOk,
                     std::uint16_t detail = 0) {
  ParkedOperation& operation = *waiter.operation;
  operation.fired = &waiter;
  operation.done_sequence = ++object.sequence;
  operation.outcome = outcome;
  operation.detail = detail;
}

/// Waiters that were completed under a latch, to be unparked when it is free.
class Wakeups {
 public:
  void add(Waiter& waiter) {
    waiter.next = first_;
    first_ = &waiter;
  }
  bool empty() const { return first_ == nullptr; }
  /// Unparks them, first added first.
  void unpark_all();

 private:
  Waiter* first_ = nullptr;
};

/// The whole wait of an operation on one object: parks with `waiter` already in `queue`, takes it
/// out where nobody completed it, records start and done. The object's lock is held on entry and
/// not on return.
///
/// Returns: how it ended; for kOk the completer's outcome is in `waiter.operation->outcome`.
/// Throws: `Cancelled`.
struct WaitEnd {
  Claim claim;
  Outcome outcome;
  std::uint16_t detail;
};
/// Whether a wait records its start; one that waits again does not.
enum class Announce : std::uint8_t { kStart, kNothing };
WaitEnd wait_at(TaskControl& self, Object& object, WaiterQueue& queue, Waiter& waiter,
                const Happening& start, const Location& site, Instant deadline,
                Announce announce = Announce::kStart) CHANTRACE_RELEASE(object.latch);

/// Parks at nothing, for ever: a nil channel, or a select without cases.
///
/// Throws: `Cancelled`.
void park_for_ever(TaskControl& self, Operation operation, const Location& site);

/// After a parked operation was cancelled: throws, or returns when the operation is to be inert.
void throw_cancelled(TaskControl& self);
/// What the owner of the execution wants thrown in the body.
void throw_in_body(TaskControl& self);

/// Must be called by the destructor of each object that a task could still wait for: they go on
/// waiting, for nothing, and know the object's name.
void detach_waiters(Object& object, WaiterQueue& queue);

/// Gives a task that holds `object` a slot in its table; kNoSlot when it is full.
inline std::uint8_t hold(TaskControl& self, Object& object) {
  for (std::size_t slot = 0; slot < kHeldMax; ++slot) {
    if (self.held[slot].load(std::memory_order_relaxed) == nullptr) {
      self.held[slot].store(&object, std::memory_order_relaxed);
      return static_cast<std::uint8_t>(slot);
    }
  }
  return kNoSlot;
}

/// True when the table of `self` says that it holds `object`, which is therefore alive.
inline bool holds(const TaskControl& self, const Object& object) {
  for (const auto& slot : self.held)
    if (slot.load(std::memory_order_relaxed) == &object) return true;
  return false;
}

}  // namespace chantrace::detail
