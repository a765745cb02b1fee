/// \file
/// A recorder for tests, as simple as can be.
#pragma once

#include <cstdint>

#include "chantrace/detail/spool.h"

namespace chantrace {

/// The `number`-th event of a task; different for each.
inline EventRecord numbered_event(TaskId task, std::uint64_t number) {
  return {.time = 1000 * number + to_number(task),
          .value = number,
          .object = 1 + to_number(task) % 3,
          .sequence = static_cast<std::uint32_t>(number + 1),
          .site = 1,
          .operation = Operation::kSend,
          .flags = make_flags(Phase::kBoth, Outcome::kOk, kHasValue),
          .detail = 0};
}

inline TraceHeader test_header() {
  TraceHeader header;
  header.format_version = kTraceFormatVersion;
  header.program = "/bin/test";
  header.test = "Suite.Name";
  return header;
}

/// Records the events of one task into a spool.
///
/// Threads: one thread at a time.
class TaskRecorder {
 public:
  TaskRecorder(detail::Spool& spool, TaskId task)
      : spool_(spool), task_(task), buffer_(spool.acquire(detail::kSpoolSmallBufferBytes)) {
    chunk_ = detail::make_chunk(buffer_, task_, 0, 0);
  }
  ~TaskRecorder() {
    flush();
    spool_.release(buffer_);
  }
  TaskRecorder(const TaskRecorder&) = delete;
  TaskRecorder& operator=(const TaskRecorder&) = delete;

  void record() {
    const std::uint32_t count = chunk_->count.load(std::memory_order_relaxed);
    chunk_->events()[count] = numbered_event(task_, next_index_++);
    chunk_->count.store(count + 1, std::memory_order_release);
    if (count + 1 == detail::chunk_capacity(buffer_.size())) turn_over();
  }

  void flush() {
    if (chunk_->count.load(std::memory_order_relaxed) > 0) turn_over();
  }

  std::uint64_t recorded() const { return next_index_; }

 private:
  void turn_over() {
    spool_.write(*chunk_);
    // The first buffer was small.
    if (buffer_.size() < detail::kSpoolBufferBytes) {
      spool_.release(buffer_);
      buffer_ = spool_.acquire(detail::kSpoolBufferBytes);
    }
    chunk_ = detail::make_chunk(buffer_, task_, next_index_, 0);
  }

  detail::Spool& spool_;
  TaskId task_;
  std::span<std::byte> buffer_;
  detail::Chunk* chunk_ = nullptr;
  std::uint64_t next_index_ = 0;
};

}  // namespace chantrace
