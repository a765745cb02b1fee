#include "stored_trace.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <map>
#include <new>
#include <optional>
#include <stdexcept>
#include <utility>

#include "chunk_decoder.h"
#include "decode.h"
#include "frame.h"

namespace chantrace::detail {
namespace {

/// What all cursors hold together.
constexpr std::size_t kHeldItemsMax = (48 << 20) / sizeof(EventRecord);
/// What a cursor may hold whatever the others do.
constexpr std::size_t kSliceItemsMin = 256;
/// Of a chunk; writers make a quarter of that. Larger ones would be decoded too often.
constexpr std::uint32_t kChunkEventsMax = 64 * 1024;
/// `EventPlace::index` has 32 bits.
constexpr std::uint64_t kStreamItemsMax = std::numeric_limits<std::uint32_t>::max();

/// What a chunk's head says: of a message that is none, the task is 0.
ChunkPlace place_of(schema::Message::Reader message) {
  switch (message.which()) {
    case schema::Message::CHUNK: {
      const schema::Chunk::Reader chunk = message.getChunk();
      return {chunk.getTask(), std::min(chunk.getCount(), chunk.getEvents().size()),
              chunk.getFirstIndex(), chunk.getLostBefore()};
    }
    case schema::Message::COMPACT_CHUNK: {
      const schema::CompactChunk::Reader chunk = message.getCompactChunk();
      // Each event has its byte.
      const auto count = std::min<std::uint64_t>(chunk.getCount(), chunk.getData().size());
      return {chunk.getTask(), static_cast<std::uint32_t>(count), chunk.getFirstIndex(),
              chunk.getLostBefore()};
    }
    default:
      return {};
  }
}

}  // namespace

struct StoredTrace::Impl {
  Impl(FileDescriptor file, std::uint64_t size_bytes) : source(std::move(file), size_bytes) {}

  /// Why the file cannot be used; nullopt: all is well.
  std::optional<std::string> read(const ReadLimits& limits);
  std::optional<std::string> put_in_order();

  ByteSource source;
  Trace definitions;
  std::vector<StoredStream> streams;
  std::uint64_t events_count = 0;
  ChunkDecoder decoder;

  struct Piece {
    ChunkPlace place;
    StoredChunk chunk;
  };
  std::map<std::uint32_t, std::vector<Piece>> pieces_by_task;  ///< While it is being read.
};

/// A recorder writes the chunks of a task as they come.
std::optional<std::string> StoredTrace::Impl::put_in_order() {
  for (auto& [task, pieces] : pieces_by_task) {
    std::ranges::sort(pieces, {}, [](const Piece& piece) {
      return std::pair(piece.place.first_index, piece.place.count);
    });
    StoredStream stream{.task = TaskId{task}, .chunks = {}, .items_count = 0};
    std::uint64_t next_index = 0;
    for (const auto& [place, chunk] : pieces) {
      if (place.first_index < next_index || place.first_index > kIndexMax)
        return "it contradicts itself: events of a task are there twice";
      if (place.count > kChunkEventsMax) return "a chunk of it is too large";
      stream.chunks.push_back(chunk);
      stream.chunks.back().lost_before = place.first_index - next_index;
      stream.chunks.back().first_item = stream.items_count;
      next_index = place.first_index + place.count;
      stream.items_count += stream.chunks.back().items_count();
      events_count += place.count;
    }
    if (stream.items_count > kStreamItemsMax) return "a task of it has too many events";
    if (stream.items_count > 0) streams.push_back(std::move(stream));
  }
  pieces_by_task.clear();
  return std::nullopt;
}

std::optional<std::string> StoredTrace::Impl::read(const ReadLimits& limits) {
  Warnings warnings;
  DefinitionsReader reader(limits, warnings);
  bool has_header = false;
  for (std::uint64_t offset = 0; offset < source.size_bytes();) {
    const Frame frame = frame_at(source, offset);
    if (frame.kind != Frame::Kind::kWhole) return "it is damaged, or was cut off";
    const auto bytes = source.view(offset, frame.size_bytes);
    if (bytes.size() < frame.size_bytes) return "it cannot be read to its end";
    reader.allow(frame.size_bytes);
    const auto damage = with_root(bytes, [&](schema::Message::Reader message) {
      if (message.which() == schema::Message::HEADER) {
        if (!std::exchange(has_header, true)) reader.read_header(message.getHeader());
      } else if (message.which() == schema::Message::DEFINITIONS) {
        reader.read_definitions(message.getDefinitions());
      } else if (message.which() == schema::Message::END) {
        reader.read_end(message.getEnd());
      } else if (const ChunkPlace place = place_of(message); place.task != 0) {
        pieces_by_task[place.task].push_back(
            {place,
             {.offset_bytes = offset, .size_bytes = frame.size_bytes, .count = place.count}});
      }
    });
    if (!has_header) return "it does not begin with a trace's header";
    if (damage) return "it is damaged: " + *damage;
    offset += frame.size_bytes;
  }
  const std::uint32_t version = reader.header().format_version;
  if (version == 0 || version > kTraceFormatVersion)
    return "it has format version " + std::to_string(version) +
           ", which this chantrace does not read";
  source.read_no_more_than_asked_for();
  definitions = reader.take();
  definitions.warnings = warnings.take();
  if (auto problem = put_in_order()) return problem;
  if (events_count > limits.events_max) return "it has too many events";
  return std::nullopt;
}

Result<StoredTrace, TraceError> StoredTrace::open(const std::filesystem::path& path,
                                                  const ReadLimits& limits) try {
  FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.is_open()) return system_error(path, "open the trace", errno);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return system_error(path, "read the trace", errno);
  if (!S_ISREG(status.st_mode))
    return TraceError{path.string(), 0,
                      "this is not a file; give a file that chantrace has recorded"};
  if (static_cast<std::uint64_t>(status.st_size) > limits.file_bytes_max)
    return TraceError{path.string(), 0, "the file is too large; raise ReadLimits::file_bytes_max"};
  std::filesystem::path spool = path;
  spool += ".spool";
  std::error_code ignored;
  if (std::filesystem::exists(spool, ignored))
    return TraceError{path.string(), 0,
                      std::string("a part of it is in the spool beside it") + kRecoverAdvice};
  auto impl = std::make_unique<Impl>(std::move(file), static_cast<std::uint64_t>(status.st_size));
  if (const auto problem = impl->read(limits))
    return TraceError{path.string(), 0, *problem + kRecoverAdvice};
  return StoredTrace(std::move(impl));
} catch (const std::bad_alloc&) {
  return TraceError{path.string(), 0, "there is not enough memory to read the trace"};
} catch (const std::length_error&) {
  return TraceError{path.string(), 0, "there is not enough memory to read the trace"};
}

