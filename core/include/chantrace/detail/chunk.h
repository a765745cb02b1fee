/// \file
/// A chunk is a buffer of events that is at every moment a Cap'n Proto message: the recorder stores
/// 32-byte records straight into its list, and what a killed process leaves can be read as it is.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "chantrace/event.h"

namespace chantrace::detail {

/// The words of a message that holds one `Chunk`, before its events. Offsets are in 8-byte words
/// and are checked against Cap'n Proto's own reader in `chunk_test.cpp`.
///
/// Source: https://capnproto.org/encoding.html.
struct Chunk {
  std::uint32_t segment_count_less_one = 0;  ///< Word 0: stream framing, one segment of
  std::uint32_t segment_words = 0;           ///< so many words; set by `seal`.
  std::uint64_t root_pointer = 0;            ///< Word 1: to the Message (1 data word, 1 pointer).
  std::uint64_t message_union = 0;           ///< Word 2: which member, `chunk`.
  std::uint64_t message_pointer = 0;         ///< Word 3: to the Chunk (3 data words, 1 pointer).
  std::uint32_t task = 0;                    ///< Word 4.
  /// Valid events. Written last, by the owner alone; publishes the events before it to readers.
  std::atomic<std::uint32_t> count = 0;
  std::uint64_t first_index = 0;   ///< Word 5.
  std::uint64_t lost_before = 0;   ///< Word 6.
  std::uint64_t list_pointer = 0;  ///< Word 7: composite list; set by `seal`.
  std::uint64_t list_tag = 0;      ///< Word 8: elements of 4 data words; set by `seal`.

  EventRecord* events() { return reinterpret_cast<EventRecord*>(this + 1); }
  const EventRecord* events() const { return reinterpret_cast<const EventRecord*>(this + 1); }
};
static_assert(sizeof(Chunk) == 72 && alignof(Chunk) == 8);

/// How many events fit in a chunk of `size_bytes`.
constexpr std::uint32_t chunk_capacity(std::size_t size_bytes) {
  return static_cast<std::uint32_t>((size_bytes - sizeof(Chunk)) / sizeof(EventRecord));
}

/// Makes an empty chunk in `memory`.
///
/// Requires: `memory` is aligned to 8 bytes and has room for at least one event.
Chunk* make_chunk(std::span<std::byte> memory, TaskId task, std::uint64_t first_index,
                  std::uint64_t lost_before);

/// Writes the list's size into the message and returns the message's bytes. May be called again as
/// more events come.
///
/// Threads: the owner's, or anyone once the owner is done with it.
std::span<const std::byte> seal(Chunk& chunk);

}  // namespace chantrace::detail
