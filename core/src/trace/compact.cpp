#include "compact.h"

#include <zstd.h>

#include <array>
#include <cstring>

#include "chantrace/detail/assert.h"

namespace chantrace::detail {
namespace {

// An event is predicted from the last one of its shape (object, site, operation and flags), of
// which a task has few, and from the last sequence number of its object. What remains is small.

constexpr std::size_t kShapesMax = 255;
constexpr std::uint8_t kNewShape = 255;
constexpr std::size_t kShapeBytes = 10;
constexpr std::size_t kControlBytes = 2;

// Widths in bytes by the two bits that each field has in the second control byte. The value 3 of a
// detail is not used.
constexpr std::array<std::uint8_t, 4> kTimeWidths = {1, 2, 3, 8};
constexpr std::array<std::uint8_t, 4> kSequenceWidths = {0, 1, 2, 4};
constexpr std::array<std::uint8_t, 4> kValueWidths = {0, 1, 4, 8};
constexpr std::array<std::uint8_t, 4> kDetailWidths = {0, 1, 2, 0};
constexpr unsigned kSequenceShift = 2;
constexpr unsigned kValueShift = 4;
constexpr unsigned kDetailShift = 6;
constexpr unsigned kDetailUnused = 3;

static_assert(kCompactEventBytesMin == kControlBytes + kTimeWidths[0]);
static_assert(kCompactEventBytesMax == kControlBytes + kShapeBytes + 8 + 4 + 8 + 2);
static_assert(kCompactPaddingBytes >= kCompactEventBytesMax + sizeof(std::uint64_t));

struct Shape {
  std::uint32_t object = 0;
  std::uint32_t site = 0;
  Operation operation = Operation::kNone;
  std::uint8_t flags = 0;
  // The last event of this shape.
  std::uint16_t detail = 0;
  std::uint64_t value = 0;
  std::uint64_t value_step = 0;  ///< How much `value` differed from the one before.
};

/// What is known from the events so far, the same to the one who writes and the one who reads.
struct Context {
  std::array<Shape, kShapesMax> shapes;
  std::size_t next_shape = 0;
  /// The last sequence number of an object, by the low bits of its id.
  std::array<std::uint32_t, 256> sequences{};
  std::uint64_t time = 0;

  std::uint32_t& sequence_of(std::uint32_t object) { return sequences[object % sequences.size()]; }

  Shape& add_shape() {
    Shape& shape = shapes[next_shape];
    next_shape = (next_shape + 1) % kShapesMax;
    return shape;
  }
};

/// Objects that do not count their events stay at 0.
std::uint32_t expected_sequence(std::uint32_t last) { return last + (last != 0 ? 1 : 0); }

std::uint64_t zigzag(std::uint64_t difference) {
  return (difference << 1) ^ (0 - (difference >> 63));
}
std::uint64_t unzigzag(std::uint64_t bits) { return (bits >> 1) ^ (0 - (bits & 1)); }

std::uint16_t zigzag_16(std::uint16_t difference) {
  return static_cast<std::uint16_t>((difference << 1) ^ (difference >> 15 != 0 ? 0xffff : 0));
}
std::uint16_t unzigzag_16(std::uint16_t bits) {
  return static_cast<std::uint16_t>((bits >> 1) ^ ((bits & 1) != 0 ? 0xffff : 0));
}

std::uint64_t load_word(const std::byte* from) {
  std::uint64_t word = 0;
  std::memcpy(&word, from, sizeof word);
  return word;
}

void store_word(std::byte* to, std::uint64_t word) { std::memcpy(to, &word, sizeof word); }

/// Where the fields stand behind the control bytes and the shape, by the second control byte.
struct Layout {
  std::uint8_t sequence_offset = 0;
  std::uint8_t value_offset = 0;
  std::uint8_t detail_offset = 0;
  std::uint8_t bytes = 0;
};

constexpr std::array<Layout, 256> kLayouts = [] {
  std::array<Layout, 256> layouts{};
  for (unsigned control = 0; control < layouts.size(); ++control) {
    unsigned offset = kTimeWidths[control % 4];
    layouts[control].sequence_offset = static_cast<std::uint8_t>(offset);
    offset += kSequenceWidths[(control >> kSequenceShift) % 4];
    layouts[control].value_offset = static_cast<std::uint8_t>(offset);
    offset += kValueWidths[(control >> kValueShift) % 4];
    layouts[control].detail_offset = static_cast<std::uint8_t>(offset);
    offset += kDetailWidths[(control >> kDetailShift) % 4];
    layouts[control].bytes = static_cast<std::uint8_t>(offset);
  }
  return layouts;
}();

constexpr std::array<std::uint64_t, 4> masks_of(std::array<std::uint8_t, 4> widths) {
  std::array<std::uint64_t, 4> masks{};
  for (std::size_t i = 0; i < masks.size(); ++i)
    masks[i] = widths[i] == 8 ? ~0ull : (1ull << (8 * widths[i])) - 1;
  return masks;
}

constexpr auto kTimeMasks = masks_of(kTimeWidths);
constexpr auto kSequenceMasks = masks_of(kSequenceWidths);
constexpr auto kValueMasks = masks_of(kValueWidths);
constexpr auto kDetailMasks = masks_of(kDetailWidths);

/// The first of the widths that `bits` fits in. Counts the ones that are too small.
unsigned width_code(std::uint64_t bits, const std::array<std::uint64_t, 4>& masks) {
  return static_cast<unsigned>(bits > masks[0]) + static_cast<unsigned>(bits > masks[1]) +
         static_cast<unsigned>(bits > masks[2]);
}

/// Finds the number that a shape has, in most cases at once.
class ShapeFinder {
 public:
  ShapeFinder() { slots_.fill(kNewShape); }

