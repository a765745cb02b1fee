/// \file
/// Puts the events of each task in order out of chunks that come in any order, some of them
/// missing, some twice.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "chantrace/trace.h"
#include "chunk_decoder.h"
#include "decode.h"

namespace chantrace::detail {

class StreamBuilder {
 public:
  StreamBuilder(const ReadLimits& limits, Warnings& warnings)
      : limits_(limits), warnings_(warnings) {}

  /// Says that about so many events of the task will come, so that room is made once.
  void expect(std::uint32_t task, std::uint64_t events_count);
  /// Takes over the events of a chunk: `place.count` records at `bytes`.
  void add(const ChunkPlace& place, std::span<const std::byte> bytes);

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

  void make_room(std::uint32_t task, std::vector<EventRecord>& events);
  TaskStream join(std::uint32_t task, std::vector<Piece>& pieces);

  const ReadLimits& limits_;
  Warnings& warnings_;
  std::map<std::uint32_t, std::uint64_t> expected_;     // By task.
  std::map<std::uint32_t, std::vector<Piece>> pieces_;  // By task.
  std::uint64_t events_count_ = 0;
  bool is_full_ = false;
};

}  // namespace chantrace::detail