StoredTrace::StoredTrace(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
StoredTrace::StoredTrace(StoredTrace&&) noexcept = default;
StoredTrace& StoredTrace::operator=(StoredTrace&&) noexcept = default;
StoredTrace::~StoredTrace() = default;

const Trace& StoredTrace::definitions() const { return impl_->definitions; }
Trace& StoredTrace::definitions() { return impl_->definitions; }
const std::vector<StoredStream>& StoredTrace::streams() const { return impl_->streams; }
std::uint64_t StoredTrace::events_count() const { return impl_->events_count; }

bool StoredTrace::read(const StoredChunk& chunk, std::vector<EventRecord>& items) {
  items.clear();
  if (chunk.lost_before > 0) items.push_back({.value = chunk.lost_before});
  const auto bytes = impl_->source.view(chunk.offset_bytes, chunk.size_bytes);
  if (bytes.size() < chunk.size_bytes) return false;
  const auto append = [&](std::span<const EventRecord> events) {
    items.insert(items.end(), events.begin(), events.end());
  };
  const auto damage = with_root(bytes, [&](schema::Message::Reader message) {
    if (message.which() == schema::Message::CHUNK) {
      append(impl_->decoder.decode(message.getChunk()).events);
    } else if (message.which() == schema::Message::COMPACT_CHUNK) {
      const auto decoded = impl_->decoder.decode(message.getCompactChunk());
      if (decoded.has_value()) append(decoded.value().events);
    }
  });
  return !damage && items.size() == chunk.items_count();
}

StreamCursors::StreamCursors(StoredTrace& trace)
    : trace_(trace), cursors_(trace.streams().size()) {}

void StreamCursors::move_to(const std::vector<std::uint64_t>& positions) {
  for (std::size_t stream = 0; stream < cursors_.size(); ++stream) {
    Cursor& cursor = cursors_[stream];
    cursor.items.clear();
    cursor.next = 0;
    cursor.first_item = positions[stream];
  }
  held_ = 0;
}

const EventRecord* StreamCursors::fill(std::uint32_t stream) {
  Cursor& cursor = cursors_[stream];
  const StoredStream& stored = trace_.streams()[stream];
  cursor.first_item += cursor.next;
  cursor.next = 0;
  held_ -= cursor.items.size();
  cursor.items.clear();
  if (cursor.first_item >= stored.items_count || is_broken_) {
    cursor.items.shrink_to_fit();
    return nullptr;
  }
  const auto behind = std::upper_bound(
      stored.chunks.begin(), stored.chunks.end(), cursor.first_item,
      [](std::uint64_t item, const StoredChunk& chunk) { return item < chunk.first_item; });
  const StoredChunk& chunk = *std::prev(behind);
  is_broken_ = !trace_.read(chunk, chunk_);
  if (is_broken_) return nullptr;
  const auto from = static_cast<std::size_t>(cursor.first_item - chunk.first_item);
  const std::size_t room = kHeldItemsMax - std::min(held_, kHeldItemsMax);
  const std::size_t count = std::min(std::max(room, kSliceItemsMin), chunk_.size() - from);
  held_ += count;
  const auto first = chunk_.begin() + static_cast<std::ptrdiff_t>(from);
  cursor.items.assign(first, first + static_cast<std::ptrdiff_t>(count));
  return cursor.items.data();
}

}  // namespace chantrace::detail
