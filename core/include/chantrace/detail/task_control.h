/// \file
/// What the runtime knows of one task, and the path that every operation takes to it.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <type_traits>
#include <utility>

#include "chantrace/detail/chunk.h"
#include "chantrace/detail/executor.h"
#include "chantrace/detail/object.h"

namespace chantrace::detail {

class EventLog;
class Recording;

/// Stands for a chunk where there is none: empty, and never written to.
extern constinit Chunk no_chunk;

/// The body of a task: a function object of any type, moved in once. Small ones are kept in place,
/// so that starting a task allocates nothing for them.
class TaskBody {
 public:
  TaskBody() = default;
  template <typename Function>
  requires(!std::is_same_v<std::decay_t<Function>, TaskBody>) explicit TaskBody(
      Function&& function) {
    using Body = std::decay_t<Function>;
    if constexpr (is_small<Body>) {
      ::new (static_cast<void*>(room_)) Body(std::forward<Function>(function));
      operations_ = &kInPlace<Body>;
    } else {
      ::new (static_cast<void*>(room_)) Body*(new Body(std::forward<Function>(function)));
      operations_ = &kOnHeap<Body>;
    }
  }
  TaskBody(TaskBody&& other) noexcept : operations_(std::exchange(other.operations_, nullptr)) {
    if (operations_ != nullptr) operations_->move(room_, other.room_);
  }
  TaskBody& operator=(TaskBody&& other) noexcept {
    reset();
    operations_ = std::exchange(other.operations_, nullptr);
    if (operations_ != nullptr) operations_->move(room_, other.room_);
    return *this;
  }
  ~TaskBody() { reset(); }

  void run() { operations_->run(room_); }
  void reset() noexcept {
    if (operations_ != nullptr) std::exchange(operations_, nullptr)->destroy(room_);
  }

 private:
  struct Operations {
    void (*run)(std::byte* room);
    void (*move)(std::byte* to, std::byte* from) noexcept;
    void (*destroy)(std::byte* room) noexcept;
  };
  /// Room for some captures by value, such as a few handles of channels.
  static constexpr std::size_t kRoomBytes = 112;

  template <typename Body>
  static constexpr bool is_small =
      sizeof(Body) <= kRoomBytes &&
      alignof(Body) <= alignof(std::max_align_t) && std::is_nothrow_move_constructible_v<Body>;
  template <typename Body>
  static Body& at(std::byte* room) {
    return *std::launder(reinterpret_cast<Body*>(room));
  }
  template <typename Body>
  static constexpr Operations kInPlace = {
      .run = [](std::byte* room) { at<Body>(room)(); },
      .move =
          [](std::byte* to, std::byte* from) noexcept {
            ::new (static_cast<void*>(to)) Body(std::move(at<Body>(from)));
            at<Body>(from).~Body();
          },
      .destroy = [](std::byte* room) noexcept { at<Body>(room).~Body(); },
  };
  template <typename Body>
  static constexpr Operations kOnHeap = {
      .run = [](std::byte* room) { (*at<Body*>(room))(); },
      .move =
          [](std::byte* to, std::byte* from) noexcept {
            ::new (static_cast<void*>(to)) Body*(at<Body*>(from));
          },
      .destroy = [](std::byte* room) noexcept { delete at<Body*>(room); },
  };

  const Operations* operations_ = nullptr;
  alignas(std::max_align_t) std::byte room_[kRoomBytes];
};

/// The sites that a task recorded last, so that finding a site's id is a load and a compare.
struct SiteCache {
  struct Entry {
    const char* file = nullptr;
    std::uint32_t line = 0;
    std::uint32_t id = 0;

    bool is(const Location& site) const { return file == site.file && line == site.line; }
  };
  static constexpr std::size_t kEntries = 64;

  /// The only place where `site` can be.
  Entry& entry(const Location& site) {
    return entries[((reinterpret_cast<std::uintptr_t>(site.file) >> 3) + site.line) % kEntries];
  }

