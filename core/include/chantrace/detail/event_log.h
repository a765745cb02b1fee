/// \file
/// What the tasks of one controlled execution did, in memory; and what is looked for in it, and in
/// one execution after another.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "chantrace/detail/chunk.h"
#include "chantrace/detail/place.h"
#include "chantrace/end_state.h"
#include "chantrace/event.h"
#include "chantrace/finding.h"
#include "chantrace/location.h"
#include "chantrace/trace.h"

namespace chantrace::detail {

/// Most tasks have no label, and the general way takes ten times as long for an empty text.
inline void assign_text(std::string& to, std::string_view from) {
  if (from.empty())
    to.clear();
  else
    to.assign(from);
}

/// In `Object::creation`: it was made outside executions.
inline constexpr std::uint64_t kMadeOutside = std::uint64_t{1} << 63;

/// Records in the order in which they were made: all tasks write to the same chunks. Only one runs
/// at a time, so that is the order in which all happened, but for this: an operation that others
/// complete is done right behind what completed it, and its record comes when its task goes on.
///
/// A record's time is the number of its task, and its site one of this log.
///
/// Threads: one thread at a time.
/// Cost: 32 bytes an event; no allocation once it has held an execution as large.
class EventLog {
 public:
  struct Task {
    std::uint32_t parent = 0;
    std::string label;
    Location started_at;
    bool is_clock = false;  ///< It makes timers fire, on no task's behalf.
  };
  struct Object {
    ObjectInfo info;
    Location created;
    std::uint64_t creation = 0;     ///< `detail::Object::creation`
    const void* address = nullptr;  ///< Never looked at; names a static object in all executions.
  };

  /// Of a task, by its records.
  struct Summary {
    std::uint32_t operations = 0;  ///< That it has begun.
    std::uint32_t last_site = 0;   ///< Of the last one.
  };

  /// Records in a chunk. Small enough for the allocator to use its memory again for other things.
  static constexpr std::uint32_t kChunkCapacity = 1'000;
  /// Events that are kept of one execution; what comes later is not looked at.
  static constexpr std::size_t kEventsMax = 1'000 * std::size_t{kChunkCapacity};

  EventLog();

  /// A new execution. Sites keep their numbers.
  void clear();
  /// The execution is over: what is done by unwinding tasks does not count.
  void close();

  /// Where the next record goes, of whatever task; nullptr: no more are kept.
  Chunk* chunk_with_room() {
    Chunk& current = blocks_[current_]->head;
    const bool has_room =
        is_open_ && current.count.load(std::memory_order_relaxed) < kChunkCapacity;
    return has_room ? &current : next_chunk();
  }
  void define_task(std::uint32_t id, std::uint32_t parent, std::string_view label,
                   const Location& started_at, bool is_clock) {
    if (id >= tasks_.size()) [[unlikely]]
      tasks_.resize(std::size_t{id} + 1);
    tasks_count_ = std::max(tasks_count_, std::size_t{id} + 1);
    Task& task = tasks_[id];
    task.parent = parent;
    assign_text(task.label, label);
    task.started_at = started_at;
    task.is_clock = is_clock;
  }
  /// What is to be said of the object with that id, empty.
  Object& define_object(ObjectId id);
  /// From 1.
  std::uint32_t site(const Location& place);

  std::size_t size() const { return is_open_ ? size_so_far() : size_at_end_; }
  const EventRecord& operator[](std::size_t index) const {
    return blocks_[index / kChunkCapacity]->records[index % kChunkCapacity];
  }
  static std::uint32_t task_of(const EventRecord& event) {
    return static_cast<std::uint32_t>(event.time);
  }
  /// By id; the one with id 0 is none.
  std::span<const Task> tasks() const { return {tasks_.data(), tasks_count_}; }
  std::span<const Object> objects() const { return {objects_.data(), objects_count_}; }
  std::vector<Summary> summaries() const;
  /// Site number 0 is none.
  Location location(std::uint32_t site) const;
  std::size_t sites_count() const { return sites_.size() - 1; }
  /// Tells this log's site numbers from another one's. Never 0.
  std::uint64_t id() const { return id_; }

 private:
  struct Block {
    Chunk head;
    std::array<EventRecord, kChunkCapacity> records;
  };
  static_assert(offsetof(Block, records) == sizeof(Chunk));

  Chunk* next_chunk();
  std::size_t size_so_far() const {
    return current_ * kChunkCapacity +
           blocks_[current_]->head.count.load(std::memory_order_relaxed);
  }

  const std::uint64_t id_;
  std::vector<std::unique_ptr<Block>> blocks_;
  std::size_t current_ = 0;
  bool is_open_ = false;
  std::size_t size_at_end_ = 0;
  // Those behind the count are kept for their memory.
  std::vector<Task> tasks_;
  std::size_t tasks_count_ = 1;
  std::vector<Object> objects_;
  std::size_t objects_count_ = 1;
  std::vector<Location> sites_ = std::vector<Location>(1);
  std::unordered_map<Place, std::uint32_t, PlaceHash> site_ids_;
};

/// Looks at the executions of one body, one after another.
///
/// Threads: one thread at a time.
class LogAnalysis {
 public:
  LogAnalysis();
  ~LogAnalysis();
  LogAnalysis(const LogAnalysis&) = delete;
  LogAnalysis& operator=(const LogAnalysis&) = delete;

  /// Whether the execution has accesses that nothing orders.
  bool has_races(const EventLog& log);
  /// Those that `has_races` has just found. `state`: that of the execution's end.
  std::vector<Finding> races(const EventLog& log, EndState state) const;

  /// Remembers how the execution nested its locks.
  void note_locks(const EventLog& log);
  /// Orders of locks that can deadlock, with the parts of each from any of the executions.
  std::vector<Finding> lock_orders();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace chantrace::detail
