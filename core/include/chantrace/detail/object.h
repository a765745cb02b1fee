/// \file
/// What all objects that tasks meet at have in common, and the queue of those who wait at one.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "chantrace/detail/os_mutex.h"
#include "chantrace/end_state.h"
#include "chantrace/event.h"
#include "chantrace/location.h"
#include "chantrace/trace.h"

namespace chantrace::detail {

struct Object;
struct TaskControl;
struct Waiter;
class WaiterQueue;

/// How a parked operation came to go on. Exactly one party moves it away from kPending, by
/// compare-and-swap: a completer, the task itself when time is up, or whoever ends the execution.
enum class Claim : std::uint32_t { kPending, kCompleted, kTimedOut, kCancelled, kQuiescent };

/// An operation that parks. Lives on the parked task's stack until the task goes on.
struct ParkedOperation {
  explicit ParkedOperation(TaskControl& parked_task, Operation parked_operation,
                           const Location& place)
      : task(&parked_task), operation(parked_operation), site(&place) {}
  ParkedOperation(const ParkedOperation&) = delete;
  ParkedOperation& operator=(const ParkedOperation&) = delete;

  bool try_claim(Claim by) {
    Claim expected = Claim::kPending;
    if (runs_alone) {
      if (claim.load(std::memory_order_relaxed) != expected) return false;
      claim.store(by, std::memory_order_relaxed);
      return true;
    }
    return claim.compare_exchange_strong(expected, by, std::memory_order_acq_rel);
  }

  /// Publishes, to the task, that one party decides its fate; acquire and release.
  std::atomic<Claim> claim = Claim::kPending;
  TaskControl* task;
  Operation operation;
  const Location* site;
  Waiter* waiters = nullptr;  ///< One for each object waited for, as an array.
  std::size_t waiters_count = 0;
  TaskControl* joined = nullptr;  ///< For kTaskJoin.
  bool has_deadline = false;
  // Set by the completer before it unparks the task:
  Waiter* fired = nullptr;
  std::uint32_t done_sequence = 0;
  Outcome outcome = Outcome::kOk;
  std::uint16_t detail = 0;
};

/// A parked operation's place in the queue of one object.
struct Waiter {
  Waiter() = default;
  /// At one object, for what the operation is. Requires: the object's latch.
  Waiter(ParkedOperation& parked_operation, Object& waited_for);

  Waiter* previous = nullptr;
  Waiter* next = nullptr;
  WaiterQueue* queue = nullptr;  ///< Where it stands; nullptr: nowhere any more.
  ParkedOperation* operation = nullptr;
  Object* object = nullptr;  ///< nullptr: a nil channel, or the object was destroyed.
  ObjectId object_id{};      ///< Still known then.
  void* slot = nullptr;      ///< Where a value comes from or goes to.
  std::uint16_t index = 0;   ///< The case of a select.
  Operation kind = Operation::kNone;
  bool is_starving = false;  ///< Of a mutex: woken once, and too late.
};

/// What a lock tells the controlled executor: whether it is taken, and who stands before it. A task
/// there can go on exactly while the gate is open, and any of them may be next.
struct LockGate {
  bool is_closed = false;
  bool is_pending = false;  ///< It was closed, and who stands there does not know yet.
  LockGate* next_pending = nullptr;
  TaskControl* standing = nullptr;  ///< The last to come; linked by `TaskControl::next_at_gate`.
};

/// The operation, which is claimed, waits nowhere any more. Only under control, where nobody else
/// looks at a queue meanwhile: when the task goes on is then of no matter to others.
void leave_queues(ParkedOperation& operation);

/// First come, first served. Guarded by its object's latch.
class WaiterQueue {
 public:
  bool empty() const { return head_ == nullptr; }
  Waiter* front() const { return head_; }

  void push_back(Waiter& waiter) {
    waiter.queue = this;
    waiter.previous = tail_;
    waiter.next = nullptr;
    (tail_ != nullptr ? tail_->next : head_) = &waiter;
    tail_ = &waiter;
  }
  void push_front(Waiter& waiter) {
    waiter.queue = this;
    waiter.next = head_;
    waiter.previous = nullptr;
    (head_ != nullptr ? head_->previous : tail_) = &waiter;
    head_ = &waiter;
  }
  void remove(Waiter& waiter) {
    if (waiter.queue == nullptr) return;
    waiter.queue = nullptr;
    (waiter.previous != nullptr ? waiter.previous->next : head_) = waiter.next;
    (waiter.next != nullptr ? waiter.next->previous : tail_) = waiter.previous;
  }
  /// Takes out the first waiter whose operation can still be claimed, and claims it. Waiters of
  /// selects that another case has fired are dropped on the way.
  ///
  /// Claims under the task's `park_lock`: whoever has that lock and finds a pending claim can look
  /// at the object, as nobody can make the task go on, and the object be destroyed after it.
  Waiter* pop_claimed() {
    if (head_ == nullptr) return nullptr;
    return runs_alone ? pop_claimed_alone() : pop_claimed_among_threads();
  }
  /// The same where the caller is known to be under control: an operation that is claimed waits
  /// nowhere any more.
  Waiter* pop_claimed_alone() {
    if (head_ == nullptr) return nullptr;
    Waiter& waiter = *head_;
    waiter.operation->claim.store(Claim::kCompleted, std::memory_order_relaxed);
    if (waiter.operation->waiters_count == 1)
      remove(waiter);
    else
      leave_queues(*waiter.operation);
    return &waiter;
  }

