#include "spool_reader.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>

#include "spool_layout.h"

namespace chantrace::detail {
namespace {

/// `SpoolHeader` as it stands in bytes that nobody writes any more.
struct SpoolHeaderWords {
  std::array<char, 8> magic{};
  std::uint32_t version = 0;
  std::uint32_t header_bytes = 0;
  std::uint64_t process_id = 0;
  std::uint64_t log_bytes = 0;
  std::uint64_t identity_hash = 0;
  std::uint64_t identity_bytes = 0;
};
static_assert(sizeof(SpoolHeaderWords) == sizeof(SpoolHeader));

template <typename Words>
Words load(std::span<const std::byte> bytes) {
  Words words{};
  if (bytes.size() >= sizeof words) std::memcpy(&words, bytes.data(), sizeof words);
  return words;
}

/// The trace file begins as the spool says, as far as it was written.
bool belongs_to(const SpoolHeaderWords& header, std::span<const std::byte> log, ByteSource& trace) {
  const std::uint64_t identity_bytes = header.identity_bytes;
  if (identity_bytes > kIdentityBytesMax) return false;
  if (trace.size_bytes() >= identity_bytes)
    return identity_hash(trace.view(0, identity_bytes)) == header.identity_hash;
  return log.size() >= identity_bytes &&
         identity_hash(log.first(static_cast<std::size_t>(identity_bytes))) == header.identity_hash;
}

std::size_t slot_bytes(std::byte state) {
  switch (static_cast<SlotState>(state)) {
    case SlotState::kSmall:
      return kSpoolSmallBufferBytes;
    case SlotState::kLarge:
      return kSpoolBufferBytes;
    case SlotState::kNone:
      break;
  }
  return 0;
}

}  // namespace

std::vector<std::byte> read_spool_file(const std::filesystem::path& path) {
  FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (!file.is_open() || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) return {};
  const auto size_bytes =
      std::min(static_cast<std::uint64_t>(status.st_size), std::uint64_t{kSpoolBytesMax});
  ByteSource source(std::move(file), size_bytes);
  const auto bytes = source.view(0, size_bytes);
  return {bytes.begin(), bytes.end()};
}

SpoolSearch find_in_spool(std::span<const std::byte> spool, ByteSource& trace) {
  if (spool.empty()) return {};
  const auto header = load<SpoolHeaderWords>(spool);
  if (spool.size() < kSpoolFrontBytes || header.magic != kSpoolMagic)
    return {std::nullopt, "the file with the suffix .spool beside the trace is not a spool"};
  if (header.version != kSpoolVersion)
    return {std::nullopt, "the spool beside the trace has version " +
                              std::to_string(header.version) +
                              ", which this chantrace cannot read"};

  // It is waiting for its next trace, or had none yet.
  if (header.identity_bytes == 0) return {};

  SpoolContent content;
  content.log = spool.subspan(kSpoolLogOffset, static_cast<std::size_t>(std::min<std::uint64_t>(
                                                   header.log_bytes, kSpoolLogBytes)));
  if (!belongs_to(header, content.log, trace))
    return {std::nullopt, "the spool beside the trace belongs to another one and was not read"};

  const auto table = spool.subspan(kSpoolTableOffset, kSpoolTableBytes);
  for (std::size_t offset = kSpoolFrontBytes; offset < spool.size(); offset += kSpoolPageBytes) {
    const std::size_t size_bytes = slot_bytes(table[offset / kSpoolPageBytes]);
    if (size_bytes == 0 || size_bytes > spool.size() - offset) continue;
    const auto slot = spool.subspan(offset, size_bytes);
    const auto words = load<ChunkWords>(slot);
    if (words.is_ours() && words.task != 0)
      content.chunks.push_back({words, slot.subspan(sizeof words)});
  }
  return {std::move(content), {}};
}

}  // namespace chantrace::detail
