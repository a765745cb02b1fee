#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>

#include "byte_source.h"
#include "chantrace/trace.h"
#include "chunk_decoder.h"
#include "decode.h"
#include "frame.h"
#include "posix_file.h"
#include "spool_reader.h"
#include "stream_builder.h"
#include "wire.h"

namespace chantrace {
namespace {

using detail::ByteSource;
using detail::ChunkWords;
using detail::DecodedChunk;
using detail::Frame;
using detail::frame_at;
using detail::kWordBytes;
using detail::load;
using detail::looks_like_message;
using detail::with_root;

std::string first_bytes(ByteSource& source) {
  std::string text;
  for (const std::byte byte : source.view(0, kWordBytes)) {
    char hex[4];
    std::snprintf(hex, sizeof hex, text.empty() ? "%02x" : " %02x", static_cast<unsigned>(byte));
    text += hex;
  }
  return text;
}

/// What is wrong with the first message; empty if it is a header that can be read.
struct HeaderProblem {
  std::uint64_t offset_bytes = 0;
  std::string reason;
};

/// Reads messages from one or more sources into one trace.
class TraceReader {
 public:
  TraceReader(const ReadLimits& limits, const Progress& progress)
      : progress_(progress), definitions_(limits, warnings_), streams_(limits, warnings_) {}

  detail::Warnings& warnings() { return warnings_; }

  /// Looks through the source for how much will come, in order to make room for it.
  void expect(ByteSource& source);
  /// The source must begin with a header.
  std::optional<HeaderProblem> read_header(ByteSource& source);
  void read_messages(ByteSource& source);
  void read_open_chunk(const ChunkWords& chunk, std::span<const std::byte> events);

  Trace take() {
    auto streams = streams_.take();
    Trace trace = definitions_.take();
    trace.streams = std::move(streams);
    trace.warnings = warnings_.take();
    return trace;
  }

 private:
  /// Why the message cannot be read; nullopt if all is well.
  std::optional<std::string> read_message(std::span<const std::byte> bytes);
  bool read_chunk_of_ours(std::span<const std::byte> bytes);
  void read_chunk(schema::Chunk::Reader chunk);
  void read_compact_chunk(schema::CompactChunk::Reader chunk);
  bool salvage(ByteSource& source, std::uint64_t offset);
  std::uint64_t find_message(ByteSource& source, std::uint64_t offset);

