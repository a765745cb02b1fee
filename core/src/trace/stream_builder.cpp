#include "stream_builder.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

namespace chantrace::detail {
namespace {

/// No task makes that many events; indexes up to here can be added without overflow.
constexpr std::uint64_t kIndexMax = 1ull << 62;
/// `EventPlace::index` has 32 bits.
constexpr std::uint64_t kStreamEventsMax = std::numeric_limits<std::uint32_t>::max();

std::string of_task(std::uint32_t task) { return "task " + std::to_string(task) + ": "; }

}  // namespace

std::span<EventRecord> StreamBuilder::add(const ChunkPlace& place) {
  if (place.task == 0 || place.first_index > kIndexMax || place.lost_before > place.first_index) {
    warnings_.add("a chunk with impossible numbers was skipped (task " +
                  std::to_string(place.task) + ", first event " +
                  std::to_string(place.first_index) + ", lost before it " +
                  std::to_string(place.lost_before) + ")");
    return {};
  }
  if (place.count == 0 && place.lost_before == 0) return {};
  if (place.count > limits_.events_max - std::min(events_count_, limits_.events_max)) {
    if (!std::exchange(is_full_, true))
      warnings_.add("there are more than " + std::to_string(limits_.events_max) +
                    " events; the others were skipped");
    return {};
  }
  events_count_ += place.count;

  std::vector<Piece>& pieces = pieces_[place.task];
  const bool goes_on =
      !pieces.empty() && place.lost_before == 0 && pieces.back().end_index() == place.first_index;
  if (!goes_on) pieces.push_back({place.first_index, place.lost_before, {}});
  std::vector<EventRecord>& events = pieces.back().events;
  const std::size_t before = events.size();
  events.resize(before + place.count);
  return std::span(events).subspan(before);
}

void StreamBuilder::drop_last(const ChunkPlace& place) {
  std::vector<EventRecord>& events = pieces_[place.task].back().events;
  events.resize(events.size() - place.count);
  events_count_ -= place.count;
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
