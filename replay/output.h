/// \file
/// Where a command's data goes, and what became of it.
#pragma once

#include <cstdio>
#include <functional>
#include <string>
#include <string_view>

namespace chantrace::replay {

/// A stream that is written to until its reader has had enough.
///
/// Threads: one thread at a time.
class Output {
 public:
  /// `stream` stays open and belongs to the caller.
  explicit Output(std::FILE* stream) : stream_(stream) {}
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  /// After a failure nothing more is written.
  void write(std::string_view text);
  void flush();

  /// Writing more is pointless: the reader went away (`chantrace show | head`) or the disk is full.
  bool is_closed() const { return error_ != 0; }
  /// The system's reason, when data was lost that someone wanted; empty when all is well, and when
  /// the reader went away of its own will.
  std::string error() const;

  std::FILE* stream() const { return stream_; }

 private:
  std::FILE* stream_;
  int error_ = 0;  // The first `errno`.
};

/// Calls `write` with a file that replaces the one at `path`.
///
/// Returns: the system's reason, where it could not be written whole; else empty.
std::string write_file(const std::string& path, const std::function<void(Output&)>& write);

}  // namespace chantrace::replay
