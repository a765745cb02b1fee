#include "chunk_decoder.h"

#include <algorithm>
#include <cstring>

namespace chantrace::detail {
namespace {

/// A compact chunk that claims more events than this is refused. It is far above what is written.
constexpr std::uint32_t kCompactChunkEventsMax = 1 << 20;

}  // namespace

DecodedChunk ChunkDecoder::decode(schema::Chunk::Reader chunk) {
  const auto events = chunk.getEvents();
  events_.resize(std::min(chunk.getCount(), events.size()));
  for (std::uint32_t i = 0; i < events_.size(); ++i) {
    const schema::Event::Reader event = events[i];
    events_[i] = {.time = event.getTime(),
                  .value = event.getValue(),
                  .object = event.getObject(),
                  .sequence = event.getSequence(),
                  .site = event.getSite(),
                  .operation = static_cast<Operation>(event.getOperation()),
                  .flags = event.getFlags(),
                  .detail = event.getDetail()};
  }
  return {{chunk.getTask(), static_cast<std::uint32_t>(events_.size()), chunk.getFirstIndex(),
           chunk.getLostBefore()},
          events_};
}

Result<DecodedChunk, std::string> ChunkDecoder::decode(schema::CompactChunk::Reader chunk) {
  const ChunkPlace place{chunk.getTask(), chunk.getCount(), chunk.getFirstIndex(),
                         chunk.getLostBefore()};
  const auto of_task = "a compact chunk of task " + std::to_string(place.task);
  const auto content = chunk.getData();
  const auto data = std::as_bytes(std::span(content.begin(), content.size()));
  const std::uint64_t raw_bytes = chunk.getRawBytes();
  const auto encoding = static_cast<CompactEncoding>(chunk.getEncoding());
  if (encoding != CompactEncoding::kPlain && encoding != CompactEncoding::kZstd)
    return of_task + " in an unknown encoding was skipped";

  // Nothing is allocated by numbers alone: each event has its byte in the file.
  const bool is_possible = place.count <= kCompactChunkEventsMax && place.count <= data.size() &&
                           raw_bytes >= kCompactEventBytesMin * place.count &&
                           raw_bytes <= kCompactEventBytesMax * place.count &&
                           (encoding == CompactEncoding::kZstd || raw_bytes == data.size());
  if (!is_possible)
    return of_task + " with impossible sizes was skipped (" + std::to_string(place.count) +
           " events in " + std::to_string(data.size()) + " bytes)";

  const std::size_t padded_bytes = static_cast<std::size_t>(raw_bytes) + kCompactPaddingBytes;
  if (plain_.size() < padded_bytes) plain_.resize(padded_bytes);
  const auto padded = std::span(plain_).first(padded_bytes);
  const auto raw = padded.first(static_cast<std::size_t>(raw_bytes));
  if (encoding == CompactEncoding::kPlain) {
    if (!raw.empty()) std::memcpy(raw.data(), data.data(), raw.size());
  } else if (!decompressor_.decompress(data, raw)) {
    return of_task + " that cannot be decompressed was skipped";
  }

  if (events_.size() < place.count) events_.resize(place.count);
  const auto events = std::span(events_).first(place.count);
  if (!expand(padded, events)) return of_task + " with damaged bytes was skipped";
  return DecodedChunk{place, events};
}

}  // namespace chantrace::detail
