/// \file
/// The bytes of a spool file, shared by the recorder that maps it and the reader that finds it
/// after a kill. docs/trace_format.md describes them in words.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "chantrace/detail/spool.h"

namespace chantrace::detail {

inline constexpr std::array<char, 8> kSpoolMagic = {'c', 't', 's', 'p', 'o', 'o', 'l', '\n'};
/// Raised when an old reader would misread a spool.
inline constexpr std::uint32_t kSpoolVersion = 1;

/// Slots begin at multiples of this.
inline constexpr std::size_t kSpoolPageBytes = 4096;
/// One byte for each page of the file: what begins there.
inline constexpr std::size_t kSpoolTableOffset = kSpoolPageBytes;
inline constexpr std::size_t kSpoolTableBytes = 64 * 1024;
/// Messages that were appended and not yet flushed.
inline constexpr std::size_t kSpoolLogOffset = kSpoolTableOffset + kSpoolTableBytes;
inline constexpr std::size_t kSpoolLogBytes = 60 * 1024;
/// From here on there are slots.
inline constexpr std::size_t kSpoolFrontBytes = kSpoolLogOffset + kSpoolLogBytes;
/// The largest spool; buffers beyond it come from the heap, and a kill loses what is in them.
inline constexpr std::size_t kSpoolBytesMax = kSpoolTableBytes * kSpoolPageBytes;
static_assert(kSpoolFrontBytes % kSpoolBufferBytes == 0);

/// What begins at a page.
enum class SlotState : std::uint8_t {
  kNone = 0,   ///< Nothing that counts: free, the middle of a buffer, or the front.
  kSmall = 1,  ///< A buffer of `kSpoolSmallBufferBytes`.
  kLarge = 2,  ///< A buffer of `kSpoolBufferBytes`.
};

/// Page 0.
struct SpoolHeader {
  std::array<char, 8> magic = kSpoolMagic;
  std::uint32_t version = kSpoolVersion;
  std::uint32_t header_bytes = sizeof(SpoolHeader);
  std::uint64_t process_id = 0;
  /// Valid bytes of the log. Written last; publishes them to a reader after a kill.
  std::atomic<std::uint64_t> log_bytes = 0;
  /// What the trace file begins with: a hash over so many bytes. Tells a trace from another one
  /// that has taken its path since. 0 bytes: nothing has been appended yet.
  std::uint64_t identity_hash = 0;
  /// Written after the hash.
  std::atomic<std::uint64_t> identity_bytes = 0;
};
static_assert(sizeof(SpoolHeader) == 48);

/// The most bytes that an identity covers.
inline constexpr std::size_t kIdentityBytesMax = 4096;

/// Source: FNV-1a, 64 bits.
inline std::uint64_t identity_hash(std::span<const std::byte> bytes) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const std::byte byte : bytes)
    hash = (hash ^ static_cast<std::uint64_t>(byte)) * 0x00000100000001b3;
  return hash;
}

}  // namespace chantrace::detail
