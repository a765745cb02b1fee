/// \file
/// Puts the events of each task in order out of chunks that come in any order, some of them
/// missing, some twice.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "chantrace/trace.h"
#include "decode.h"

namespace chantrace::detail {

/// What a chunk says of itself.
struct ChunkPlace {
  std::uint32_t task = 0;
  std::uint32_t count = 0;
  std::uint64_t first_index = 0;
  std::uint64_t lost_before = 0;
};

class StreamBuilder {
 public:
  StreamBuilder(const ReadLimits& limits, Warnings& warnings)
      : limits_(limits), warnings_(warnings) {}

  /// Room for the chunk's events, to be filled at once; empty where the chunk was refused or has
  /// none.
  std::span<EventRecord> add(const ChunkPlace& place);
  /// Takes back what the last `add` gave, since its events cannot be read.
  void drop_last(const ChunkPlace& place);

  /// The streams by task. Holes between the chunks are gaps.
  std::vector<TaskStream> take();

 private:
  /// Events without a hole among them.
  struct Piece {
    std::uint64_t first_index = 0;
    std::uint64_t lost_before = 0;
    std::vector<EventRecord> events;

    std::uint64_t end_index() const { return first_index + events.size(); }
  };

  TaskStream join(std::uint32_t task, std::vector<Piece>& pieces);

  const ReadLimits& limits_;
  Warnings& warnings_;
  std::map<std::uint32_t, std::vector<Piece>> pieces_;  // By task.
  std::uint64_t events_count_ = 0;
  bool is_full_ = false;
};

}  // namespace chantrace::detail
