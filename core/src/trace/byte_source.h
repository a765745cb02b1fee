/// \file
/// Bytes to be read a window at a time: of a file, or in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "posix_file.h"

namespace chantrace::detail {

/// Threads: one thread at a time.
class ByteSource {
 public:
  /// Bytes in memory, which must outlive this.
  explicit ByteSource(std::span<const std::byte> bytes)
      : memory_(bytes), size_bytes_(bytes.size()) {}
  /// The first `size_bytes` of a file. It is read and not mapped: a file that somebody cuts off
  /// meanwhile must not raise a signal here.
  ByteSource(FileDescriptor file, std::uint64_t size_bytes)
      : file_(std::move(file)), size_bytes_(size_bytes) {}

  std::uint64_t size_bytes() const { return size_bytes_; }

  /// Up to `size_bytes` bytes from `offset_bytes` on, fewer where the source ends or cannot be
  /// read. They begin at an address that is a multiple of 8 where `offset_bytes` is one, and stay
  /// valid up to the next call.
  std::span<const std::byte> view(std::uint64_t offset_bytes, std::uint64_t size_bytes);

  /// From now on parts are wanted here and there: what lies behind them is not read with them.
  void read_no_more_than_asked_for() { window_bytes_min_ = 0; }

  /// Why reading stopped before the end: `errno`, or 0.
  int error() const { return error_; }

 private:
  std::span<const std::byte> window() const;
  void fill(std::uint64_t offset_bytes, std::uint64_t size_bytes);

  FileDescriptor file_;
  std::span<const std::byte> memory_;
  std::uint64_t size_bytes_ = 0;
  /// Large enough that a call of the system costs nothing beside what it brings.
  std::uint64_t window_bytes_min_ = 1 << 20;
  // The part that is at hand. Of words, for their alignment.
  std::vector<std::uint64_t> words_;
  std::uint64_t window_offset_ = 0;
  std::size_t window_bytes_ = 0;
  int error_ = 0;
};

}  // namespace chantrace::detail
