#include "stream_builder.h"

#include <sys/mman.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <string>
#include <utility>

#include "chantrace/detail/assert.h"

namespace chantrace::detail {
namespace {

/// `EventPlace::index` has 32 bits.
constexpr std::uint64_t kStreamEventsMax = std::numeric_limits<std::uint32_t>::max();

/// Reading is bound by the faults of fresh memory: 16,000 pages for two million events, 33 large
/// ones.
void prefer_large_pages(void* memory, std::size_t size_bytes) {
  constexpr std::size_t kLargePageBytes = 2 << 20;
  constexpr std::size_t kWorthwhileBytes = 2 * kLargePageBytes;
  if (size_bytes < kWorthwhileBytes) return;
  void* start = memory;
  std::size_t room = size_bytes;
  if (std::align(kLargePageBytes, kLargePageBytes, start, room) == nullptr) return;
  // Advice only; without it, reading is slower.
  ::madvise(start, room / kLargePageBytes * kLargePageBytes, MADV_HUGEPAGE);
}

std::string of_task(std::uint32_t task) { return "task " + std::to_string(task) + ": "; }

}  // namespace

void StreamBuilder::expect(std::uint32_t task, std::uint64_t events_count) {
  expected_[task] += events_count;
}

void StreamBuilder::add(const ChunkPlace& place, std::span<const std::byte> bytes) {
  CHANTRACE_ASSERT(bytes.size() >= place.count * sizeof(EventRecord));
  if (place.task == 0 || place.first_index > kIndexMax || place.lost_before > place.first_index)
    return warnings_.add("a chunk with impossible numbers was skipped (task " +
                         std::to_string(place.task) + ", first event " +
                         std::to_string(place.first_index) + ", lost before it " +
                         std::to_string(place.lost_before) + ")");
  if (place.count == 0 && place.lost_before == 0) return;
  if (place.count > limits_.events_max - events_count_) {
    if (!std::exchange(is_full_, true))
      warnings_.add("there are more than " + std::to_string(limits_.events_max) +
                    " events; the others were skipped");
    return;
  }
  events_count_ += place.count;

  std::vector<Piece>& pieces = pieces_[place.task];
  const bool goes_on =
      !pieces.empty() && place.lost_before == 0 && pieces.back().end_index() == place.first_index;
  if (!goes_on) {
    pieces.push_back({place.first_index, place.lost_before, {}});
    if (pieces.size() == 1) make_room(place.task, pieces.back().events);
  }
  std::vector<EventRecord>& events = pieces.back().events;
  // The bytes are records: ours, or words of a chunk that is laid out alike.
  const auto* const first = reinterpret_cast<const EventRecord*>(bytes.data());
  events.insert(events.end(), first, first + place.count);
}

void StreamBuilder::make_room(std::uint32_t task, std::vector<EventRecord>& events) {
  const auto expected = expected_.find(task);
  if (expected == expected_.end()) return;
  events.reserve(
      static_cast<std::size_t>(std::min(expected->second, limits_.events_max - events_count_ + 1)));
  prefer_large_pages(events.data(), events.capacity() * sizeof(EventRecord));
}

std::vector<TaskStream> StreamBuilder::take() {
  std::vector<TaskStream> streams;
  for (auto& [task, pieces] : pieces_) {
    TaskStream stream = join(task, pieces);
    pieces = {};
    if (!stream.events.empty() || !stream.gaps.empty()) streams.push_back(std::move(stream));
  }
  pieces_.clear();
  return streams;
}

TaskStream StreamBuilder::join(std::uint32_t task, std::vector<Piece>& pieces) {
  // The longer of two copies comes first and covers the other: an open chunk that a spool has kept
  // holds more than the one that was written earlier.
  std::stable_sort(pieces.begin(), pieces.end(), [](const Piece& left, const Piece& right) {
    if (left.first_index != right.first_index) return left.first_index < right.first_index;
    return left.events.size() > right.events.size();
  });

  TaskStream stream{.task = TaskId{task}, .events = {}, .gaps = {}};
  std::uint64_t next_index = 0;
  std::uint64_t unexplained = 0;
  for (Piece& piece : pieces) {
    if (piece.first_index > next_index) {
      const std::uint64_t missing = piece.first_index - next_index;
      unexplained += missing - std::min(missing, piece.lost_before);
      if (!stream.gaps.empty() && stream.gaps.back().before == stream.events.size()) {
        stream.gaps.back().count += missing;
      } else {
        stream.gaps.push_back({stream.events.size(), missing});
      }
      next_index = piece.first_index;
    }
    const std::uint64_t known =
        std::min<std::uint64_t>(next_index - piece.first_index, piece.events.size());
    next_index += piece.events.size() - known;
    if (stream.events.empty() && known == 0) {
      stream.events = std::move(piece.events);
    } else {
      stream.events.insert(stream.events.end(),
                           piece.events.begin() + static_cast<std::ptrdiff_t>(known),
                           piece.events.end());
    }
    piece.events = {};
  }

  if (unexplained > 0)
    warnings_.add(of_task(task) + std::to_string(unexplained) +
                  " events are missing that were not counted as lost when recorded");
  if (stream.events.size() > kStreamEventsMax) {
    warnings_.add(of_task(task) + "only its first " + std::to_string(kStreamEventsMax) +
                  " events were kept");
    stream.events.resize(kStreamEventsMax);
    std::erase_if(stream.gaps, [](const Gap& gap) { return gap.before > kStreamEventsMax; });
  }
  return stream;
}

}  // namespace chantrace::detail
