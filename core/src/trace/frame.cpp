#include "frame.h"

namespace chantrace::detail {
namespace {

/// Cap'n Proto's own limit.
constexpr std::uint32_t kSegmentsMax = 512;

}  // namespace

Frame frame_at(ByteSource& source, std::uint64_t offset) {
  const std::uint64_t left = source.size_bytes() - offset;
  const auto head = source.view(offset, kWordBytes);
  if (head.size() < kWordBytes) return {left > 0 ? Frame::Kind::kCutOff : Frame::Kind::kNone, left};
  const auto less_one = load<std::uint32_t>(head);
  if (less_one >= kSegmentsMax) return {};
  if (load<std::uint32_t>(head, 4) == 0) return {};

  const std::uint64_t table_bytes = (less_one + 1 + 2) / 2 * kWordBytes;
  const auto table = source.view(offset, table_bytes);
  if (table.size() < table_bytes) return {Frame::Kind::kCutOff, left};
  std::uint64_t size_bytes = table_bytes;
  for (std::uint32_t i = 0; i <= less_one; ++i)
    size_bytes += kWordBytes * load<std::uint32_t>(table, 4 + 4 * std::size_t{i});
  return {size_bytes <= left ? Frame::Kind::kWhole : Frame::Kind::kCutOff, size_bytes};
}

bool looks_like_message(ByteSource& source, std::uint64_t offset) {
  const auto less_one = load<std::uint32_t>(source.view(offset, 4));
  if (less_one >= kSegmentsMax) return false;
  const std::uint64_t table_bytes = (std::uint64_t{less_one} + 3) / 2 * kWordBytes;
  const auto root = source.view(offset + table_bytes, kWordBytes);
  // A later version of the format may have a larger root.
  const auto pointer = load<std::uint64_t>(root);
  const std::uint64_t data_words = pointer >> 32 & 0xffff;
  const std::uint64_t pointers = pointer >> 48;
  constexpr std::uint64_t kRootWordsMax = 8;
  return root.size() == kWordBytes && (pointer & 0xffffffff) == 0 && data_words >= 1 &&
         data_words <= kRootWordsMax && pointers >= 1 && pointers <= kRootWordsMax;
}

}  // namespace chantrace::detail
