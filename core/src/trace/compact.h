/// \file
/// Events at rest: two control bytes an event and the differences to what was to be expected.
/// docs/trace_format.md describes the bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "chantrace/event.h"

namespace chantrace::detail {

/// `CompactChunk.encoding`.
enum class CompactEncoding : std::uint8_t { kPlain = 1, kZstd = 2 };

/// The least and the most bytes that one event takes.
inline constexpr std::size_t kCompactEventBytesMin = 3;
inline constexpr std::size_t kCompactEventBytesMax = 34;
/// The most events of a compact chunk that this library writes.
inline constexpr std::size_t kCompactChunkEvents = 16 * 1024;
/// Unread bytes that must follow the bytes to be decoded.
inline constexpr std::size_t kCompactPaddingBytes = 48;

/// Puts the bytes of `events` in place of what `bytes` held.
void compact(std::span<const EventRecord> events, std::vector<std::byte>& bytes);

/// Fills `events` from what `compact` made of as many. False if `padded` is damaged; then `events`
/// holds whatever came before.
///
/// Requires: `padded` ends with `kCompactPaddingBytes` of any content.
bool expand(std::span<const std::byte> padded, std::span<EventRecord> events);

/// Compresses one chunk after the other, and keeps its tables in between.
///
/// Threads: one thread at a time.
class Compressor {
 public:
  Compressor();
  ~Compressor();
  Compressor(const Compressor&) = delete;
  Compressor& operator=(const Compressor&) = delete;

  /// Puts the compressed bytes in place of what `compressed` held. There are at least `bytes_min`
  /// of them: a frame that says nothing fills the rest.
  void compress(std::span<const std::byte> bytes, std::size_t bytes_min,
                std::vector<std::byte>& compressed);

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

/// The other way round.
///
/// Threads: one thread at a time.
class Decompressor {
 public:
  Decompressor();
  ~Decompressor();
  Decompressor(const Decompressor&) = delete;
  Decompressor& operator=(const Decompressor&) = delete;

  /// Fills `bytes` from what `compress` made of as many. False if that is damaged.
  bool decompress(std::span<const std::byte> compressed, std::span<std::byte> bytes);

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

}  // namespace chantrace::detail
