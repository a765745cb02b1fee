/// \file
/// Brings recorded events to sinks: one thread that reads chunks as they fill, finds an order in
/// which the events can have happened, and looks up their names.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "chantrace/detail/chunk.h"
#include "chantrace/detail/trace_window.h"
#include "chantrace/session.h"
#include "chantrace/sink.h"
#include "chantrace/trace.h"

namespace chantrace::detail {

/// Events that `snapshot` can give.
inline constexpr std::size_t kSnapshotEventsMax = 65'536;

/// What happens when more waits than sinks have taken.
struct QueueOptions {
  std::size_t events_max = 16'384;
  bool tasks_wait = false;  ///< Instead of losing what comes beyond.
};

/// Threads: any thread.
class Drain : public std::enable_shared_from_this<Drain> {
 public:
  /// Starts its thread, which keeps the drain alive until it is closed.
  static std::shared_ptr<Drain> create(const TraceHeader& header,
                                       std::vector<std::shared_ptr<Sink>> sinks,
                                       const QueueOptions& queue);
  Drain(const Drain&) = delete;
  Drain& operator=(const Drain&) = delete;

  void define_task(const TaskInfo& info);
  void define_object(const ObjectInfo& info);
  /// What an object, or a task, was when nobody could use it any more.
  struct Gone {
    bool is_task = false;
    std::uint32_t id = 0;
    std::uint32_t last_sequence = 0;  ///< Of the events about it.
  };
  /// Nothing is kept of it once its last event is among what is forgotten.
  void forget(const Gone& gone);
  void define_site(SiteId id, const Site& site);
  void define_text(std::uint64_t id, std::string text);

  /// A task writes to `chunk` from now on.
  void start(const Chunk& chunk);
  /// Waits until sinks have taken enough for more to come, where tasks are to wait for that.
  ///
  /// Requires: that the caller holds no lock that a sink could want.
  void wait_for_room();
  /// It no longer does; the chunk is gone when this returns. What the sinks have not had is copied,
  /// or where too much waits already, lost.
  void finish(const Chunk& chunk);
  /// Serves what is left, and closes the sinks. Gives up on sinks that take too long.
  void close();

  std::vector<Event> snapshot(std::size_t count);
  EventBatch events_since(std::uint64_t number, std::size_t count);
  Trace recent_trace(std::size_t count);
  std::uint64_t lost() const { return lost_.load(); }
  std::uint64_t sink_errors() const { return sink_errors_.load(); }

 private:
  Drain(const TraceHeader& header, std::vector<std::shared_ptr<Sink>> sinks,
        const QueueOptions& queue);

  /// An event on its way, or, with operation kNone, a gap of `value` events.
  struct Pending {
    TaskId task;
    EventRecord record;
    std::uint64_t operation_id = 0;
  };
  struct Source {
    const Chunk* chunk = nullptr;
    std::uint32_t read = 0;
    std::deque<EventRecord> waiting;  ///< Read, and not yet in order.
    bool has_ended = false;           ///< The end of its task has been put in order.
    std::uint64_t operations = 0;
    std::uint64_t open_operation = 0;  ///< The id of the operation it is parked in.
  };

  void run();
  /// Reads what tasks have published. Requires: the mutex.
  void read_chunks();
  /// How many more may wait. Requires: the mutex.
  std::size_t room() const;
  /// Moves what is in order to `ready_`. Requires: the mutex.
  void put_in_order(bool is_last);
  Event look_up(const Pending& pending) const;
  std::string format_raw_value(const EventRecord& record, ValueFormat format) const;
  void deliver(const std::vector<Event>& events);
  static std::uint64_t key_of(bool is_task, std::uint32_t id);
  static std::uint64_t key_of(const EventRecord& record);
  void note_lost(const EventRecord& record);
  /// True when what comes before `record` at its object has been put in order, or is lost.
  bool is_next(const EventRecord& record);
  void forget_oldest();
  /// Requires: the mutex.
  void forget_gone();
  /// All events up to that number are in order, or lost.
  bool is_complete(std::uint64_t key, std::uint32_t last_sequence) const;
  void forget_ended_sources();

  Trace names_;  ///< Sites and texts, and the header.
  std::unordered_map<std::uint32_t, TaskInfo> tasks_;
  std::unordered_map<std::uint32_t, ObjectInfo> objects_;
  std::vector<std::shared_ptr<Sink>> sinks_;  ///< The drain's thread alone, once it runs.
  const QueueOptions queue_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::condition_variable served_;
  std::condition_variable taken_;  ///< Fewer wait for sinks.
  std::unordered_map<std::uint32_t, Source> sources_;
  std::vector<std::uint32_t> source_order_;
  /// By object: the last number that was put in order or is lost.
  std::unordered_map<std::uint64_t, std::uint32_t> sequences_;
  /// By object: numbers that are lost and still to come, as ranges; first, one past the last.
  std::unordered_map<std::uint64_t, std::map<std::uint32_t, std::uint32_t>> lost_sequences_;
  std::deque<Pending> ready_;
  std::size_t waiting_events_ = 0;  ///< All that the sinks have not had: `waiting` and `ready_`.
  std::deque<Pending> recent_;
  TraceWindow past_;             ///< What was before `recent_`,
  std::uint64_t forgotten_ = 0;  ///< and how many those were.
  /// What is gone while some of its events are still to come,
  std::vector<Gone> gone_;
  /// and what will be forgotten when so many events are.
  std::deque<std::pair<std::uint64_t, Gone>> leaving_;
  bool is_closing_ = false;
  bool is_closed_ = false;
  std::atomic<std::uint64_t> lost_ = 0;  ///< Read by anyone who wants to know.
  std::atomic<std::uint64_t> sink_errors_ = 0;
  std::thread::id thread_id_;
};

}  // namespace chantrace::detail
