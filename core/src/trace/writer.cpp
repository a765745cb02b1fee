#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <map>
#include <string>

#include "chantrace/detail/assert.h"
#include "chantrace/trace.h"
#include "compact.h"
#include "encode.h"
#include "posix_file.h"

namespace chantrace {
namespace {

using detail::append_message;

/// Definitions are gathered into messages of about this size.
constexpr std::size_t kBatchBytes = 64 * 1024;
/// Events that take more are compressed. Below, zstd would save a third of the bytes and take half
/// of the time for writing and reading.
constexpr std::size_t kPlainEventBytesMax = 8;
/// What is kept in memory before it is written.
constexpr std::size_t kWriteBytes = 1 << 20;

/// Takes the bytes of a trace as they are made.
///
/// Invariants: `pending` holds whole messages.
class Output {
 public:
  /// To memory.
  Output() = default;
  /// To a file.
  explicit Output(int fd) : fd_(fd) {}

  std::vector<std::byte>& pending() { return pending_; }

  /// To be called after each message.
  void message_done() {
    if (fd_ >= 0 && pending_.size() >= kWriteBytes) flush();
  }

  /// Returns 0, or the first `errno`.
  int finish() {
    if (fd_ >= 0) flush();
    return error_;
  }

 private:
  void flush() {
    if (error_ == 0) error_ = detail::write_all(fd_, pending_, offset_bytes_);
    offset_bytes_ += pending_.size();
    pending_.clear();
  }

  int fd_ = -1;
  std::uint64_t offset_bytes_ = 0;
  int error_ = 0;
  std::vector<std::byte> pending_;
};

template <typename Make>
void put_message(Output& output, std::size_t size_bytes_guess, Make make) {
  capnp::MallocMessageBuilder message(
      static_cast<unsigned>(size_bytes_guess / sizeof(capnp::word) + 64));
  make(message.initRoot<schema::Message>());
  append_message(message, output.pending());
  output.message_done();
}

/// Writes `items` in as many messages as it takes. `bytes_of` guesses an item's size on the wire.
template <typename Items, typename BytesOf, typename Fill>
void put_definitions(Output& output, const Items& items, BytesOf bytes_of, Fill fill) {
  auto next = items.begin();
  while (next != items.end()) {
    unsigned count = 0;
    std::size_t size_bytes = 0;
    auto last = next;
    while (last != items.end() && size_bytes < kBatchBytes) {
      size_bytes += bytes_of(*last);
      ++last;
      ++count;
    }
    put_message(output, size_bytes, [&](schema::Message::Builder message) {
      fill(message.initDefinitions(), count, next);
    });
    next = last;
  }
}

void put_tasks(Output& output, const std::vector<TaskInfo>& tasks) {
  put_definitions(
      output, tasks, [](const TaskInfo& task) { return 56 + task.label.size(); },
      [](schema::Definitions::Builder to, unsigned count, auto next) {
        for (auto item : to.initTasks(count)) detail::fill(item, *next++);
      });
}

void put_objects(Output& output, const std::vector<ObjectInfo>& objects) {
  put_definitions(
      output, objects,
      [](const ObjectInfo& object) {
        return 96 + object.name.size() + object.type.size() + 4 * object.initial_holders.size();
      },
      [](schema::Definitions::Builder to, unsigned count, auto next) {
        for (auto item : to.initObjects(count)) detail::fill(item, *next++);
      });
}

void put_sites(Output& output, const std::unordered_map<std::uint32_t, Site>& sites) {
  // Sorted, so that equal traces have equal bytes.
  const std::map<std::uint32_t, Site> sorted(sites.begin(), sites.end());
  put_definitions(
      output, sorted,
      [](const auto& entry) {
        return 40 + entry.second.file.size() + entry.second.function.size();
      },
      [](schema::Definitions::Builder to, unsigned count, auto next) {
        for (auto item : to.initSites(count)) {
          const Site& site = next->second;
          detail::fill(item, SiteId{next->first}, site.file, site.function, site.line);
          ++next;
        }
      });
}

void put_texts(Output& output, const std::unordered_map<std::uint64_t, std::string>& texts) {
  const std::map<std::uint64_t, std::string> sorted(texts.begin(), texts.end());
  put_definitions(
      output, sorted, [](const auto& entry) { return 24 + entry.second.size(); },
      [](schema::Definitions::Builder to, unsigned count, auto next) {
        for (auto item : to.initTexts(count)) {
          detail::fill(item, next->first, next->second);
          ++next;
        }
      });
}

void put_stacks(Output& output, const std::vector<StackInfo>& stacks) {
  put_definitions(
      output, stacks, [](const StackInfo& stack) { return 24 + 8 * stack.frames.size(); },
      [](schema::Definitions::Builder to, unsigned count, auto next) {
        for (auto item : to.initStacks(count)) {
          detail::fill(item, next->id, next->frames);
          ++next;
        }
      });
}

void put_modules(Output& output, const std::vector<ModuleInfo>& modules) {
  put_definitions(
      output, modules,
      [](const ModuleInfo& module) { return 56 + module.path.size() + module.build_id.size(); },
      [](schema::Definitions::Builder to, unsigned count, auto next) {
        for (auto item : to.initModules(count)) detail::fill(item, *next++);
      });
}

/// Writes compact chunks, and keeps the memory that they need in between.
class ChunkWriter {
 public:
  explicit ChunkWriter(Output& output) : output_(output) {}

