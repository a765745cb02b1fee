// Damages traces in ten thousand ways; a reader may say that they are damaged, and nothing else.
// The sanitizers see what a crash would not show.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <sys/resource.h>

#include <cstring>
#include <random>
#include <span>
#include <vector>

#include "chantrace/detail/spool.h"
#include "chantrace/trace.h"
#include "recording.h"
#include "support/trace_generators.h"

namespace chantrace {
namespace {

using Bytes = std::vector<std::byte>;
using Random = std::mt19937_64;

std::size_t below(Random& random, std::size_t limit) { return random() % limit; }

/// The trace as a recorder would write it: events in chunks, a definition each message.
Bytes to_recorded_bytes(const Trace& trace) {
  Bytes bytes;
  const auto append = [&bytes](std::span<const std::byte> message) {
    bytes.insert(bytes.end(), message.begin(), message.end());
  };
  append(detail::encode_header(trace.header));
  for (const TaskInfo& task : trace.tasks) append(detail::encode_task(task));
  for (const ObjectInfo& object : trace.objects) append(detail::encode_object(object));
  for (const TaskStream& stream : trace.streams) {
    constexpr std::size_t kChunkEvents = 7;
    for (std::size_t first = 0; first < stream.events.size(); first += kChunkEvents) {
      std::vector<std::uint64_t> memory(sizeof(detail::Chunk) / 8 + 4 * kChunkEvents);
      auto& chunk =
          *detail::make_chunk(std::as_writable_bytes(std::span(memory)), stream.task, first, 0);
      const std::size_t count = std::min(kChunkEvents, stream.events.size() - first);
      std::memcpy(chunk.events(), stream.events.data() + first, count * sizeof(EventRecord));
      chunk.count.store(static_cast<std::uint32_t>(count));
      append(detail::seal(chunk));
    }
  }
  for (const auto& [id, text] : trace.texts) append(detail::encode_text(id, text));
  append(detail::encode_modules(trace.modules));
  if (trace.end) append(detail::encode_end(*trace.end));
  return bytes;
}

// Whole words and halves are where the format keeps its lengths, counts and pointers.
template <typename Number>
void change_number(Bytes& bytes, Random& random) {
  if (bytes.size() < sizeof(Number)) return;
  const std::size_t offset = below(random, bytes.size() / sizeof(Number)) * sizeof(Number);
  Number number{};
  std::memcpy(&number, bytes.data() + offset, sizeof number);
  switch (below(random, 7)) {
    case 0:
      number = 0;
      break;
    case 1:
      number = static_cast<Number>(~Number{});
      break;
    case 2:
      ++number;
      break;
    case 3:
      --number;
      break;
    case 4:
      number = static_cast<Number>(number << below(random, 8 * sizeof number));
      break;
    case 5:
      number = static_cast<Number>(random());
      break;
    default:
      number = static_cast<Number>(number ^ Number{1} << below(random, 8 * sizeof number));
  }
  std::memcpy(bytes.data() + offset, &number, sizeof number);
}

void flip_bits(Bytes& bytes, Random& random) {
  for (std::size_t i = 0; i <= below(random, 8); ++i)
    bytes[below(random, bytes.size())] ^= std::byte{1} << below(random, 8);
}

void cut(Bytes& bytes, Random& random) { bytes.resize(below(random, bytes.size()) + 1); }

/// A part moves over another one, out of the same trace or of another.
void splice(Bytes& bytes, const Bytes& other, Random& random) {
  const std::size_t to = below(random, bytes.size()) / 8 * 8;
  const std::size_t from = below(random, other.size()) / 8 * 8;
  const std::size_t size = std::min(other.size() - from, 8 + below(random, 512) / 8 * 8);
  const auto begin = other.begin() + static_cast<std::ptrdiff_t>(from);
  const Bytes part(begin, begin + static_cast<std::ptrdiff_t>(size));
  const auto at = bytes.begin() + static_cast<std::ptrdiff_t>(to);
  if (below(random, 2) == 0) {
    bytes.insert(at, part.begin(), part.end());
  } else {
    std::copy_n(part.begin(), std::min(part.size(), bytes.size() - to), at);
  }
}

void mutate(Bytes& bytes, const Bytes& other, Random& random) {
  for (std::size_t i = 0; i <= below(random, 4); ++i) {
    switch (below(random, 7)) {
      case 0:
        flip_bits(bytes, random);
        break;
      case 1:
        cut(bytes, random);
        break;
      case 2:
        splice(bytes, other, random);
        break;
      case 3:
        change_number<std::uint8_t>(bytes, random);
        break;
      case 4:
        change_number<std::uint16_t>(bytes, random);
        break;
      case 5:
        change_number<std::uint32_t>(bytes, random);
        break;
      default:
        change_number<std::uint64_t>(bytes, random);
    }
  }
}

/// Keeps the header whole in most cases, since without it nothing else is read.
void mutate_behind_header(Bytes& bytes, const Bytes& other, std::size_t header_bytes,
                          Random& random) {
  if (below(random, 10) == 0) return mutate(bytes, other, random);
  const auto behind_header = std::span(bytes).subspan(header_bytes);
  if (behind_header.empty()) return;
  Bytes rest(behind_header.begin(), behind_header.end());
  mutate(rest, other, random);
  bytes.resize(header_bytes);
  bytes.insert(bytes.end(), rest.begin(), rest.end());
}

std::size_t first_message_bytes(const Bytes& bytes) {
  std::uint32_t words = 0;
  std::memcpy(&words, bytes.data() + 4, sizeof words);
  return std::min(bytes.size(), std::size_t{8} + 8 * std::size_t{words});
}

TEST(MutationTest, DamagedTracesAreReadOrRefused) {
  constexpr int kTraces = 100;
  constexpr int kMutationsOfEach = 100;
  Random random(7);
  const auto traces = rc::gen::arbitrary<Trace>();
  Bytes other(64);
  std::uint64_t read_count = 0;
  std::uint64_t with_events = 0;
  for (int i = 0; i < kTraces; ++i) {
    const Trace trace = traces(rc::Random(static_cast<std::uint64_t>(i)), 30).value();
    const Bytes whole = i % 2 == 0 ? to_bytes(trace) : to_recorded_bytes(trace);
    ASSERT_TRUE(from_bytes(whole).has_value());
    for (int j = 0; j < kMutationsOfEach; ++j) {
      Bytes bytes = whole;
      mutate_behind_header(bytes, other, first_message_bytes(whole), random);

      const auto read = from_bytes(bytes);

      if (!read.has_value()) {
        EXPECT_FALSE(read.error().reason.empty());
        continue;
      }
      ++read_count;
      if (read.value().events_count() > 0) ++with_events;
      EXPECT_LE(read.value().events_count(), bytes.size());
      analyze(read.value());
      // What was read is a trace as good as any.
      const auto again = from_bytes(to_bytes(read.value()));
      ASSERT_TRUE(again.has_value());
      Trace expected = read.value();
      expected.warnings.clear();
      ASSERT_EQ(again.value(), expected);
    }
    other = whole;
  }

  // Otherwise the mutations would test the first check alone.
  EXPECT_GT(read_count, 7000u);
  EXPECT_GT(with_events, 5000u);
}

TEST(MutationTest, ALargeFileOfTrapsIsReadInLinearTime) {
  // Each message claims all that follows it, and is damaged.
  const Bytes header = detail::encode_header(test_header());
  const Bytes trap = detail::encode_task({.id = TaskId{1}, .label = std::string(40, 'x')});
  constexpr std::size_t kTraps = 50'000;
  const std::size_t start = header.size();
  Bytes bytes(start + kTraps * trap.size());
  std::copy(header.begin(), header.end(), bytes.begin());
  for (std::size_t i = 0; i < kTraps; ++i)
    std::copy(trap.begin(), trap.end(),
              bytes.begin() + static_cast<std::ptrdiff_t>(start + i * trap.size()));
  for (std::size_t i = 0; i < kTraps; ++i) {
    const std::size_t offset = start + i * trap.size();
    const auto words = static_cast<std::uint32_t>((bytes.size() - offset) / 8 - 1 - i % 3);
    std::memcpy(bytes.data() + offset + 4, &words, sizeof words);
    const std::uint32_t far_away = 0xfffffffc;
    std::memcpy(bytes.data() + offset + 24, &far_away, sizeof far_away);
  }

  // In quadratic time this would run into the time limit of the test.
  EXPECT_TRUE(from_bytes(bytes).has_value());
}

}  // namespace
}  // namespace chantrace
