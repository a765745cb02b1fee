/// \file
/// What the tasks of one controlled execution did, in memory; and what is looked for in it, and in
/// one execution after another.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "chantrace/end_state.h"
#include "chantrace/event.h"
#include "chantrace/finding.h"
#include "chantrace/location.h"
#include "chantrace/trace.h"

namespace chantrace::detail {

/// In `Object::creation`: it was made outside executions.
inline constexpr std::uint64_t kMadeOutside = std::uint64_t{1} << 63;

/// Records in the order in which they were made. Only one task runs at a time, so that is the order
/// in which all happened, but for this: an operation that others complete is done right behind what
/// completed it, and its record comes when its task goes on.
///
/// Threads: one thread at a time.
/// Cost: 40 bytes an event; no allocation once it has held an execution as large.
class EventLog {
 public:
  struct Entry {
    EventRecord event;  ///< Its site is one of this log.
    std::uint32_t task = 0;
  };
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

  /// Events that are kept of one execution; what comes later is not looked at.
  static constexpr std::size_t kEventsMax = 1'000'000;

  /// A new execution. Sites keep their numbers.
  void clear();
  /// The execution is over: what is done by unwinding tasks does not count.
  void close() { is_open_ = false; }

  void add(std::uint32_t task, const EventRecord& event) {
    if (!is_open_ || size_ == kEventsMax) return;
    if (size_ == blocks_.size() * kBlockSize) blocks_.push_back(std::make_unique<Block>());
    (*blocks_[size_ / kBlockSize])[size_ % kBlockSize] = {event, task};
    ++size_;
  }
  void define_task(std::uint32_t id, std::uint32_t parent, std::string_view label,
                   const Location& started_at, bool is_clock);
  void define_object(const Object& object);
  /// From 1.
  std::uint32_t site(const Location& place);

  std::size_t size() const { return size_; }
  const Entry& operator[](std::size_t index) const {
    return (*blocks_[index / kBlockSize])[index % kBlockSize];
  }
  /// By id; the one with id 0 is none.
  const std::vector<Task>& tasks() const { return tasks_; }
  const std::vector<Object>& objects() const { return objects_; }
  Site place(std::uint32_t site) const;
  std::size_t sites_count() const { return sites_.size(); }

 private:
  struct Known {
    const char* file = nullptr;
    std::uint32_t line = 0;
    std::uint32_t id = 0;
  };
  static constexpr std::size_t kCacheSize = 64;

  /// Small enough for the allocator to use again for other things.
  static constexpr std::size_t kBlockSize = 1'024;
  using Block = std::array<Entry, kBlockSize>;

  std::vector<std::unique_ptr<Block>> blocks_;
  std::size_t size_ = 0;
  std::vector<Task> tasks_ = std::vector<Task>(1);
  std::vector<Object> objects_ = std::vector<Object>(1);
  std::vector<Location> sites_;
  std::map<std::pair<const char*, std::uint32_t>, std::uint32_t> ids_;  // By file and line.
  std::array<Known, kCacheSize> cache_;
  bool is_open_ = false;
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