  void put_stream(const TaskStream& stream) {
    std::uint64_t lost_total = 0;
    std::uint64_t lost_before = 0;
    std::size_t done = 0;
    const auto put_up_to = [&](std::size_t last) {
      while (done < last || lost_before > 0) {
        const std::size_t count = std::min(last - done, detail::kCompactChunkEvents);
        put_chunk({stream.task, done + lost_total, lost_before},
                  std::span(stream.events).subspan(done, count));
        lost_before = 0;
        done += count;
      }
    };
    for (const Gap& gap : stream.gaps) {
      put_up_to(static_cast<std::size_t>(
          std::clamp<std::uint64_t>(gap.before, done, stream.events.size())));
      lost_before += gap.count;
      lost_total += gap.count;
    }
    put_up_to(stream.events.size());
  }

 private:
  void put_chunk(const detail::ChunkPlace& place, std::span<const EventRecord> events) {
    detail::compact(events, plain_);
    const std::vector<std::byte>* data = &plain_;
    detail::CompactEncoding encoding = detail::CompactEncoding::kPlain;
    if (plain_.size() > kPlainEventBytesMax * events.size()) {
      compressor_.compress(plain_, events.size(), compressed_);
      if (compressed_.size() < plain_.size()) {
        data = &compressed_;
        encoding = detail::CompactEncoding::kZstd;
      }
    }

    put_message(output_, data->size() + 64, [&](schema::Message::Builder message) {
      detail::fill(message.initCompactChunk(), place,
                   {events.size(), encoding, plain_.size(), *data});
    });
  }

  Output& output_;
  detail::Compressor compressor_;
  std::vector<std::byte> plain_;
  std::vector<std::byte> compressed_;
};

void put_trace(Output& output, const Trace& trace) {
  put_message(output, 1024, [&](schema::Message::Builder message) {
    TraceHeader header = trace.header;
    header.format_version = kTraceFormatVersion;
    detail::fill(message.initHeader(), header);
  });
  put_tasks(output, trace.tasks);
  put_objects(output, trace.objects);
  put_sites(output, trace.sites);
  put_texts(output, trace.texts);
  put_stacks(output, trace.stacks);
  put_modules(output, trace.modules);
  ChunkWriter chunks(output);
  for (const TaskStream& stream : trace.streams) chunks.put_stream(stream);
  if (!trace.end) return;
  put_message(output, 4096, [&](schema::Message::Builder message) {
    detail::fill(message.initEnd(), *trace.end);
  });
}

/// A file that takes the place of `path` once it is whole.
Result<detail::FileDescriptor, TraceError> create_temporary(const std::filesystem::path& path,
                                                            std::filesystem::path& temporary) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode) && !S_ISLNK(status.st_mode))
    return TraceError{path.string(), 0,
                      "cannot write the trace: the path is taken by something that is not a file; "
                      "choose another path"};
  constexpr int kAttemptsMax = 1000;
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    temporary = path;
    temporary += ".tmp" + std::to_string(::getpid()) + "-" + std::to_string(attempt);
    const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0) return detail::FileDescriptor(fd);
    if (errno != EEXIST) break;
  }
  return detail::system_error(path, "write the trace", errno);
}

}  // namespace

std::optional<TraceError> write_trace(const Trace& trace, const std::filesystem::path& path) {
  std::filesystem::path temporary;
  auto file = create_temporary(path, temporary);
  if (!file.has_value()) return file.error();

  Output output(file.value().get());
  put_trace(output, trace);
  int error = output.finish();
  if (error == 0 && ::rename(temporary.c_str(), path.c_str()) != 0) error = errno;
  if (error != 0) {
    ::unlink(temporary.c_str());
    return detail::system_error(path, "write the trace", error);
  }

  // A spool belongs to the trace that was at this path before.
  std::filesystem::path spool = path;
  spool += ".spool";
  ::unlink(spool.c_str());
  return std::nullopt;
}

std::vector<std::byte> to_bytes(const Trace& trace) {
  Output output;
  put_trace(output, trace);
  return std::move(output.pending());
}

}  // namespace chantrace