  std::array<Entry, kEntries> entries;
  std::uint64_t owner = 0;  ///< The log whose numbers these are; 0: a recording.
};

/// What a task that is no thread of its own has instead: a stack, where it is on it, and the C++
/// exceptions that it is handling.
struct Fiber {
  void* context = nullptr;     ///< Of Boost.Context; nullptr: it has not begun.
  std::byte* stack = nullptr;  ///< The lowest byte that may be used.
  void* caught_exceptions = nullptr;
  unsigned uncaught_exceptions = 0;
  void* sanitizer = nullptr;  ///< What a sanitizer knows it by.
};

/// `TaskControl::runnable` of a task that cannot go on.
inline constexpr std::uint32_t kNotRunnable = 0xffffffff;

/// How many locks a task can hold and be asked about without taking a lock.
inline constexpr std::size_t kHeldMax = 200;
/// `Mutex::slot` of a lock that is in no task's table.
inline constexpr std::uint8_t kNoSlot = 0xff;

enum class TaskPhase : std::uint8_t { kNew, kAlive, kEnded };

/// One task. Controls are recycled and never freed while the process runs, so that a late wake-up
/// cannot touch freed memory.
///
/// Alone in its cache lines, as another task's may lie beside it.
struct alignas(64) TaskControl {
  // What every operation reads.
  /// The execution that `id` and the recording belong to. Both are changed by the task itself, `id`
  /// first, and read by others who meet a lock that it holds.
  std::atomic<std::uint32_t> epoch = 0;
  /// What operations have to do besides their work: `kHookControlled` and `kHookCancel`, and what
  /// the task sets itself. Asks nothing of the order of other memory.
  std::atomic<std::uint8_t> hooks = 0;
  bool is_recording = false;
  bool has_values = false;
  bool has_stacks = false;
  std::atomic<TaskId> id{};
  Chunk* chunk = &no_chunk;          ///< Where records go; owned by this task alone.
  std::uint32_t chunk_capacity = 0;  ///< 0: there is none yet.
  /// Records up to this one go the short way. 0 where that is none: each has a stack.
  std::uint32_t short_capacity = 0;
  Executor* executor = nullptr;
  /// Where the time of a record comes from in a controlled execution: its step, or in a log the
  /// task's number. nullptr: the TSC.
  const std::uint64_t* clock = nullptr;
  std::uint64_t random_state = 0;  ///< For the threads executor's choices.

  // What parking needs.
  std::atomic<std::uint32_t> permit = 0;  ///< Futex word: empty, given, or sleeping.
  /// Guards `parked` and the task's waiters' `object` against those who look at the task.
  ObjectLock park_lock;
  ParkedOperation* parked CHANTRACE_GUARDED_BY(park_lock) = nullptr;
  std::uint64_t parked_since CHANTRACE_GUARDED_BY(park_lock) = 0;  ///< Ticks; on threads alone.

  // What the controlled executor needs.
  Fiber fiber;
  std::uint32_t heap_place = kNotInHeap;  ///< Of the deadline that it waits for.
  std::uint32_t runnable = kNotRunnable;  ///< Its place among those that can go on.
  bool has_announced_lock = false;        ///< It waited for the lock that it is taking.
  TaskControl* next_in_line = nullptr;    ///< Among those that were woken, or have yielded.
  LockGate* gate = nullptr;               ///< The lock that it is about to take,
  Object* gate_object = nullptr;          ///< whose that is; nullptr: it was destroyed,
  ObjectId gate_object_id{};
  const Location* pending_site = nullptr;  ///< where, and who else stands there.
  TaskControl* next_at_gate = nullptr;
  TaskControl* previous_at_gate = nullptr;
  std::uint64_t changes_seen = 0;      ///< How often shared state had changed when it last looked,
  std::uint32_t idle_reads = 0;        ///< and how often it has looked since without a change.
  std::uint64_t changes_at_yield = 0;  ///< The same when it last yielded;
  std::uint32_t idle_yields = 0;  ///< how many places it has yielded at since without a change,
  std::array<std::uint64_t, 4> yield_places{};  ///< and which;
  std::int64_t time_looked_at = 0;              ///< By its last look at the clock,
  std::uint32_t looks_at_time = 0;  ///< and how often it has looked since it was that late.
  std::uint32_t skipped = 0;        ///< Operations on private objects since it last had a choice.
  std::uint32_t operations = 0;     ///< Its scheduling points so far.
  std::uint32_t creations = 0;      ///< Objects that it has made and that are counted.
  std::string exception;            ///< What left it, once it has ended by that.
  TaskStatus status = TaskStatus::kRunning;

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
    void enter_execution(ObjectInfo*) override {}
    WaiterQueue waiters;
  } join_object;
  std::atomic<TaskPhase> phase = TaskPhase::kNew;
  std::uint32_t swallowed_cancels = 0;
  std::uint32_t inert_operations = 0;  ///< That did nothing, as it is being unwound.
  bool is_abandoned = false;           ///< Cannot be unwound; its thread never goes on.
  bool is_refused = false;             ///< A stranger that has met an execution under control.
  TaskBody body;
  std::atomic<std::uint32_t> references = 0;

