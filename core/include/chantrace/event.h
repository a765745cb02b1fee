/// \file
/// The record of an operation: what the runtime writes, 32 bytes at a time, and all else reads.
#pragma once

#include <compare>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace chantrace {

/// Names a task within one execution, from 1 in the order they were started or first seen.
/// 0 names no task.
enum class TaskId : std::uint32_t {};
/// Names an object (channel, lock, timer ...) within one execution, from 1 in the order of first
/// use. 0 names no object.
enum class ObjectId : std::uint32_t {};
/// Names a place in source code within one trace. 0 names no place.
enum class SiteId : std::uint32_t {};

constexpr std::uint32_t to_number(TaskId id) { return static_cast<std::uint32_t>(id); }
constexpr std::uint32_t to_number(ObjectId id) { return static_cast<std::uint32_t>(id); }
constexpr std::uint32_t to_number(SiteId id) { return static_cast<std::uint32_t>(id); }

/// What tasks meet at. Numbers are part of the trace format: never reuse one.
enum class ObjectKind : std::uint8_t {
  kNone = 0,
  kChannel = 1,
  kMutex = 2,
  kSharedMutex = 3,
  kConditionVariable = 4,
  kWaitGroup = 5,
  kOnce = 6,
  kSemaphore = 7,
  kContext = 8,
  kTimer = 9,
  kTicker = 10,
  kShared = 11,
  kAtomic = 12,
};

/// What was called. Numbers are part of the trace format: never reuse one.
enum class Operation : std::uint8_t {
  kNone = 0,
  // Channels.
  kChannelMake = 1,      ///< value: capacity.
  kChannelRegister = 2,  ///< An existing channel was given a name.
  kSend = 3,             ///< value: what was sent.
  kReceive = 4,          ///< value: what was received.
  kClose = 5,
  kRange = 6,       ///< A receive made by `for` over a channel; closed ends the loop.
  kSelect = 7,      ///< detail: the case taken, or `kNoCase`. object: its channel.
                    ///< A start has no object; its cases stand before it as `kSelectCase`.
  kSelectCase = 8,  ///< One case of a select that parks. detail: the case. Phase is kStart.
                    ///< It comes before the start of its select.
  // Tasks. `object` holds the task's id for these, not an object's.
  kTaskSpawn = 10,  ///< By the parent; object: the child.
  kTaskBegin = 11,  ///< By the child, first of all.
  kTaskEnd = 12,    ///< By the child, last of all; outcome kException when one escaped; value: its
                    ///< text.
  kTaskJoin = 13,   ///< object: the task waited for.
  kSleep = 14,      ///< value: nanoseconds asked for. No object.
  kYield = 15,
  // Locks.
  kLock = 20,
  kUnlock = 21,
  kLockShared = 22,
  kUnlockShared = 23,
  kConditionWait = 24,       ///< The mutex is released and taken again by records of its own.
  kConditionNotifyOne = 25,  ///< value: how many waiters it woke.
  kConditionNotifyAll = 26,  ///< value: how many waiters it woke.
  kWaitGroupAdd = 27,        ///< value: the count after it, as two's complement; done() adds -1.
  kWaitGroupWait = 28,
  kOnceCall = 29,  ///< value: 1 where this call runs the function, which a `kOnceEnd` ends.
  kSemaphoreAcquire = 30,
  kSemaphoreRelease = 31,  ///< value: how many were released.
  kOnceEnd = 32,           ///< outcome kException: the function threw; the next call tries again.
  // Time and contexts.
  kTimerStart = 40,  ///< value: nanoseconds until it fires.
  kTimerStop = 41,
  kTimerFire = 42,    ///< Recorded by the task "timers".
  kContextMake = 43,  ///< value: 1 where it has a deadline.
  kContextCancel = 44,
  // Variables and choices.
  kLoad = 50,
  kStore = 51,
  kReadModifyWrite = 52,
  kChoose = 53,  ///< value: the number chosen; detail: how many there were.
  kLook = 54,    ///< Never recorded: under control a step at which a task looks at what others
                 ///< change, such as the size of a channel.
  // Notes on the record that follows in the same task.
  kStack = 60,  ///< value: the id of a call stack.
};

/// Which part of an operation a record tells of. An operation that did not park makes one record.
enum class Phase : std::uint8_t {
  kStart = 1,  ///< It parked. A done follows, unless it is blocked for ever.
  kDone = 2,   ///< It had parked and is done.
  kBoth = 3,   ///< It did not park.
};