  /// The number of the shape of `event`, or `kNewShape`, and then it is the next one added.
  std::uint8_t find_or_add(const EventRecord& event, Context& context) {
    std::uint8_t& slot = slots_[hash(event)];
    if (slot != kNewShape && has_shape(event, context.shapes[slot])) return slot;
    slot = static_cast<std::uint8_t>(context.next_shape);
    return kNewShape;
  }

 private:
  static std::size_t hash(const EventRecord& event) {
    const std::uint64_t place = std::uint64_t{event.object} << 32 | event.site;
    const std::uint64_t kind = static_cast<std::uint64_t>(event.operation) << 8 | event.flags;
    return static_cast<std::size_t>((place ^ kind << 17) * 0x9e3779b97f4a7c15 >> 54);
  }

  static bool has_shape(const EventRecord& event, const Shape& shape) {
    return event.object == shape.object && event.site == shape.site &&
           event.operation == shape.operation && event.flags == shape.flags;
  }

  std::array<std::uint8_t, 1024> slots_;
};

}  // namespace

void compact(std::span<const EventRecord> events, std::vector<std::byte>& bytes) {
  // Stores go by whole words, so some room behind the last one is needed.
  bytes.resize(events.size() * kCompactEventBytesMax + sizeof(std::uint64_t));
  std::byte* to = bytes.data();
  Context context;
  ShapeFinder finder;

  for (const EventRecord& event : events) {
    const std::uint8_t number = finder.find_or_add(event, context);
    std::byte* field = to + kControlBytes;
    Shape* shape = nullptr;
    if (number == kNewShape) {
      shape = &context.add_shape();
      *shape = {event.object, event.site, event.operation, event.flags, 0, 0, 0};
      std::memcpy(field, &event.object, sizeof event.object);
      std::memcpy(field + 4, &event.site, sizeof event.site);
      field[8] = static_cast<std::byte>(event.operation);
      field[9] = static_cast<std::byte>(event.flags);
      field += kShapeBytes;
    } else {
      shape = &context.shapes[number];
    }

    std::uint32_t& last_sequence = context.sequence_of(event.object);
    const std::uint64_t time = event.time - context.time;
    const std::uint64_t sequence = event.sequence - expected_sequence(last_sequence);
    const std::uint64_t value = zigzag(event.value - shape->value - shape->value_step);
    const std::uint64_t detail =
        zigzag_16(static_cast<std::uint16_t>(event.detail - shape->detail));

    const unsigned control = width_code(time, kTimeMasks) |
                             width_code(static_cast<std::uint32_t>(sequence), kSequenceMasks)
                                 << kSequenceShift |
                             width_code(value, kValueMasks) << kValueShift |
                             width_code(detail, kDetailMasks) << kDetailShift;
    const Layout& layout = kLayouts[control];
    to[0] = static_cast<std::byte>(number);
    to[1] = static_cast<std::byte>(control);
    store_word(field, time);
    store_word(field + layout.sequence_offset, sequence);
    store_word(field + layout.value_offset, value);
    store_word(field + layout.detail_offset, detail);
    to = field + layout.bytes;

    context.time = event.time;
    last_sequence = event.sequence;
    shape->value_step = event.value - shape->value;
    shape->value = event.value;
    shape->detail = event.detail;
  }
  bytes.resize(static_cast<std::size_t>(to - bytes.data()));
}

bool expand(std::span<const std::byte> padded, std::span<EventRecord> events) {
  CHANTRACE_ASSERT(padded.size() >= kCompactPaddingBytes);
  const std::byte* from = padded.data();
  const std::byte* const end = from + (padded.size() - kCompactPaddingBytes);
  Context context;
  std::size_t shapes_count = 0;

  for (EventRecord& event : events) {
    // One check an event is enough: none is longer than the padding.
    if (from >= end) return false;
    const auto number = static_cast<std::uint8_t>(from[0]);
    const auto control = static_cast<std::uint8_t>(from[1]);
    if (control >> kDetailShift == kDetailUnused) return false;
    const std::byte* field = from + kControlBytes;
    Shape* shape = nullptr;
    if (number == kNewShape) {
      shape = &context.add_shape();
      if (shapes_count < kShapesMax) ++shapes_count;
      *shape = {};
      std::memcpy(&shape->object, field, sizeof shape->object);
      std::memcpy(&shape->site, field + 4, sizeof shape->site);
      shape->operation = static_cast<Operation>(field[8]);
      shape->flags = static_cast<std::uint8_t>(field[9]);
      field += kShapeBytes;
    } else {
      if (number >= shapes_count) return false;
      shape = &context.shapes[number];
    }

    const Layout& layout = kLayouts[control];
    const std::uint64_t time = load_word(field) & kTimeMasks[control % 4];
    const std::uint64_t sequence =
        load_word(field + layout.sequence_offset) & kSequenceMasks[(control >> kSequenceShift) % 4];
    const std::uint64_t value =
        load_word(field + layout.value_offset) & kValueMasks[(control >> kValueShift) % 4];
    const std::uint64_t detail =
        load_word(field + layout.detail_offset) & kDetailMasks[control >> kDetailShift];
    from = field + layout.bytes;

    context.time += time;
    std::uint32_t& last_sequence = context.sequence_of(shape->object);
    last_sequence = expected_sequence(last_sequence) + static_cast<std::uint32_t>(sequence);
    shape->value_step += unzigzag(value);
    shape->value += shape->value_step;
    shape->detail =
        static_cast<std::uint16_t>(shape->detail + unzigzag_16(static_cast<std::uint16_t>(detail)));
    event.time = context.time;
    event.value = shape->value;
    event.object = shape->object;
    event.sequence = last_sequence;
    event.site = shape->site;
    event.operation = shape->operation;
    event.flags = shape->flags;
    event.detail = shape->detail;
  }
  return from == end;
}

struct Compressor::Context {
  std::unique_ptr<ZSTD_CCtx, std::size_t (*)(ZSTD_CCtx*)> zstd{ZSTD_createCCtx(), &ZSTD_freeCCtx};
};

Compressor::Compressor() : context_(std::make_unique<Context>()) {}
Compressor::~Compressor() = default;

void Compressor::compress(std::span<const std::byte> bytes, std::size_t bytes_min,
                          std::vector<std::byte>& compressed) {
  // Source: RFC 8878, skippable frames: a magic number, a size, and content that is passed over.
  constexpr std::uint32_t kSkippableMagic = 0x184D2A50;
  constexpr std::size_t kSkippableHeaderBytes = 8;
  constexpr int kLevel = 1;

  compressed.resize(ZSTD_compressBound(bytes.size()));
  const std::size_t made = ZSTD_compressCCtx(context_->zstd.get(), compressed.data(),
                                             compressed.size(), bytes.data(), bytes.size(), kLevel);
  CHANTRACE_ASSERT(!ZSTD_isError(made));
  compressed.resize(made);
  if (made >= bytes_min) return;

  const std::size_t missing = bytes_min - made;
  const auto filling = static_cast<std::uint32_t>(
      missing > kSkippableHeaderBytes ? missing - kSkippableHeaderBytes : 0);
  compressed.resize(made + kSkippableHeaderBytes + filling);
  std::memcpy(compressed.data() + made, &kSkippableMagic, sizeof kSkippableMagic);
  std::memcpy(compressed.data() + made + 4, &filling, sizeof filling);
}

struct Decompressor::Context {
  std::unique_ptr<ZSTD_DCtx, std::size_t (*)(ZSTD_DCtx*)> zstd{ZSTD_createDCtx(), &ZSTD_freeDCtx};
};

Decompressor::Decompressor() : context_(std::make_unique<Context>()) {}
Decompressor::~Decompressor() = default;

bool Decompressor::decompress(std::span<const std::byte> compressed, std::span<std::byte> bytes) {
  const std::size_t made = ZSTD_decompressDCtx(context_->zstd.get(), bytes.data(), bytes.size(),
                                               compressed.data(), compressed.size());
  return !ZSTD_isError(made) && made == bytes.size();
}

}  // namespace chantrace::detail
