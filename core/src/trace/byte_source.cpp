#include "byte_source.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace chantrace::detail {
namespace {

constexpr std::size_t kWordBytes = sizeof(std::uint64_t);

}  // namespace

std::span<const std::byte> ByteSource::view(std::uint64_t offset_bytes, std::uint64_t size_bytes) {
  if (offset_bytes >= size_bytes_) return {};
  size_bytes = std::min(size_bytes, size_bytes_ - offset_bytes);

  const bool is_in_memory = !file_.is_open();
  const auto* const address = memory_.data() + (is_in_memory ? offset_bytes : 0);
  const bool is_aligned = reinterpret_cast<std::uintptr_t>(address) % kWordBytes == 0;
  if (is_in_memory && (is_aligned || offset_bytes % kWordBytes != 0))
    return memory_.subspan(static_cast<std::size_t>(offset_bytes),
                           static_cast<std::size_t>(size_bytes));

  const bool is_at_hand =
      offset_bytes >= window_offset_ && offset_bytes + size_bytes <= window_offset_ + window_bytes_;
  if (!is_at_hand) fill(offset_bytes / kWordBytes * kWordBytes, size_bytes + kWordBytes);
  const auto skipped = static_cast<std::size_t>(offset_bytes - window_offset_);
  if (skipped >= window_bytes_) return {};
  const auto available = std::min<std::uint64_t>(size_bytes, window_bytes_ - skipped);
  return window().subspan(skipped, static_cast<std::size_t>(available));
}

std::span<const std::byte> ByteSource::window() const {
  return std::as_bytes(std::span(words_)).first(window_bytes_);
}

void ByteSource::fill(std::uint64_t offset_bytes, std::uint64_t size_bytes) {
  size_bytes = std::min(std::max(size_bytes, window_bytes_min_), size_bytes_ - offset_bytes);
  const auto words = static_cast<std::size_t>((size_bytes + kWordBytes - 1) / kWordBytes);
  if (words_.size() < words) words_.resize(words);
  window_offset_ = offset_bytes;
  window_bytes_ = 0;

  const std::span<std::byte> room =
      std::as_writable_bytes(std::span(words_)).first(static_cast<std::size_t>(size_bytes));
  if (!file_.is_open()) {
    std::memcpy(room.data(), memory_.data() + offset_bytes, room.size());
    window_bytes_ = room.size();
    return;
  }
  while (window_bytes_ < room.size()) {
    const ssize_t got =
        ::pread(file_.get(), room.data() + window_bytes_, room.size() - window_bytes_,
                static_cast<off_t>(offset_bytes + window_bytes_));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) error_ = errno;
    if (got <= 0) break;
    window_bytes_ += static_cast<std::size_t>(got);
  }
}

}  // namespace chantrace::detail
