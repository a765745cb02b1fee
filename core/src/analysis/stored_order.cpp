// The merge of order.cpp without the events by object: what is the next of an object follows from
// its sequence numbers alone, once it is known which there are. Nearly always they are all there,
// which a first pass finds out with a few numbers for each object; only those with holes are looked
// at more closely.

#include "stored_order.h"

#include <algorithm>
#include <limits>
#include <unordered_map>
#include <utility>

namespace chantrace {
namespace {

using detail::StoredStream;
using detail::StoredTrace;
using detail::StreamCursors;

constexpr std::uint32_t kNoKey = std::numeric_limits<std::uint32_t>::max();
/// Ids of a sound trace are dense: no more of them than so many for each that is defined.
constexpr std::uint64_t kIdsPerDefinition = 16;
constexpr std::uint64_t kIdsMin = 1 << 16;
constexpr std::uint64_t kIdsMax = 1 << 28;
/// Sequence numbers of one object that are looked at for holes.
constexpr std::uint64_t kHolesSpanMax = 1ull << 31;

/// Sequence numbers that are not there.
struct Hole {
  std::uint32_t first = 0;
  std::uint32_t count = 0;
};

/// What is known of the sequence of an object or of a task's own events.
struct Sequence {
  std::uint32_t first = std::numeric_limits<std::uint32_t>::max();
  std::uint32_t last = 0;
  std::uint64_t count = 0;
  std::uint64_t sum = 0;
  std::uint32_t next = 0;  ///< The one that may be taken.

  std::uint64_t span() const { return std::uint64_t{last} - first + 1; }
  /// Each number between the first and the last is there once, as far as a sum tells.
  bool is_whole() const {
    return count == span() && sum == (std::uint64_t{first} + last) * count / 2;
  }
};

class StoredMerge {
 public:
  using Visit = std::function<void(std::uint32_t, const EventRecord&)>;

  StoredMerge(StoredTrace& trace, const Visit& visit)
      : trace_(trace), visit_(visit), cursors_(trace) {}

  std::optional<std::string> run() {
    for (const ObjectInfo& object : trace_.definitions().objects)
      objects_max_ = std::max(objects_max_, to_number(object.id));
    for (const TaskInfo& task : trace_.definitions().tasks)
      tasks_max_ = std::max(tasks_max_, to_number(task.id));
    const std::uint64_t defined =
        trace_.definitions().objects.size() + trace_.definitions().tasks.size();
    if (std::uint64_t{objects_max_} + tasks_max_ >
        std::min(kIdsMax, kIdsMin + kIdsPerDefinition * defined))
      return "its ids are too large";
    sequences_.resize(std::size_t{objects_max_} + tasks_max_ + 2);
    if (auto problem = count()) return problem;
    if (auto problem = find_holes()) return problem;
    for (Sequence& sequence : sequences_) sequence.next = sequence.first;
    return merge();
  }

 private:
  struct Ready {
    std::uint64_t time;
    bool is_unwound;  ///< See order.cpp.
    std::uint32_t stream;
    auto operator<=>(const Ready&) const = default;
  };

  /// `kNoKey`: no sequence orders the event. One that is not defined: out of range.
  std::uint32_t key_of(const EventRecord& event) const {
    if (event.sequence == 0 || event.object == 0) return kNoKey;
    if (is_on_task(event.operation))
      return event.object <= tasks_max_ ? objects_max_ + 1 + event.object : kNoKey - 1;
    return event.object <= objects_max_ ? event.object : kNoKey - 1;
  }

  /// Calls `use` with the key and the sequence number of each event that has them.
  template <typename Use>
  std::optional<std::string> for_each_key(const Use& use) {
    // In the order of the file, which is read fastest.
    std::vector<const detail::StoredChunk*> chunks;
    for (const StoredStream& stream : trace_.streams())
      for (const detail::StoredChunk& chunk : stream.chunks) chunks.push_back(&chunk);
    std::ranges::sort(chunks, {}, &detail::StoredChunk::offset_bytes);
    std::vector<EventRecord> items;
    for (const detail::StoredChunk* const chunk : chunks) {
      if (!trace_.read(*chunk, items)) return "it is damaged";
      for (const EventRecord& event : items) {
        const std::uint32_t key = key_of(event);
        if (key == kNoKey) continue;
        if (key == kNoKey - 1) return "it has events of an object that it does not define";
        use(key, event.sequence);
      }
    }
    return std::nullopt;
  }

  std::optional<std::string> count() {
    return for_each_key([&](std::uint32_t key, std::uint32_t number) {
      Sequence& sequence = sequences_[key];
      sequence.first = std::min(sequence.first, number);
      sequence.last = std::max(sequence.last, number);
      ++sequence.count;
      sequence.sum += number;
    });
  }

