/// \file
/// The few calls to the system that recording and writing need, with their errors as values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

#include "chantrace/trace.h"

namespace chantrace::detail {

/// A file descriptor that closes itself.
class FileDescriptor {
 public:
  explicit FileDescriptor(int fd = -1) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(other.release()) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    reset(other.release());
    return *this;
  }
  ~FileDescriptor() { reset(); }

  int get() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }
  void reset(int fd = -1);

 private:
  int release();

  int fd_;
};

/// "cannot <action>: <the system's reason for error_number>".
TraceError system_error(const std::filesystem::path& path, const char* action, int error_number);

/// Makes a new, empty file, in the place of an older regular file or link.
Result<FileDescriptor, TraceError> replace_file(const std::filesystem::path& path);

/// Writes all of `bytes` at `offset_bytes`, and returns 0, or `errno` after having written a part.
int write_all(int fd, std::span<const std::byte> bytes, std::uint64_t offset_bytes);

/// Gives the file room from `offset_bytes` on, so that touching a mapping of it cannot fail for
/// want of space. The room is zero. Returns 0 or `errno`.
///
/// Source: measured with 384 KiB, one file for each trace.
int reserve(int fd, std::uint64_t offset_bytes, std::uint64_t size_bytes);

/// What RLIMIT_FSIZE allows. Passing it would raise SIGXFSZ in the traced program.
std::uint64_t file_bytes_allowed();

}  // namespace chantrace::detail
