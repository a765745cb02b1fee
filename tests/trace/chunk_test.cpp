#include "chantrace/detail/chunk.h"

#include <capnp/serialize.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "trace.capnp.h"

namespace chantrace::detail {
namespace {

/// Memory as a spool gives it: aligned, with old content.
class Buffer {
 public:
  explicit Buffer(std::size_t size_bytes) : words_(size_bytes / 8, 0xdeadbeefdeadbeef) {}

  std::span<std::byte> bytes() { return std::as_writable_bytes(std::span(words_)); }

 private:
  std::vector<std::uint64_t> words_;
};

EventRecord event_number(std::uint32_t number) {
  return {.time = 0x1122334455667788u + number,
          .value = 0x99aabbccddeeff00 + number,
          .object = 0x01020304 + number,
          .sequence = 0x05060708 + number,
          .site = 0x090a0b0c + number,
          .operation = Operation::kSelect,
          .flags = make_flags(Phase::kBoth, Outcome::kTimedOut, kHasValue),
          .detail = static_cast<std::uint16_t>(0x0d0e + number)};
}

void push(Chunk& chunk, const EventRecord& event) {
  const std::uint32_t count = chunk.count.load(std::memory_order_relaxed);
  chunk.events()[count] = event;
  chunk.count.store(count + 1, std::memory_order_release);
}

capnp::FlatArrayMessageReader reader_of(std::span<const std::byte> message) {
  return capnp::FlatArrayMessageReader(kj::arrayPtr(
      reinterpret_cast<const capnp::word*>(message.data()), message.size() / sizeof(capnp::word)));
}

class ChunkSizeTest : public testing::TestWithParam<std::uint32_t> {};

TEST_P(ChunkSizeTest, IsAMessageThatCapnProtoReads) {
  Buffer buffer(4096);
  Chunk& chunk = *make_chunk(buffer.bytes(), TaskId{7}, 1ull << 40, 3);
  for (std::uint32_t i = 0; i < GetParam(); ++i) push(chunk, event_number(i));

  const auto message = seal(chunk);
  auto reader = reader_of(message);
  const auto root = reader.getRoot<schema::Message>();

  EXPECT_EQ(message.size(), sizeof(Chunk) + GetParam() * sizeof(EventRecord));
  EXPECT_EQ(reader.getEnd(), reinterpret_cast<const capnp::word*>(message.data() + message.size()));
  ASSERT_TRUE(root.isChunk());
  EXPECT_EQ(root.getChunk().getTask(), 7u);
  EXPECT_EQ(root.getChunk().getCount(), GetParam());
  EXPECT_EQ(root.getChunk().getFirstIndex(), 1ull << 40);
  EXPECT_EQ(root.getChunk().getLostBefore(), 3u);
  ASSERT_EQ(root.getChunk().getEvents().size(), GetParam());
  for (std::uint32_t i = 0; i < GetParam(); ++i) {
    const auto event = root.getChunk().getEvents()[i];
    const EventRecord expected = event_number(i);
    EXPECT_EQ(event.getTime(), expected.time);
    EXPECT_EQ(event.getValue(), expected.value);
    EXPECT_EQ(event.getObject(), expected.object);
    EXPECT_EQ(event.getSequence(), expected.sequence);
    EXPECT_EQ(event.getSite(), expected.site);
    EXPECT_EQ(event.getOperation(), static_cast<std::uint8_t>(expected.operation));
    EXPECT_EQ(event.getFlags(), expected.flags);
    EXPECT_EQ(event.getDetail(), expected.detail);
  }
}

INSTANTIATE_TEST_SUITE_P(, ChunkSizeTest, testing::Values(0, 1, 2, chunk_capacity(4096)),
                         testing::PrintToStringParamName());

TEST(ChunkTest, IsLaidOutAsCapnProtoWouldLayItOut) {
  capnp::MallocMessageBuilder builder;
  auto expected = builder.initRoot<schema::Message>().initChunk();
  expected.setTask(7);
  expected.setCount(1);
  expected.setFirstIndex(12);
  expected.setLostBefore(3);
  auto event = expected.initEvents(1)[0];
  event.setTime(5);
  event.setOperation(static_cast<std::uint8_t>(Operation::kSend));
  const auto expected_words = capnp::messageToFlatArray(builder);
  const auto expected_bytes =
      std::as_bytes(std::span(expected_words.begin(), expected_words.size()));
  Buffer buffer(4096);

  Chunk& chunk = *make_chunk(buffer.bytes(), TaskId{7}, 12, 3);
  push(chunk, {.time = 5, .operation = Operation::kSend});
  const auto message = seal(chunk);

  EXPECT_THAT(std::vector(message.begin(), message.end()),
              testing::ElementsAreArray(expected_bytes.begin(), expected_bytes.end()));
}

TEST(ChunkTest, MayBeSealedAgainAsEventsCome) {
  Buffer buffer(4096);
  Chunk& chunk = *make_chunk(buffer.bytes(), TaskId{1}, 0, 0);

  for (std::uint32_t i = 0; i < 3; ++i) {
    push(chunk, event_number(i));
    auto reader = reader_of(seal(chunk));

    EXPECT_EQ(reader.getRoot<schema::Message>().getChunk().getEvents().size(), i + 1);
  }
}

TEST(ChunkTest, HoldsAsManyEventsAsFit) {
  EXPECT_EQ(chunk_capacity(4096), 125u);
  EXPECT_EQ(chunk_capacity(64 * 1024), 2045u);
  EXPECT_EQ(chunk_capacity(sizeof(Chunk) + sizeof(EventRecord)), 1u);
}

TEST(ChunkDeathTest, RefusesABufferForNothing) {
  Buffer buffer(sizeof(Chunk));

  EXPECT_DEATH(make_chunk(buffer.bytes(), TaskId{1}, 0, 0), "internal error");
}

}  // namespace
}  // namespace chantrace::detail
