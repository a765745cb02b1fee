/// \file
/// Where messages begin and end among bytes that nobody vouches for, and what is at their root.
#pragma once

#include <capnp/serialize.h>
#include <kj/exception.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>

#include "byte_source.h"
#include "trace.capnp.h"
#include "wire.h"

namespace chantrace::detail {

/// The number at an offset; 0 where the bytes end before.
template <typename Number>
Number load(std::span<const std::byte> bytes, std::size_t offset = 0) {
  Number number{};
  if (bytes.size() >= offset + sizeof number)
    std::memcpy(&number, bytes.data() + offset, sizeof number);
  return number;
}

/// What stands at an offset, judged by the framing alone.
struct Frame {
  enum class Kind { kWhole, kCutOff, kNone };
  Kind kind = Kind::kNone;
  std::uint64_t size_bytes = 0;  ///< With the table of segments.
};

Frame frame_at(ByteSource& source, std::uint64_t offset);

/// Whether a message of a trace may begin here. Most other bytes look different.
bool looks_like_message(ByteSource& source, std::uint64_t offset);

/// Calls `use` with the message's root. The one place that meets Cap'n Proto's exceptions: they
/// become text.
template <typename Use>
std::optional<std::string> with_root(std::span<const std::byte> bytes, Use use) {
  // Each word may be visited once; a message that leads to the same bytes again and again is
  // refused.
  capnp::ReaderOptions options;
  options.traversalLimitInWords = 2 * (bytes.size() / kWordBytes) + 64;
  options.nestingLimit = 16;
  try {
    const auto* const words = reinterpret_cast<const capnp::word*>(bytes.data());
    capnp::FlatArrayMessageReader reader(kj::arrayPtr(words, bytes.size() / kWordBytes), options);
    use(reader.getRoot<schema::Message>());
    return std::nullopt;
  } catch (const kj::Exception& exception) {
    return std::string(exception.getDescription().cStr());
  }
}

}  // namespace chantrace::detail
