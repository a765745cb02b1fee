#include "chantrace/trace.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <limits>

namespace chantrace {
namespace {

/// The element of `sorted`, which is ordered by its ids, that has this id.
template <typename Item, typename Id>
const Item* find_by_id(const std::vector<Item>& sorted, Id id) {
  const auto found = std::lower_bound(sorted.begin(), sorted.end(), id,
                                      [](const Item& item, Id wanted) { return item.id < wanted; });
  return found != sorted.end() && found->id == id ? &*found : nullptr;
}

std::uint64_t add_up_to_max(std::uint64_t left, std::uint64_t right) {
  return left > std::numeric_limits<std::uint64_t>::max() - right
             ? std::numeric_limits<std::uint64_t>::max()
             : left + right;
}

template <typename... Arguments>
std::string number_text(Arguments... arguments) {
  std::array<char, 64> digits{};
  const auto [end, error] =
      std::to_chars(digits.data(), digits.data() + digits.size(), arguments...);
  return error == std::errc{} ? std::string(digits.data(), end) : std::string("?");
}

std::string character_text(std::uint64_t bits) {
  constexpr std::uint64_t kFirstPrintable = 0x20;
  constexpr std::uint64_t kLastPrintable = 0x7e;
  if (bits >= kFirstPrintable && bits <= kLastPrintable)
    return {'\'', static_cast<char>(bits), '\''};
  return "character " + number_text(bits);
}

std::string format_bits(ValueFormat format, std::uint64_t bits, const std::string& type) {
  switch (format) {
    case ValueFormat::kOpaque:
      return type.empty() ? "?" : type;
    case ValueFormat::kSigned:
      return number_text(static_cast<std::int64_t>(bits));
    case ValueFormat::kUnsigned:
      return number_text(bits);
    case ValueFormat::kFloat:
      return number_text(std::bit_cast<float>(static_cast<std::uint32_t>(bits)));
    case ValueFormat::kDouble:
      return number_text(std::bit_cast<double>(bits));
    case ValueFormat::kBool:
      return bits != 0 ? "true" : "false";
    case ValueFormat::kCharacter:
      return character_text(bits);
    case ValueFormat::kPointer:
      return bits == 0 ? "nullptr" : "0x" + number_text(bits, 16);
    case ValueFormat::kText:
      break;
  }
  return number_text(bits);
}

}  // namespace

std::uint64_t Trace::events_count() const {
  std::uint64_t count = 0;
  for (const TaskStream& stream : streams) count += stream.events.size();
  return count;
}

std::uint64_t Trace::lost_count() const {
  std::uint64_t count = 0;
  for (const TaskStream& stream : streams)
    for (const Gap& gap : stream.gaps) count = add_up_to_max(count, gap.count);
  return count;
}

const TaskInfo* Trace::find_task(TaskId id) const { return find_by_id(tasks, id); }

const ObjectInfo* Trace::find_object(ObjectId id) const { return find_by_id(objects, id); }

const Site& Trace::site(SiteId id) const {
  static const Site kUnknown;
  const auto found = sites.find(to_number(id));
  return found != sites.end() ? found->second : kUnknown;
}

std::string TraceError::to_string() const {
  const std::string where = path.empty() ? "trace" : path;
  if (offset_bytes == 0) return where + ": " + reason;
  return where + ": at byte " + std::to_string(offset_bytes) + ": " + reason;
}

std::string format_value(const Trace& trace, const EventRecord& event) {
  if ((event.flags & kHasValue) == 0) return {};
  if ((event.flags & kValueIsText) != 0) {
    const auto found = trace.texts.find(event.value);
    return found != trace.texts.end() ? found->second
                                      : "text " + number_text(event.value) + ", missing";
  }

  const ObjectInfo* const object =
      is_on_task(event.operation) ? nullptr : trace.find_object(ObjectId{event.object});
  if (object == nullptr) return number_text(event.value);
  return format_bits(object->format, event.value, object->type);
}

}  // namespace chantrace
