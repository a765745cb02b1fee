/// \file
/// What is recorded during one execution or session: where records, sites, names and texts go.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "chantrace/detail/execution.h"
#include "chantrace/detail/os_mutex.h"
#include "chantrace/detail/place.h"
#include "chantrace/detail/spool.h"
#include "chantrace/detail/task_control.h"

namespace chantrace::detail {

class Drain;

/// Code points of a value's text that are kept.
inline constexpr std::size_t kValueCodePointsMax = 64;

/// Full chunks that wait in the spool, where a killed process leaves them to readers. A test that
/// records less (some 32,000 events) writes nothing unless its trace is kept. After that each task
/// writes the chunk that it has just filled, which its processor still has in its cache: another
/// thread would have to fetch it from there, and give it back, at 50 ns an event.
inline constexpr std::size_t kKeptBytesMax = 1u << 20;

/// Threads: any thread, except where a task is given: then that task's own.
class Recording {
 public:
  static Result<std::shared_ptr<Recording>, TraceError> create(const RecordingOptions& options);
  ~Recording();
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;

  bool has_values() const { return has_values_; }
  bool has_stacks() const { return has_stacks_; }

  void define_task(const TaskControl& task);
  void define_object(const ObjectInfo& info, const Location& created);
  std::uint32_t site(const Location& place);
  /// Where the task was last, as far as its buffer tells. The task's own thread.
  Location last_location(const TaskControl& task);
  std::uint64_t text(std::string_view text);
  /// The id of a call stack; equal stacks have equal ids.
  std::uint64_t stack(std::span<const std::uint64_t> frames);
  std::uint32_t stack_every() const { return stack_every_; }

  /// Gives `task` an empty chunk after a full one. False: the recording is over.
  bool next_chunk(TaskControl& task);
  /// The task is done with this recording: it ends, or goes over to another.
  void retire(TaskControl& task);

  /// Everything that was recorded is written, and the file is closed. Tasks that are still at it
  /// write to nowhere from then on.
  void close(bool keep, const TraceEnd& end);

  std::uint64_t events() const { return events_.load(); }
  /// Attempts to write that failed, such as for a full disk.
  std::uint64_t write_errors() const { return spool_->write_errors(); }
  /// A task that has ended, or filled a chunk, has held two locks at once.
  bool has_nested_locks() const { return has_nested_locks_.load(std::memory_order_relaxed); }
  /// There is a `Shared`.
  bool has_variables() const { return has_variables_.load(std::memory_order_relaxed); }
  std::uint64_t tasks() const { return tasks_.load(); }
  std::uint64_t objects() const { return objects_.load(); }
  const std::shared_ptr<Drain>& drain() const { return drain_; }

 private:
  Recording() = default;

  struct Owned {
    Chunk* chunk;
    std::size_t size_bytes;
  };
  /// Writes the task's chunk if too much waits already. Returns: whether it did.
  bool write_chunk(const TaskControl& task);
  void finish_chunk(TaskControl& task, bool is_written) CHANTRACE_REQUIRES(mutex_);
  void write_kept(bool keep) CHANTRACE_REQUIRES(mutex_);

  bool has_values_ = false;
  bool has_stacks_ = false;
  std::uint32_t stack_every_ = 1;
  std::shared_ptr<Drain> drain_;
  std::unique_ptr<Spool> spool_;
  std::atomic<std::uint64_t> texts_ = 0;
  std::atomic<std::uint64_t> events_ = 0;  ///< In chunks that are finished.
  std::atomic<std::uint64_t> tasks_ = 0;
  std::atomic<bool> has_nested_locks_ = false;
  std::atomic<bool> has_variables_ = false;
  std::atomic<std::uint64_t> objects_ = 0;

  OsMutex sites_mutex_;
  std::unordered_map<Place, std::uint32_t, PlaceHash> sites_ CHANTRACE_GUARDED_BY(sites_mutex_);
  std::vector<Location> locations_ CHANTRACE_GUARDED_BY(sites_mutex_);  ///< By id less one.

  OsMutex stacks_mutex_;
  std::map<std::vector<std::uint64_t>, std::uint64_t> stacks_ CHANTRACE_GUARDED_BY(stacks_mutex_);

  OsMutex mutex_;
  bool is_closed_ CHANTRACE_GUARDED_BY(mutex_) = false;
  /// Chunks that tasks write to, and by which task.
  std::unordered_map<const TaskControl*, Owned> open_ CHANTRACE_GUARDED_BY(mutex_);
  /// Chunks that are done and wait.
  std::vector<Owned> kept_ CHANTRACE_GUARDED_BY(mutex_);
  std::atomic<std::size_t> kept_bytes_ = 0;  ///< A hint where it is read without the lock.
};

/// How many operations a task that is recorded has begun.
inline std::uint64_t operations_begun(const TaskControl& task) {
  return task.records_before_chunk + task.chunk->count.load() - task.other_records;
}

/// The tick rate of `ticks()`, measured once.
std::uint64_t ticks_per_second();

}  // namespace chantrace::detail