/// How an operation ended.
enum class Outcome : std::uint8_t {
  kOk = 0,
  kClosed = 1,    ///< A receive found the channel closed and drained.
  kNotReady = 2,  ///< A try form could not go on.
  kTimedOut = 3,  ///< A timed form ran out of time; in a start: it has a deadline.
  kMisuse = 4,  ///< Send on closed, close of closed or nil, negative count, unlock of unlocked ...
  kCancelled = 5,  ///< The test was over, and the task was unwound.
  kException = 6,  ///< kTaskEnd: an exception left the task.
  kDefault = 7,    ///< kSelect: the default case was taken.
  kForeign = 8,    ///< kUnlock: by a task that did not take the lock. Allowed, and noted.
};

/// The `detail` of a select that took no case.
inline constexpr std::uint16_t kNoCase = 0xffff;
/// Beside the index of a case in `detail`: it is a send.
inline constexpr std::uint16_t kSendCase = 0x8000;
/// In `detail` of a lock that was only tried (`try_lock`, timed forms): it waits for nobody for
/// ever.
inline constexpr std::uint16_t kLockTried = 1;
/// The most cases of a select.
inline constexpr std::size_t kSelectCasesMax = 0x7fff;

/// One record. Its layout is that of the struct `Event` in `schemas/trace.capnp`, so that a buffer
/// of them is a Cap'n Proto list.
///
/// Threads: a plain value.
struct EventRecord {
  std::uint64_t time = 0;  ///< Ticks of the trace's clock. For display; never for order.
  std::uint64_t value =
      0;  ///< Raw bits, see the operation; a text's id when `kValueIsText` is set.
  std::uint32_t object = 0;  ///< An `ObjectId`, or a `TaskId` for operations on tasks.
  std::uint32_t sequence =
      0;                   ///< Counts the records of `object`, from 1; 0 where there is no object.
  std::uint32_t site = 0;  ///< A `SiteId`.
  Operation operation = Operation::kNone;
  std::uint8_t flags = 0;  ///< Phase, outcome and marks: see the functions below.
  std::uint16_t detail =
      0;  ///< Channels: values in the buffer afterwards (at most 65,534). Selects: a case.

  friend bool operator==(const EventRecord&, const EventRecord&) = default;
};
static_assert(sizeof(EventRecord) == 32 && std::is_trivially_copyable_v<EventRecord>);

/// Marks in `EventRecord::flags`, beside the phase (bits 0 and 1) and the outcome (bits 2 to 5).
inline constexpr std::uint8_t kHasValue = 1u
                                          << 6;  ///< `value` holds a value of the channel's type.
inline constexpr std::uint8_t kValueIsText = 1u << 7;  ///< ... as the id of a text.

constexpr std::uint8_t make_flags(Phase phase, Outcome outcome, std::uint8_t marks = 0) {
  return static_cast<std::uint8_t>(static_cast<unsigned>(phase) |
                                   (static_cast<unsigned>(outcome) << 2) | marks);
}
constexpr Phase phase_of(const EventRecord& event) { return static_cast<Phase>(event.flags & 3u); }
constexpr Outcome outcome_of(const EventRecord& event) {
  return static_cast<Outcome>((event.flags >> 2) & 15u);
}
/// Of a select or its case: the index, or `kNoCase`.
constexpr std::uint16_t case_index(const EventRecord& event) {
  return event.detail == kNoCase ? kNoCase : static_cast<std::uint16_t>(event.detail & ~kSendCase);
}
/// Of a select or its case: whether that is a send.
constexpr bool is_send_case(const EventRecord& event) {
  return event.detail != kNoCase && (event.detail & kSendCase) != 0;
}
/// True for operations whose `object` is a task.
constexpr bool is_on_task(Operation operation) {
  return operation >= Operation::kTaskSpawn && operation <= Operation::kTaskJoin;
}

/// True for the first record of an operation. A task's operations are counted by these, from 1.
constexpr bool starts_operation(Operation operation, Phase phase) {
  const bool is_note = operation == Operation::kNone || operation == Operation::kSelectCase ||
                       operation == Operation::kTaskBegin || operation == Operation::kTaskEnd ||
                       operation == Operation::kStack;
  return !is_note && phase != Phase::kDone;
}
constexpr bool starts_operation(const EventRecord& event) {
  return starts_operation(event.operation, phase_of(event));
}

/// How raw bits of a value are shown. Numbers are part of the trace format.
enum class ValueFormat : std::uint8_t {
  kOpaque = 0,  ///< No way to show it; printed as its type alone.
  kSigned = 1,
  kUnsigned = 2,
  kFloat = 3,
  kDouble = 4,
  kBool = 5,
  kCharacter = 6,
  kPointer = 7,
  kText = 8,  ///< Made into text when recorded.
};

/// The name of an operation as a person reads it: "send", "recv", "lock" ...; "unknown" for a
/// number that this version does not know.
std::string_view to_string(Operation operation);
/// "channel", "mutex" ...
std::string_view to_string(ObjectKind kind);
/// "ok", "closed", "not ready" ...
std::string_view to_string(Outcome outcome);

}  // namespace chantrace