  /// Of objects whose numbers are not all there: which are.
  std::optional<std::string> find_holes() {
    std::unordered_map<std::uint32_t, std::vector<bool>> seen;
    std::uint64_t span = 0;
    for (std::uint32_t key = 0; key < sequences_.size(); ++key) {
      const Sequence& sequence = sequences_[key];
      if (sequence.count == 0 || sequence.is_whole()) continue;
      span += sequence.span();
      // A bit for each, in proportion to what the file has.
      if (span > std::min(kHolesSpanMax, 64 * (trace_.events_count() + 1024)))
        return "too many of its events are missing";
      seen[key].resize(sequence.span());
    }
    if (seen.empty()) return std::nullopt;
    bool is_twice = false;
    auto problem = for_each_key([&](std::uint32_t key, std::uint32_t number) {
      const auto found = seen.find(key);
      if (found == seen.end()) return;
      auto bit = found->second[number - sequences_[key].first];
      is_twice |= bit;
      bit = true;
    });
    if (problem) return problem;
    if (is_twice) return "it contradicts itself: two events have the same place";
    for (const auto& [key, bits] : seen) {
      std::vector<Hole>& holes = holes_[key];
      for (auto bit = std::find(bits.begin(), bits.end(), false); bit != bits.end();) {
        const auto end = std::find(bit, bits.end(), true);
        holes.push_back({sequences_[key].first + static_cast<std::uint32_t>(bit - bits.begin()),
                         static_cast<std::uint32_t>(end - bit)});
        bit = std::find(end, bits.end(), false);
      }
    }
    return std::nullopt;
  }

  std::uint32_t behind(std::uint32_t key, std::uint32_t number) const {
    const auto holes = holes_.empty() ? holes_.end() : holes_.find(key);
    if (holes == holes_.end()) return number + 1;
    const auto hole =
        std::lower_bound(holes->second.begin(), holes->second.end(), number + 1,
                         [](const Hole& left, std::uint32_t right) { return left.first < right; });
    return hole != holes->second.end() && hole->first == number + 1 ? number + 1 + hole->count
                                                                    : number + 1;
  }

  static std::uint64_t name_of(std::uint32_t key, std::uint32_t number) {
    return std::uint64_t{key} << 32 | number;
  }

  void offer(std::uint32_t stream) {
    const EventRecord* const head = cursors_.head(stream);
    if (head == nullptr) return;
    const std::uint32_t key = key_of(*head);
    if (key != kNoKey && sequences_[key].next != head->sequence) {
      waiting_[name_of(key, head->sequence)] = stream;
      return;
    }
    ready_.push_back({head->time, outcome_of(*head) == Outcome::kCancelled, stream});
    std::push_heap(ready_.begin(), ready_.end(), later);
  }
  static bool later(const Ready& left, const Ready& right) { return right < left; }

  void take(std::uint32_t stream) {
    const EventRecord* const head = cursors_.head(stream);
    visit_(stream, *head);
    const std::uint32_t key = key_of(*head);
    const std::uint32_t number = head->sequence;
    cursors_.take(stream);
    ++taken_;
    if (key != kNoKey) {
      const std::uint32_t next = sequences_[key].next = behind(key, number);
      if (const auto released = waiting_.find(name_of(key, next)); released != waiting_.end()) {
        const std::uint32_t other = released->second;
        waiting_.erase(released);
        offer(other);
      }
    }
    offer(stream);
  }

  std::optional<std::string> merge() {
    std::uint64_t items_count = 0;
    for (std::uint32_t stream = 0; stream < trace_.streams().size(); ++stream) {
      items_count += trace_.streams()[stream].items_count;
      offer(stream);
    }
    while (!ready_.empty()) {
      std::pop_heap(ready_.begin(), ready_.end(), later);
      const std::uint32_t stream = ready_.back().stream;
      ready_.pop_back();
      take(stream);
    }
    if (cursors_.is_broken()) return "it is damaged";
    if (taken_ < items_count) return "it contradicts itself: events come before each other";
    return std::nullopt;
  }

  StoredTrace& trace_;
  const Visit& visit_;
  StreamCursors cursors_;
  std::uint32_t objects_max_ = 0;
  std::uint32_t tasks_max_ = 0;
  std::vector<Sequence> sequences_;  ///< Of objects by id, then of tasks by id.
  std::unordered_map<std::uint32_t, std::vector<Hole>> holes_;  ///< By key, ascending.
  std::unordered_map<std::uint64_t, std::uint32_t> waiting_;    ///< Streams by what their head is.
  std::vector<Ready> ready_;
  std::uint64_t taken_ = 0;
};

}  // namespace

std::optional<std::string> visit_in_order(
    StoredTrace& trace,
    const std::function<void(std::uint32_t stream, const EventRecord& item)>& visit) {
  return StoredMerge(trace, visit).run();
}

}  // namespace chantrace
