/// \file
/// The state at an end: which tasks there are, what each waits on, who holds what and who could
/// still complete it. A plain value. The runtime makes it at quiescence without any recording, the
/// trace reader makes it from a trace, and the same analysis turns either into findings.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "chantrace/event.h"
#include "chantrace/location.h"

namespace chantrace {

/// A place in source code that owns its text, unlike `Location`.
struct Site {
  std::string file;
  std::string function;
  std::uint32_t line = 0;  ///< 0: unknown.

  friend bool operator==(const Site&, const Site&) = default;
};

inline Site to_site(const Location& place) { return {place.file, place.function, place.line}; }

/// What a task was doing at the end.
enum class TaskStatus : std::uint8_t {
  kRunning,  ///< Able to go on, or outside the library's view.
  kParked,   ///< Waiting in an operation of the library.
  kEnded,    ///< Its function returned.
  kEndedByException,
  kCancelled,  ///< Unwound, or abandoned, since nothing could wake it.
};

/// One thing a parked task waits for. A select has one for each of its cases.
struct Wait {
  Operation operation = Operation::kNone;  ///< kSend, kReceive, kLock, kTaskJoin, kSleep ...
  ObjectId object{};  ///< The object; 0 for a join, a sleep, and a nil channel.
  TaskId task{};      ///< For kTaskJoin: the task waited for.
  bool is_nil_channel = false;
  bool has_deadline = false;  ///< A timer will end it.

  friend bool operator==(const Wait&, const Wait&) = default;
};

struct TaskState {
  TaskId id{};
  TaskId parent{};
  std::string label;
  bool is_host = false;   ///< A thread of the host, not started with `go`.
  bool is_body = false;   ///< The task that runs the test's body.
  bool is_older = false;  ///< Started before this run: no leak of it.
  TaskStatus status = TaskStatus::kRunning;
  Site started_at;        ///< The call of `go`; empty for a host thread.
  Site ended_at;          ///< Its last operation's site, once it has ended.
  std::string exception;  ///< What left the task, for kEndedByException: type and text.
  // While parked:
  bool is_select = false;
  std::vector<Wait> waits;
  Site waiting_at;
  std::uint64_t operation_index =
      0;  ///< This is the task's n-th operation, from 1. 0: not counted.

  friend bool operator==(const TaskState&, const TaskState&) = default;
};

/// Who holds a lock, since where.
struct Holder {
  TaskId task{};
  Site since;
  bool is_shared = false;

  friend bool operator==(const Holder&, const Holder&) = default;
};

/// A task that has used an object in some role; the first `kUsersMax` of each role are kept.
struct ObjectState {
  ObjectId id{};
  ObjectKind kind = ObjectKind::kNone;
  std::string name;  ///< As given; empty for none.
  std::string type;  ///< Of a channel's elements or a shared variable.
  Site created_at;
  bool is_destroyed = false;
  // Channels.
  std::uint64_t capacity = 0;
  std::uint64_t size = 0;  ///< Values in the buffer.
  bool is_closed = false;
  /// Tasks that have used it: senders for a channel, those who notified a condition variable,
  /// called done() on a wait group, released a semaphore. In the order of first use.
  std::vector<TaskId> givers;
  /// The other side: receivers, waiters, those who acquired.
  std::vector<TaskId> takers;
  bool has_more_givers = false;  ///< More than `kUsersMax`.
  bool has_more_takers = false;
  TaskId last_giver{};  ///< Who was the last to use it in that role.
  TaskId last_taker{};
  // Locks.
  std::vector<Holder> holders;
  // Wait groups and semaphores.
  std::int64_t count = 0;
  /// Condition variables: notifications that found nobody waiting.
  std::uint64_t lost_signals = 0;
  TaskId last_lost_by{};  ///< Who made the last of them,
  Site last_lost_at;      ///< and where.
  bool timer_is_pending =
      false;  ///< A timer, ticker or context with a deadline that will still fire.

  friend bool operator==(const ObjectState&, const ObjectState&) = default;
};

/// How many users of each role an object remembers.
inline constexpr std::size_t kUsersMax = 8;

/// Something misused: a call that broke a rule and threw.
struct Misuse {
  enum class Kind : std::uint8_t {
    kSendOnClosed,
    kCloseOfClosed,
    kCloseOfNil,
    kNegativeWaitGroup,
    kUnlockOfUnlocked,
    kForeignUnlock,  ///< Allowed; a note.
    kOther,
  };
  Kind kind = Kind::kOther;
  TaskId task{};
  ObjectId object{};
  Site site;
  /// The exception left its task or the test body. One that was caught is a note.
  bool escaped = false;

  friend bool operator==(const Misuse&, const Misuse&) = default;
};

/// A thread that nobody has started as a task has used an object of an execution under control.
struct ForeignUse {
  std::string thread = {};  ///< Its name; empty: not known, nor what it did.
  Operation operation = Operation::kNone;
  ObjectId object{};
  TaskId task{};  ///< Whose end it waits for, instead of an object.
  Site site = {};

  friend bool operator==(const ForeignUse&, const ForeignUse&) = default;
};

/// Everything that the verdict on an end depends on.
///
/// Threads: a plain value.
struct EndState {
  std::vector<TaskState> tasks;      ///< By id.
  std::vector<ObjectState> objects;  ///< By id; at least those that a task waits on or holds.
  std::vector<Misuse> misuses;       ///< In the order they happened, as far as that is known.
  /// The test's body has ended (a task that is still alive is a leak); otherwise the body itself is
  /// among the tasks that wait.
  bool body_ended = false;
  /// Threads that the library has never seen could still act: nothing is certain.
  std::uint32_t foreign_threads = 0;
  /// Then it is not known what a schedule leads to.
  std::optional<ForeignUse> foreign_use;
  /// The log or the process ended before the test did (crash, kill, lost events).
  bool is_partial = false;

  friend bool operator==(const EndState&, const EndState&) = default;
};

}  // namespace chantrace
