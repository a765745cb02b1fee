/// \file
/// The events of a chunk, out of its message.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "chantrace/event.h"
#include "chantrace/result.h"
#include "compact.h"
#include "trace.capnp.h"

namespace chantrace::detail {

/// No task makes that many events; indexes up to here can be added without overflow.
inline constexpr std::uint64_t kIndexMax = 1ull << 62;

/// What a chunk says of itself.
struct ChunkPlace {
  std::uint32_t task = 0;
  std::uint32_t count = 0;
  std::uint64_t first_index = 0;
  std::uint64_t lost_before = 0;
};

struct DecodedChunk {
  ChunkPlace place;
  std::span<const EventRecord> events;
};

/// Decodes one chunk after the other, and keeps its memory in between.
///
/// Its functions may throw `kj::Exception`.
///
/// Threads: one thread at a time.
class ChunkDecoder {
 public:
  /// The events stay valid up to the next call. Those are left out that a chunk claims and has not.
  DecodedChunk decode(schema::Chunk::Reader chunk);
  /// Errors: what is wrong with it.
  Result<DecodedChunk, std::string> decode(schema::CompactChunk::Reader chunk);

 private:
  Decompressor decompressor_;
  std::vector<std::byte> plain_;
  std::vector<EventRecord> events_;
};

}  // namespace chantrace::detail