  // Locks that it holds. A slot is filled by this task, and emptied by whoever unlocks.
  std::array<std::atomic<Object*>, kHeldMax> held{};
  std::uint32_t held_end = 0;     ///< Slots from here on have never been filled.
  bool has_nested_locks = false;  ///< It has held two at once since its recording began.

  // Recording.
  std::uint64_t records_before_chunk = 0;
  std::uint64_t other_records = 0;  ///< Of all its records, those that start no operation.
  std::uint32_t records_until_stack = 0;
  std::shared_ptr<Recording> recording;
  EventLog* log = nullptr;          ///< Where its records go where there is no recording,
  std::uint64_t number_in_log = 0;  ///< as whose.
  SiteCache sites;
};

inline constexpr std::uint8_t kHookControlled = 1;
inline constexpr std::uint8_t kHookCancel = 2;
inline constexpr std::uint8_t kHookRecorded = 4;  ///< Set exactly while `is_recording`.
/// A body has been thrown out of an operation. Until that exception is caught its operations do
/// nothing; those of the test's `TearDown`, which comes after it, work again.
inline constexpr std::uint8_t kHookThrown = 8;
/// A thread that the execution, which runs under control, has not started.
inline constexpr std::uint8_t kHookStranger = 16;

/// It runs under control, and there is nothing else that its operations have to mind.
inline bool is_only_controlled(const TaskControl& task) {
  return (task.hooks.load(std::memory_order_relaxed) & ~kHookRecorded) == kHookControlled;
}

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

/// The task that runs this code if it is in the current execution; else nullptr.
inline TaskControl* current_task_if_known() {
  TaskControl* const task = current_task_or_null;
  if (task == nullptr || task->epoch != current_epoch.load(std::memory_order_relaxed)) [[unlikely]]
    return nullptr;
  return task;
}

/// Thrown to unwind a task when its execution is over. No `std::exception`, so that it passes
/// handlers that are meant for errors. Let it go on.
class Cancelled {};

/// True while the task is being unwound, whatever called it: operations do nothing, except that
/// locks are given back.
bool is_being_unwound(TaskControl& self);

/// The slow way into an operation. False: the operation must do nothing, since the task is being
/// unwound.
///
/// Throws: `Cancelled`.
bool enter_operation_slowly(TaskControl& self, Operation operation, Object* object,
                            const Location& site);

/// Every operation starts with this, before it reads any member of its object. False: do nothing.
inline bool enter_operation(TaskControl& self, Operation operation, Object* object,
                            const Location& site) {
  if ((self.hooks.load(std::memory_order_relaxed) & ~kHookRecorded) != 0) [[unlikely]]
    return enter_operation_slowly(self, operation, object, site);
  return true;
}

bool enter_polling_operation_slowly(TaskControl& self, Operation operation, Object* object,
                                    const Location& site);

/// The same for an operation that can end without having waited for as long as it takes.
inline bool enter_polling_operation(TaskControl& self, Operation operation, Object* object,
                                    const Location& site) {
  if ((self.hooks.load(std::memory_order_relaxed) & ~kHookRecorded) != 0) [[unlikely]]
    return enter_polling_operation_slowly(self, operation, object, site);
  return true;
}

bool enter_giving_operation_slowly(TaskControl& self, Operation operation, Object* object,
                                   const Location& site);

/// The same for operations that only give (unlock, close, notify, done, release, cancel, stop).
/// Destructors make them, so they never throw `Cancelled`: a task that is being unwound passes over
/// them, and is thrown out of its next operation that could wait.
inline bool enter_giving_operation(TaskControl& self, Operation operation, Object* object,
                                   const Location& site) {
  if ((self.hooks.load(std::memory_order_relaxed) & ~kHookRecorded) != 0) [[unlikely]]
    return enter_giving_operation_slowly(self, operation, object, site);
  return true;
}

/// Gives the object its id in the current execution, and tells the recording of it.
void register_object(TaskControl& self, Object& object);

/// Requires: the latch.
inline void meet(TaskControl& self, Object& object) {
  if (object.epoch != self.epoch) [[unlikely]]
    register_object(self, object);
}

/// The same, and takes the latch for it.
inline void meet_in_turn(TaskControl& self, Object& object) {
  const ScopedLock lock(object.latch);
  meet(self, object);
}

}  // namespace chantrace::detail
