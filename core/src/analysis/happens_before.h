/// \file
/// What the events of an execution say about what happens before what.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "chantrace/trace.h"
#include "race_detector.h"

namespace chantrace {

/// An event, and what its ids mean to the caller.
struct Step {
  static constexpr std::uint32_t kNone = UINT32_MAX;

  const EventRecord* event = nullptr;
  std::uint32_t task = 0;
  std::uint32_t object = kNone;  ///< Or the other task, for operations on tasks.
  /// An operation that was parked is done by this one, and is the next step.
  bool completes_another = false;
  bool is_clock = false;  ///< Its task makes timers fire.
};

/// Clocks in the order in which they are taken out again. Keeps their memory.
class ClockQueue {
 public:
  bool empty() const { return count_ == 0; }
  /// The new last one, which is empty.
  VectorClock& push();
  /// Good until the next push. Requires: not empty.
  VectorClock& pop();
  void clear() { first_ = count_ = 0; }

 private:
  std::vector<VectorClock> ring_;
  std::size_t first_ = 0;
  std::size_t count_ = 0;
};

/// Turns events into what a `RaceDetector` is fed with. Takes them in an order that agrees with the
/// tasks' own and with each object's, in which what was parked is done right behind what completed
/// it.
///
/// What gives order:
/// - start: to the task that is started; its end: to whoever joins it.
/// - channels, as in Go: a send, to the receive of its value. The k-th receive, to the send number
///   k + capacity; without a buffer, to the end of the send. A close, to receives that see it.
/// - mutexes: an unlock, to all later locks. Shared ones: a writer's unlock to all later locks, a
///   reader's to those of writers.
/// - wait groups: a `done`, to the waits that return later. Semaphores: a release, to all later
///   acquisitions, also where these take another permit: the count is one variable.
/// - once: the end of the call that ran the function, to those that return after it.
/// - condition variables: a notification, to those it wakes.
/// - atomics: a store, to loads that see it; a read-modify-write goes on from the store before it.
///   One that fails counts as one that succeeds.
/// - timers, tickers and deadlines: what was done before they were set, to who learns that they
///   fired. Contexts: making and cancelling one, to whoever sees that.
/// What gives none: operations that fail or give up, `add` of more to a wait group, sleeping,
/// yielding, `size`, loads and stores of `Shared`.
///
/// More order is assumed than there is where the record does not say who met whom (it was cut off
/// there) and where a count was not known: then a race can be missed, and none is made up.
///
/// Source: "The Go Memory Model", June 2022; for locks and atomics also ISO C++20, [intro.races].
/// Threads: one thread at a time.
class HappensBefore {
 public:
  explicit HappensBefore(RaceDetector& races) : races_(races) {}

  /// A new execution.
  void clear();
  /// Before the first step at the object.
  void define(std::uint32_t object, const ObjectInfo& info);
  void take(const Step& step);

 private:
  struct Place {
    ObjectKind kind = ObjectKind::kNone;
    VectorClock given;    ///< What whoever comes next takes. Of a channel: by its close.
    VectorClock readers;  ///< By readers who gave back a shared lock. Of a channel: by all.
    std::int64_t count = 0;
    bool has_count = false;
    // Channels.
    bool is_buffered = false;
    std::uint64_t free_rooms = 0;      ///< That no receive has made; they come first.
    std::uint64_t unknown_values = 0;  ///< That no send has put there, so far as is known.
    ClockQueue values;
    ClockQueue rooms;
    std::uint32_t partner = Step::kNone;  ///< Who moved a value, and whom the next step completes.
  };

  Place& place(std::uint32_t object);
  void take_on_task(const Step& step);
  void take_on_channel(const Step& step, Place& channel);
  void send(const Step& step, Place& channel);
  void receive(const Step& step, Place& channel);
  void hand_over(const Step& step, Place& channel);
  void take_on_variable(const Step& step, Place& variable);
  void take_on_lock(const Step& step, Place& lock);
  void take_on_wait_group(const Step& step, Place& group);

  RaceDetector& races_;
  std::vector<Place> places_;
  std::vector<VectorClock> ends_;  ///< By task.
};

}  // namespace chantrace