  const Progress& progress_;
  detail::Warnings warnings_;
  detail::DefinitionsReader definitions_;
  detail::StreamBuilder streams_;
  detail::ChunkDecoder decoder_;
};

std::optional<HeaderProblem> TraceReader::read_header(ByteSource& source) {
  const std::string found = "; it begins with " + first_bytes(source);
  const Frame frame = frame_at(source, 0);
  if (frame.kind == Frame::Kind::kNone)
    return HeaderProblem{0, "this is not a trace: expected a Cap'n Proto message" + found +
                                "; give a file that chantrace has recorded"};
  if (frame.kind == Frame::Kind::kCutOff)
    return HeaderProblem{
        source.size_bytes(),
        "this is not a trace, or it was cut off within its header: expected a message of " +
            std::to_string(frame.size_bytes) + " bytes, found " +
            std::to_string(source.size_bytes()) + found + "; record it again"};

  bool is_header = false;
  definitions_.allow(frame.size_bytes);
  const auto problem =
      with_root(source.view(0, frame.size_bytes), [&](schema::Message::Reader message) {
        is_header = message.which() == schema::Message::HEADER;
        if (is_header) definitions_.read_header(message.getHeader());
      });
  if (problem)
    return HeaderProblem{0, "the trace's header is damaged: " + *problem + "; record it again"};
  if (!is_header)
    return HeaderProblem{0, "this is not a trace: expected a header as its first message" + found +
                                "; give a file that chantrace has recorded"};
  const std::uint32_t version = definitions_.header().format_version;
  if (version == 0)
    return HeaderProblem{0,
                         "this is not a trace: its header has no format version; give a file "
                         "that chantrace has recorded"};
  if (version > kTraceFormatVersion)
    return HeaderProblem{0, "the trace has format version " + std::to_string(version) +
                                ", and this chantrace reads versions up to " +
                                std::to_string(kTraceFormatVersion) +
                                "; use the chantrace that recorded it, or a later one"};
  return std::nullopt;
}

void TraceReader::expect(ByteSource& source) {
  // Heads that are laid out as usual are enough, and nothing that they say is believed: no more
  // room is made than there are bytes that could fill it.
  std::uint64_t offset = 0;
  while (offset < source.size_bytes()) {
    const auto words = load<ChunkWords>(source.view(offset, sizeof(ChunkWords)));
    const Frame frame = frame_at(source, offset);
    if (frame.kind != Frame::Kind::kWhole) return;
    const bool is_chunk = words.segment_count_less_one == 0 &&
                          words.root_pointer == detail::kMessagePointer &&
                          (words.message_union == detail::kChunkMember ||
                           words.message_union == detail::kCompactChunkMember);
    if (is_chunk) {
      const bool is_compact = words.message_union == detail::kCompactChunkMember;
      const std::uint64_t count_max = frame.size_bytes / (is_compact ? 1 : sizeof(EventRecord));
      streams_.expect(words.task, std::min<std::uint64_t>(words.count, count_max));
    }
    offset += frame.size_bytes;
  }
}

void TraceReader::read_messages(ByteSource& source) {
  constexpr std::uint64_t kProgressBytes = 1 << 20;
  // Looking for messages within a damaged one can read the same bytes again; this bounds how often.
  std::uint64_t again_bytes_max = 16 * source.size_bytes();
  std::uint64_t told_bytes = 0;
  std::uint64_t offset = 0;

  while (offset < source.size_bytes()) {
    if (progress_ && offset - told_bytes >= kProgressBytes) {
      told_bytes = offset;
      progress_(offset, source.size_bytes());
    }
    const std::string at = "at byte " + std::to_string(offset) + ": ";
    const Frame frame = frame_at(source, offset);
    if (frame.kind == Frame::Kind::kWhole) {
      const auto bytes = source.view(offset, frame.size_bytes);
      if (bytes.size() < frame.size_bytes) break;
      const auto problem = read_message(bytes);
      const std::uint64_t next = offset + frame.size_bytes;
      if (problem) warnings_.add(at + "a damaged message was skipped: " + *problem);
      if (!problem || next >= source.size_bytes() || looks_like_message(source, next)) {
        offset = next;
        continue;
      }
      if (frame.size_bytes > again_bytes_max) {
        warnings_.add(at + "the rest is too damaged to be read");
        break;
      }
      again_bytes_max -= frame.size_bytes;
    }
    if (frame.kind == Frame::Kind::kCutOff && salvage(source, offset)) break;

    const std::uint64_t next = find_message(source, offset + kWordBytes);
    const std::uint64_t skipped = std::min(next, source.size_bytes()) - offset;
    if (next >= source.size_bytes() && frame.kind == Frame::Kind::kCutOff) {
      warnings_.add(at + "the last message was cut off");
    } else {
      warnings_.add(at + std::to_string(skipped) + " bytes that are no message were skipped");
    }
    offset = next;
  }

  if (source.error() != 0)
    warnings_.add("the file could not be read to its end: " +
                  std::string(std::strerror(source.error())));
  if (progress_) progress_(source.size_bytes(), source.size_bytes());
}

std::uint64_t TraceReader::find_message(ByteSource& source, std::uint64_t offset) {
  for (; offset + kWordBytes <= source.size_bytes(); offset += kWordBytes) {
    if (!looks_like_message(source, offset)) continue;
    if (frame_at(source, offset).kind == Frame::Kind::kWhole) return offset;
    const auto words = load<ChunkWords>(source.view(offset, sizeof(ChunkWords)));
    if (words.sealed_count() > 0) return offset;
  }
  return source.size_bytes();
}

std::optional<std::string> TraceReader::read_message(std::span<const std::byte> bytes) {
  if (read_chunk_of_ours(bytes)) return std::nullopt;
  definitions_.allow(bytes.size());
  return with_root(bytes, [this](schema::Message::Reader message) {
    switch (message.which()) {
      case schema::Message::HEADER:
        return;  // The first one counts.
      case schema::Message::CHUNK:
        return read_chunk(message.getChunk());
      case schema::Message::COMPACT_CHUNK:
        return read_compact_chunk(message.getCompactChunk());
      case schema::Message::DEFINITIONS:
        return definitions_.read_definitions(message.getDefinitions());
      case schema::Message::END:
        return definitions_.read_end(message.getEnd());
    }
    // A later version's.
  });
}

/// The layout that `make_chunk` gives: its events are copied as they are.
bool TraceReader::read_chunk_of_ours(std::span<const std::byte> bytes) {
  const auto words = load<ChunkWords>(bytes);
  const std::size_t sealed_bytes = words.sealed_count() * sizeof(EventRecord);
  if (sealed_bytes == 0 || bytes.size() != sizeof words + sealed_bytes) return false;
  read_open_chunk(words, bytes.subspan(sizeof words));
  return true;
}

void TraceReader::read_open_chunk(const ChunkWords& chunk, std::span<const std::byte> events) {
  const auto room = static_cast<std::uint32_t>(events.size() / sizeof(EventRecord));
  streams_.add({chunk.task, std::min(chunk.count, room), chunk.first_index, chunk.lost_before},
               events);
}

/// Any other layout, such as that of a later version with larger events.
void TraceReader::read_chunk(schema::Chunk::Reader chunk) {
  if (chunk.getCount() > chunk.getEvents().size())
    warnings_.add("a chunk of task " + std::to_string(chunk.getTask()) + " claims " +
                  std::to_string(chunk.getCount()) + " events and has " +
                  std::to_string(chunk.getEvents().size()));
  const DecodedChunk decoded = decoder_.decode(chunk);
  streams_.add(decoded.place, std::as_bytes(decoded.events));
}

void TraceReader::read_compact_chunk(schema::CompactChunk::Reader chunk) {
  const auto decoded = decoder_.decode(chunk);
  if (!decoded.has_value()) return warnings_.add(decoded.error());
  streams_.add(decoded.value().place, std::as_bytes(decoded.value().events));
}

/// Takes what there is of a chunk at the end of the file, which a dying process did not write
/// whole.
bool TraceReader::salvage(ByteSource& source, std::uint64_t offset) {
  const std::uint64_t left = source.size_bytes() - offset;
  const auto words = load<ChunkWords>(source.view(offset, sizeof(ChunkWords)));
  if (left < sizeof words || words.sealed_count() == 0) return false;
  const auto bytes = source.view(offset, left);
  read_open_chunk(words, bytes.subspan(sizeof words));
  warnings_.add("at byte " + std::to_string(offset) +
                ": the last chunk was cut off; its events up to there were read");
  return true;
}

Result<Trace, TraceError> read_sources(const std::string& path, ByteSource& trace_source,
                                       const detail::SpoolContent* spool, const ReadLimits& limits,
                                       const Progress& progress) {
  TraceReader reader(limits, progress);
  ByteSource log_source(spool != nullptr ? spool->log : std::span<const std::byte>{});
  // A process that was killed early had its header still in the spool.
  auto problem = reader.read_header(trace_source);
  if (problem && log_source.size_bytes() > 0 && !reader.read_header(log_source)) problem.reset();
  if (problem && trace_source.size_bytes() == 0)
    return TraceError{path, 0,
                      "the trace is empty: the recorded process ended before it wrote "
                      "anything; record it again"};
  if (problem) return TraceError{path, problem->offset_bytes, problem->reason};

  reader.expect(trace_source);
  reader.read_messages(trace_source);
  if (spool != nullptr) {
    reader.read_messages(log_source);
    for (const detail::OpenChunk& chunk : spool->chunks)
      reader.read_open_chunk(chunk.words, chunk.events);
  }
  return reader.take();
}

}  // namespace

Result<Trace, TraceError> read_trace(const std::filesystem::path& path, const ReadLimits& limits,
                                     const Progress& progress) {
  try {
    // The spool comes first: while a process still records, what leaves the spool is in the file.
    std::filesystem::path spool_path = path;
    spool_path += ".spool";
    const std::vector<std::byte> spool_bytes = detail::read_spool_file(spool_path);

    detail::FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!file.is_open()) return detail::system_error(path, "open the trace", errno);
    struct stat status {};
    if (::fstat(file.get(), &status) != 0)
      return detail::system_error(path, "read the trace", errno);
    if (!S_ISREG(status.st_mode))
      return TraceError{path.string(), 0,
                        "this is not a file; give a file that chantrace has "
                        "recorded"};
    const auto size_bytes = static_cast<std::uint64_t>(status.st_size);
    if (size_bytes > limits.file_bytes_max)
      return TraceError{path.string(), 0,
                        "the file has " + std::to_string(size_bytes) + " bytes, and at most " +
                            std::to_string(limits.file_bytes_max) +
                            " are read; raise ReadLimits::file_bytes_max"};

    ByteSource source(std::move(file), size_bytes);
    const auto spool = detail::find_in_spool(spool_bytes, source);
    auto result = read_sources(path.string(), source, spool.content ? &*spool.content : nullptr,
                               limits, progress);
    if (result.has_value() && !spool.warning.empty())
      result.value().warnings.push_back(spool.warning);
    return result;
  } catch (const std::bad_alloc&) {
    return TraceError{path.string(), 0, "there is not enough memory to read the trace"};
  } catch (const std::length_error&) {
    return TraceError{path.string(), 0, "there is not enough memory to read the trace"};
  }
}

Result<Trace, TraceError> from_bytes(const std::vector<std::byte>& bytes,
                                     const ReadLimits& limits) {
  try {
    if (bytes.size() > limits.file_bytes_max)
      return TraceError{{},
                        0,
                        "there are " + std::to_string(bytes.size()) + " bytes, and at most " +
                            std::to_string(limits.file_bytes_max) +
                            " are read; raise ReadLimits::file_bytes_max"};
    ByteSource source{std::span(bytes)};
    return read_sources({}, source, nullptr, limits, {});
  } catch (const std::bad_alloc&) {
    return TraceError{{}, 0, "there is not enough memory to read the trace"};
  } catch (const std::length_error&) {
    return TraceError{{}, 0, "there is not enough memory to read the trace"};
  }
}

}  // namespace chantrace
