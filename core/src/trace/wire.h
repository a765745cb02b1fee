/// \file
/// The words of Cap'n Proto messages that this library lays out and recognises by itself.
///
/// Source: https://capnproto.org/encoding.html.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace chantrace::detail {

static_assert(std::endian::native == std::endian::little,
              "chunks are laid out in place, and the wire is little-endian");

inline constexpr std::size_t kWordBytes = 8;

/// A pointer to a struct that starts right behind it.
constexpr std::uint64_t struct_pointer(std::uint64_t data_words, std::uint64_t pointers) {
  return data_words << 32 | pointers << 48;
}

/// A pointer to a list of structs whose tag stands right behind it.
constexpr std::uint64_t struct_list_pointer(std::uint64_t words) {
  constexpr std::uint64_t kList = 1;
  constexpr std::uint64_t kInlineComposite = 7;
  return kList | kInlineComposite << 32 | words << 35;
}

/// The tag at the head of a list of structs.
constexpr std::uint64_t struct_list_tag(std::uint64_t count, std::uint64_t data_words) {
  return count << 2 | data_words << 32;
}

/// Every message of ours starts so: word 0 is the framing, word 1 the root pointer to a `Message`.
inline constexpr std::uint64_t kMessagePointer = struct_pointer(1, 1);
/// `Message.which()` for a chunk, as it stands in the union's word.
inline constexpr std::uint64_t kChunkMember = 1;
/// The same for a compact chunk, whose task and count stand where those of a chunk do.
inline constexpr std::uint64_t kCompactChunkMember = 4;
inline constexpr std::uint64_t kChunkPointer = struct_pointer(3, 1);
inline constexpr std::uint64_t kEventWords = 4;
/// Words of a chunk's segment without its events. The framing is no part of the segment.
inline constexpr std::uint32_t kChunkSegmentWords = 8;

/// A `Chunk` as it stands in bytes that nobody writes any more.
struct ChunkWords {
  std::uint32_t segment_count_less_one = 0;
  std::uint32_t segment_words = 0;
  std::uint64_t root_pointer = 0;
  std::uint64_t message_union = 0;
  std::uint64_t message_pointer = 0;
  std::uint32_t task = 0;
  std::uint32_t count = 0;
  std::uint64_t first_index = 0;
  std::uint64_t lost_before = 0;
  std::uint64_t list_pointer = 0;
  std::uint64_t list_tag = 0;

  /// It was made by `make_chunk`, by this library or one that lays out chunks alike.
  bool is_ours() const {
    return segment_count_less_one == 0 && root_pointer == kMessagePointer &&
           message_union == kChunkMember && message_pointer == kChunkPointer;
  }

  /// ... and sealed, so that its list has room for this many events; 0 otherwise.
  std::uint32_t sealed_count() const {
    if (!is_ours() || segment_words < kChunkSegmentWords) return 0;
    const std::uint32_t words = segment_words - kChunkSegmentWords;
    const auto sealed = static_cast<std::uint32_t>(words / kEventWords);
    const bool is_sealed = words % kEventWords == 0 && list_pointer == struct_list_pointer(words) &&
                           list_tag == struct_list_tag(sealed, kEventWords);
    return is_sealed && count <= sealed ? sealed : 0;
  }
};
static_assert(sizeof(ChunkWords) == 72);

}  // namespace chantrace::detail