 private:
  Waiter* pop_claimed_among_threads();

  Waiter* head_ = nullptr;
  Waiter* tail_ = nullptr;
};

/// The tasks that have used an object in one role, the first `kUsersMax` of them.
class Users {
 public:
  void add(TaskId task) {
    if (task == last_) [[likely]]
      return;
    add_other(task);
  }
  bool is_last(TaskId task) const { return task == last_; }
  void clear() { *this = Users{}; }
  std::size_t count() const { return count_; }
  TaskId operator[](std::size_t index) const { return ids_[index]; }
  bool has_more() const { return has_more_; }
  void copy_to(std::vector<TaskId>& ids, bool& has_more, TaskId& last) const {
    ids.assign(ids_, ids_ + count_);
    has_more = has_more_;
    last = last_;
  }

 private:
  void add_other(TaskId task) {
    last_ = task;
    for (std::size_t i = 0; i < count_; ++i)
      if (ids_[i] == task) return;
    if (count_ == kUsersMax) {
      has_more_ = true;
      return;
    }
    ids_[count_++] = task;
  }

  TaskId last_{};
  std::uint8_t count_ = 0;
  bool has_more_ = false;
  TaskId ids_[kUsersMax] = {};
};

/// For `Object::creation` of what the calling task makes now.
std::uint64_t next_creation();

/// A name that costs a pointer where there is none, and lets its owner have a constant initializer.
class Name {
 public:
  constexpr Name() = default;
  explicit Name(std::string_view text);
  std::string_view view() const {
    return text_ ? std::string_view(text_.get()) : std::string_view();
  }

 private:
  std::unique_ptr<char[]> text_;
};

/// `Object::family` of one that a stranger has used while another execution ran under control; its
/// id is that execution's epoch.
inline constexpr std::uint32_t kFamilyOfStrangers = 0xffffffff;

struct Object;

/// The execution whose events sinks are told of, so that what knows objects for them has to forget
/// those that are no more; 0: none.
extern std::atomic<std::uint32_t> served_epoch;
/// `object`, of that execution, is being destroyed.
void tell_end(const Object& object);

/// The common part of all objects.
///
/// An object gets its id in an execution at its first operation there, so that objects may be
/// static, cost nothing to create, and outlive executions.
///
/// Invariants: all members but `kind`, `created` and `given_name` are guarded by `latch`.
struct Object {
  constexpr explicit Object(ObjectKind object_kind, const Location& place)
      : kind(object_kind), created(place) {}
  Object(ObjectKind object_kind, std::string_view object_name, const Location& place)
      : kind(object_kind), created(place), given_name(object_name) {}
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;

  /// Adds what findings need to know. Requires: the latch.
  virtual void describe(ObjectState& state) const = 0;
  /// It is met for the first time in an execution: forgets who used it before, and says what it
  /// holds if anyone wants to know (`info` is not null). Requires: the latch.
  virtual void enter_execution(ObjectInfo* info) = 0;
  /// A task that holds it has ended; it stays locked. Takes the latch.
  /// Returns: whether the task still held it.
  virtual bool forget_holder(TaskControl&) { return false; }
  /// A task that holds it was left where it is, in an execution that is over: it is unlocked.
  virtual void drop_holder(TaskControl&) {}

  ObjectLock latch;
  const ObjectKind kind;
  std::uint32_t epoch = 0;  ///< The execution that `id` and `sequence` belong to.
  ObjectId id{};
  std::uint32_t sequence = 0;  ///< Of the last record about it.
  /// What the controlled executor knows of an object. Of a channel there are two: the side where
  /// values go in, and the side where they come out. Each is an object of its own to it, as long as
  /// all wait for as long as it takes: which of two sends comes first can matter, and which of two
  /// receives, but not whether a send or a receive does.
  struct Side {
    TaskId only_user{};  ///< 0: nobody yet.
    bool was_written = false;
    bool is_shared = false;     ///< By several tasks, one of which writes.
    std::uint32_t version = 0;  ///< How often it has been written.
    // Who wrote it last, and where, as a hash; 0: nobody. For strategies that learn from it.
    std::uint32_t writer = 0;
    std::uint32_t writer_task = 0;
  };
  Side sides[2];
  /// Time uses it as well, without being a task.
  void share_with_clock() {
    is_of_clock = true;
    for (Side& side : sides) side.is_shared = true;
  }
  bool is_of_clock = false;  ///< See `share_with_clock`.
  bool is_polled = false;    ///< Somebody could tell whether others wait: both sides are one.
  std::uint32_t family = 0;  ///< Of objects that were made at the same place, from 1.
  Location created;
  /// Names it over many executions of one body: who made it, and as which of its objects.
  /// 0: nobody has counted it.
  std::uint64_t creation = 0;
  Name given_name;

 protected:
  ~Object() {
    if (epoch != 0 && epoch == served_epoch.load(std::memory_order_relaxed)) [[unlikely]]
      tell_end(*this);
  }
};

inline Waiter::Waiter(ParkedOperation& parked_operation, Object& waited_for)
    : operation(&parked_operation),
      object(&waited_for),
      object_id(waited_for.id),
      kind(parked_operation.operation) {}

}  // namespace chantrace::detail
