/// \file
/// Who decides the steps of a controlled execution.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "chantrace/event.h"
#include "chantrace/location.h"

namespace chantrace::detail {

class ReadsFromPairs;

/// A task that can go on, and the operation that it is about to make.
struct Runnable {
  std::uint32_t task = 0;    ///< Its number; `kClockTask`: the next timer fires.
  std::uint32_t index = 0;   ///< This is the task's operation number `index`, from 1.
  std::uint32_t object = 0;  ///< What it is about; 0: several objects, or none.
  std::uint32_t family = 0;  ///< Objects that were made at the same place; 0 as above.
  Operation operation = Operation::kNone;  ///< `kNone`: it does not know yet.
  bool is_write = false;  ///< Others that look at the object may see the difference.
  const Location* site = nullptr;
};

/// The pseudo-task whose step is that time passes until the next timer fires.
inline constexpr std::uint32_t kClockTask = 0;
/// `current` in `Strategy::pick`: the task that ran last cannot go on.
inline constexpr std::size_t kNobody = static_cast<std::size_t>(-1);

/// The place of the task with that number; `kNobody`: it is not among them.
inline std::size_t find_task(std::span<const Runnable> runnable, std::uint32_t task) {
  for (std::size_t i = 0; i < runnable.size(); ++i)
    if (runnable[i].task == task) return i;
  return kNobody;
}

/// Who goes on where nothing says who should: the one that ran last, or else any task. Time passes
/// only where there is none.
inline std::size_t find_default(std::span<const Runnable> runnable, std::size_t current) {
  if (current != kNobody) return current;
  return runnable[0].task == kClockTask && runnable.size() > 1 ? 1 : 0;
}

/// Whether the order of two operations could matter.
inline bool is_conflict(const Runnable& left, const Runnable& right) {
  // Others see what a new task does, not that it was started.
  if (left.operation == Operation::kTaskSpawn || right.operation == Operation::kTaskSpawn)
    return false;
  if (left.object == 0 || right.object == 0) return true;
  return left.object == right.object && (left.is_write || right.is_write);
}

/// Asked inline, in the task that runs: must not use the library, throw, or allocate in `pick` once
/// it has seen an execution of the same size.
///
/// Threads: one thread at a time.
class Strategy {
 public:
  virtual ~Strategy() = default;

  /// A new execution begins, whose random choices come from `seed`.
  virtual void begin(std::uint64_t seed) = 0;
  /// Which of `runnable`, at least two in no particular order, is next. `current`: the place of the
  /// task that ran last, or `kNobody`.
  virtual std::size_t pick(std::span<const Runnable> runnable, std::size_t current) = 0;
  /// A number below `count`, which is at least 2.
  virtual std::uint32_t choose(std::uint32_t count) = 0;
  /// The same for a select of `task`, of whose cases these, by number, can be taken.
  virtual std::uint32_t choose_case(std::uint32_t /*task*/, std::span<const std::uint16_t> cases) {
    return choose(static_cast<std::uint32_t>(cases.size()));
  }
  /// `parent` has started `child`, which has a greater number.
  virtual void note_start(std::uint32_t /*parent*/, std::uint32_t /*child*/) {}
  /// It has ended. `is_whole`: by itself, and well. False: there is no other to try.
  virtual bool end(bool /*is_whole*/) { return true; }
  /// Of the execution that has ended: false where it only showed what there is to enumerate, and
  /// another shard runs it for its own sake.
  virtual bool is_of_shard() const { return true; }
  /// What decides, as one calls it in `SearchStrategy`.
  virtual std::string_view name() const = 0;
  /// Where it wants to have noted which operations saw what others did; nullptr: nowhere. Asked
  /// after `begin`.
  virtual ReadsFromPairs* pairs() { return nullptr; }
  /// More operations are choices from now on: places in an execution are no longer what they were.
  virtual void forget_places() {}
  /// Wants to know what each task is about to do. Otherwise a task that was woken runs only when it
  /// is picked, and makes its next operation then, whatever that is; which saves every other
  /// switch.
  virtual bool looks_ahead() const { return true; }
  /// Wants to be asked at every step, also where there is one task only or where the order cannot
  /// matter.
  virtual bool is_asked_always() const { return false; }
};

}  // namespace chantrace::detail
