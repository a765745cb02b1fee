/// \file
/// A trace of which the events stay in the file, for traces that are larger than memory should be.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "chantrace/trace.h"

namespace chantrace::detail {

/// What to do with a trace that has to be read whole.
inline constexpr const char* kRecoverAdvice =
    "; \"chantrace recover\" writes what can be read of it as a new one";

/// Events of one task that follow each other, and where they are in the file.
struct StoredChunk {
  std::uint64_t offset_bytes = 0;
  std::uint64_t size_bytes = 0;
  std::uint32_t count = 0;        ///< Of events.
  std::uint64_t lost_before = 0;  ///< Events that are missing before the first.
  std::uint64_t first_item = 0;   ///< In its stream.

  std::uint64_t items_count() const { return count + (lost_before > 0 ? 1u : 0u); }
};

/// The items of a task in its program order: its events, and before each chunk that events are
/// missing before one of kind kNone, whose value is their number.
struct StoredStream {
  TaskId task{};
  std::vector<StoredChunk> chunks;
  std::uint64_t items_count = 0;
};

/// Only of a sound file: what takes an effort to make sense of is left to `read_trace`.
///
/// Threads: one thread at a time.
class StoredTrace {
 public:
  /// Cost: reads the file once, and keeps its definitions, and some 40 bytes a chunk.
  ///
  /// Errors: why the file cannot be read at all, or not this way.
  static Result<StoredTrace, TraceError> open(const std::filesystem::path& path,
                                              const ReadLimits& limits = {});
  StoredTrace(StoredTrace&&) noexcept;
  StoredTrace& operator=(StoredTrace&&) noexcept;
  ~StoredTrace();

  /// All but the events.
  const Trace& definitions() const;
  Trace& definitions();
  const std::vector<StoredStream>& streams() const;  ///< By task id.
  std::uint64_t events_count() const;

  /// Puts the items of `chunk` in place of what `items` held. False: the file is not what it was.
  bool read(const StoredChunk& chunk, std::vector<EventRecord>& items);

 private:
  struct Impl;
  explicit StoredTrace(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

/// Reads the streams of a stored trace side by side, each from front to back.
///
/// Threads: one thread at a time.
class StreamCursors {
 public:
  /// `trace` must outlive this. Some megabytes of items are held at once; where more streams go on
  /// than these are enough for, chunks are decoded several times.
  explicit StreamCursors(StoredTrace& trace);

  /// The next item of a stream; nullptr: there is none, or none that can be read.
  const EventRecord* head(std::uint32_t stream) {
    Cursor& cursor = cursors_[stream];
    return cursor.next < cursor.items.size() ? &cursor.items[cursor.next] : fill(stream);
  }
  /// Requires: `head(stream)` is there.
  void take(std::uint32_t stream) { ++cursors_[stream].next; }

  /// `positions`: items of each stream that are passed over.
  void move_to(const std::vector<std::uint64_t>& positions);

  /// An item is missing that should be there: the file is not what it was.
  bool is_broken() const { return is_broken_; }

 private:
  struct Cursor {
    std::vector<EventRecord> items;
    std::size_t next = 0;          ///< In `items`.
    std::uint64_t first_item = 0;  ///< Of `items`.
  };

  const EventRecord* fill(std::uint32_t stream);

  StoredTrace& trace_;
  std::size_t held_ = 0;  ///< Items in all cursors.
  std::vector<Cursor> cursors_;
  std::vector<EventRecord> chunk_;  ///< Of which a slice is taken.
  bool is_broken_ = false;
};

}  // namespace chantrace::detail
