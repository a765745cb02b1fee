/// \file
/// Where chunks live while a trace is recorded: a small pool of buffers in a file that is mapped
/// shared, so that what a killed process recorded last is still there, and is read with its trace.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "chantrace/detail/chunk.h"
#include "chantrace/trace.h"

namespace chantrace::detail {

/// Bytes of a buffer. 64 KiB: what a kill could cost at most if buffers were not in the spool.
inline constexpr std::size_t kSpoolBufferBytes = 64 * 1024;
/// Bytes of a task's first buffer, so that thousands of short tasks stay cheap.
inline constexpr std::size_t kSpoolSmallBufferBytes = 4 * 1024;

/// The log file of one trace and the buffers that are on their way to it.
///
/// Invariants: every byte sequence in the file is a whole message; a buffer is owned by one task,
/// or by nobody; after a kill, file and spool together hold all that was recorded.
///
/// Threads: any thread.
class Spool {
 public:
  /// Records to `path` with its spool at `path` + ".spool"; where `path` is empty, in memory only.
  ///
  /// Errors: the system's reason. A full disk later on is counted (`write_errors`), never thrown.
  static Result<std::unique_ptr<Spool>, TraceError> create(const std::filesystem::path& path);
  ~Spool();
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  /// A buffer for a task; never fails: beyond the spool's room it comes from the heap.
  std::span<std::byte> acquire(std::size_t size_bytes);
  /// Gives a buffer back, unwritten or written.
  void release(std::span<std::byte> buffer);

  /// Appends the chunk to the file, in the compact form, which takes a sixth of the bytes and not
  /// much longer. The buffer stays with its owner.
  ///
  /// Errors: false when it could not be written, such as for a full disk; counted in
  /// `write_errors`. A buffer of the spool that is then not released stays there for readers.
  bool write(const Chunk& chunk);
  /// Appends whole messages (definitions, header, end), kept in the spool until enough have come.
  void append(std::span<const std::byte> messages);
  /// Writes out what `append` has kept.
  void flush();

  /// Ends the recording. `keep`: the trace stays at its path; otherwise no file is left.
  void close(bool keep);

  /// Registers what spools do around a fork. Handlers of `pthread_atfork` that take a lock under
  /// which spools are used are to be registered after this.
  static void prepare_for_forks();
  /// Removes the file that a closed spool has left for the next one of this process. Otherwise that
  /// is done when the process exits.
  static void remove_idle_file();

  std::uint64_t bytes_written() const;
  std::uint64_t write_errors() const;

 private:
  Spool() = default;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Encodes one message each, in stream framing.
std::vector<std::byte> encode_header(const TraceHeader& header);
std::vector<std::byte> encode_task(const TaskInfo& task);
std::vector<std::byte> encode_object(const ObjectInfo& object);
std::vector<std::byte> encode_site(SiteId id, const char* file, const char* function,
                                   std::uint32_t line);
std::vector<std::byte> encode_text(std::uint64_t id, std::string_view text);
std::vector<std::byte> encode_stack(std::uint64_t id, std::span<const std::uint64_t> frames);
std::vector<std::byte> encode_modules(std::span<const ModuleInfo> modules);
std::vector<std::byte> encode_chunk(const Chunk& chunk);
std::vector<std::byte> encode_end(const TraceEnd& end);

}  // namespace chantrace::detail
