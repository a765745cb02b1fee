#include "long_trace.h"

#include <algorithm>
#include <new>
#include <stdexcept>
#include <unordered_map>
#include <utility>

#include "analysis/stored_order.h"
#include "chantrace/detail/trace_window.h"
#include "interleaving.h"
#include "printable.h"
#include "trace/stored_trace.h"

namespace chantrace::view {
namespace {

using detail::StoredStream;
using detail::StoredTrace;
using detail::StreamCursors;
using detail::TraceWindow;

/// Items from one checkpoint to the next, which are read again to come to what is between: some
/// milliseconds.
constexpr std::uint64_t kCheckpointItems = 128 * 1024;
/// What all checkpoints take together, about.
constexpr std::uint64_t kCheckpointsBytes = 32 << 20;
/// Items behind the last step that come with it: those of tasks that were unwound.
constexpr std::uint64_t kUnwoundItemsMax = 1'000'000;

/// A record that is counted as a step.
bool is_step(const EventRecord& event) {
  return event.operation != Operation::kNone && !is_note(event.operation);
}

/// A place in the order of all items, and all that a part needs of what was before it.
struct Checkpoint {
  std::uint64_t items = 0;               ///< So many were before,
  std::uint64_t steps = 0;               ///< of which so many are steps.
  std::vector<std::uint64_t> positions;  ///< Items of each stream among them.
  TraceWindow past;
};

/// What is kept of the whole.
struct Index {
  explicit Index(StoredTrace opened)
      : stored(std::move(opened)),
        order(stored.streams().size()),
        lanes(make_lanes(stored.definitions())),
        levels(lanes.size(), stored.events_count()) {}

  std::optional<std::string> read();
  const Checkpoint& before(std::uint64_t step) const;

  StoredTrace stored;
  Trace names;          ///< What each part has of the definitions.
  StreamNumbers order;  ///< Of all items.
  std::vector<Lane> lanes;
  std::vector<std::uint32_t> lanes_of_streams;
  Levels levels;
  std::uint64_t steps_count = 0;
  std::uint64_t unwinding = 0;  ///< The first item that is about the end of the run.
  std::vector<Checkpoint> checkpoints;
  std::vector<std::vector<std::uint32_t>> objects_of_blocks;  ///< Ascending.
};

/// Makes the index of a trace while its items go by in their order.
class Indexer {
 public:
  explicit Indexer(Index& index)
      : index_(index),
        activities_(index.lanes.size()),
        taken_(index.stored.streams().size(), 0),
        cases_(index.stored.streams().size()) {
    const Trace& definitions = index.stored.definitions();
    for (const ObjectInfo& object : definitions.objects) past_.define_object(object);
  }

  void add(std::uint32_t stream, const EventRecord& item) {
    const std::uint64_t items = index_.order.size();
    if (items == next_checkpoint_) {
      index_.checkpoints.push_back({items, index_.steps_count, taken_, past_});
      const std::uint64_t size_bytes = past_.size_bytes() + taken_.size() * sizeof(taken_[0]);
      next_checkpoint_ += std::max(kCheckpointItems, index_.stored.events_count() / 1024 *
                                                         size_bytes / (kCheckpointsBytes / 1024));
    }
    index_.order.push_back(stream);
    ++taken_[stream];
    if (!is_unwound_) add_before_unwinding(stream, item);
    past_.pass(index_.stored.streams()[stream].task, item,
               is_unwound_ || !is_step(item) ? 0 : index_.steps_count);
  }

  void finish() {
    const std::uint64_t end = index_.steps_count + 1;
    for (Activity& activity : activities_) {
      if (!activity.goes_on()) continue;
      index_.lanes[activity.span().lane].last = end;
      index_.levels.add_span(activity.end_at(end, false));
    }
    if (!is_unwound_) index_.unwinding = index_.order.size();
    for (std::vector<std::uint32_t>& objects : index_.objects_of_blocks) std::ranges::sort(objects);
    index_.levels.finish(index_.steps_count, last_time_);
  }

 private:
  void add_before_unwinding(std::uint32_t stream, const EventRecord& item) {
    if (item.operation != Operation::kNone && outcome_of(item) == Outcome::kCancelled) {
      is_unwound_ = true;
      index_.unwinding = index_.order.size() - 1;
      return;
    }
    if (is_step(item)) ++index_.steps_count;
    note_objects(stream, item);
    if (!is_step(item)) return;
    const std::uint64_t step = index_.steps_count;
    const std::uint32_t lane = index_.lanes_of_streams[stream];
    Lane& made = index_.lanes[lane];
    if (made.first == 0) made.first = step;
    made.last = step;
    last_time_ = std::max(last_time_, item.time);
    index_.levels.add_step(lane, step, item.time);
    index_.levels.add_span(activities_[lane].add(lane, step, item));
  }

  /// Keeps which objects the step uses that `item` is; cases come before the select that they are
  /// of.
  void note_objects(std::uint32_t stream, const EventRecord& item) {
    std::vector<std::uint32_t>& cases = cases_[stream];
    if (item.operation == Operation::kSelectCase) cases.push_back(item.object);
    if (!is_step(item)) return;
    if (!is_on_task(item.operation)) note_object(item.object);
    for (const std::uint32_t object : cases) note_object(object);
    cases.clear();
  }

  void note_object(std::uint32_t object) {
    if (object == 0) return;
    const std::size_t block = (index_.steps_count - 1) / LongTrace::kBlockSteps;
    if (index_.objects_of_blocks.size() <= block) index_.objects_of_blocks.resize(block + 1);
    if (blocks_of_objects_.size() <= object) blocks_of_objects_.resize(object + std::size_t{1});
    if (std::exchange(blocks_of_objects_[object], block + 1) == block + 1) return;
    index_.objects_of_blocks[block].push_back(object);
  }

  Index& index_;
  std::vector<Activity> activities_;
  std::vector<std::uint64_t> taken_;
  std::vector<std::vector<std::uint32_t>> cases_;  ///< Objects of a select to come, by stream.
  /// By id, which are dense in what has an order: the block that an object was last noted in, and
  /// one; 0: none.
  std::vector<std::size_t> blocks_of_objects_;
  TraceWindow past_;
  std::uint64_t next_checkpoint_ = 0;
  std::uint64_t last_time_ = 0;
  bool is_unwound_ = false;
};

/// Gathers the items of a part, and what came before it.
class PartMaker {
 public:
  PartMaker(StoredTrace& stored, const Checkpoint& checkpoint)
      : stored_(stored),
        cursors_(stored),
        past_(checkpoint.past),
        items_(checkpoint.items),
        steps_(checkpoint.steps) {
    cursors_.move_to(checkpoint.positions);
  }

  /// Takes items until there are `to` steps, or `items_end`; those from the step `from` on are the
  /// part's.
  bool take(const StreamNumbers& order, std::uint64_t unwinding, std::uint64_t from,
            std::uint64_t to, std::uint64_t items_end) {
    for (; items_ < items_end; ++items_) {
      const std::uint32_t stream = order[items_];
      const EventRecord* const item = cursors_.head(stream);
      if (item == nullptr) return false;
      const bool is_counted = items_ < unwinding && is_step(*item);
      if (is_counted && steps_ == to) return true;
      if (is_counted) ++steps_;
      const TaskId task = stored_.streams()[stream].task;
      if (steps_ < from) {
        past_.pass(task, *item, is_counted ? steps_ : 0);
      } else {
        if (own_.empty()) keep_open();
        past_.add(task, *item);
        own_.push_back(stream);
        is_gap_.push_back(item->operation == Operation::kNone);
        if ((item->flags & kValueIsText) != 0 || item->operation == Operation::kTaskEnd)
          texts_.push_back(item->value);
      }
      cursors_.take(stream);
    }
    return true;
  }

  TracePart finish(Trace names) && {
    if (own_.empty()) keep_open();
    for (const std::uint64_t text : texts_) {
      const auto& all = stored_.definitions().texts;
      if (const auto found = all.find(text); found != all.end()) names.texts.insert(*found);
    }
    TracePart part;
    part.trace = std::move(past_).finish(std::move(names));
    put_in_order(part);
    return part;
  }

 private:
  /// What a task waits in when the part begins.
  struct Open {
    std::uint64_t number = 0;  ///< Of the step that began it.
    std::uint32_t stream = 0;
    std::vector<std::uint64_t> numbers;  ///< Of all its records; 0 for what is no step.
  };

  void keep_open() {
    for (std::uint32_t stream = 0; stream < stored_.streams().size(); ++stream) {
      std::vector<std::uint64_t> numbers = past_.open(stored_.streams()[stream].task);
      if (numbers.empty()) continue;
      open_.push_back({*std::ranges::max_element(numbers), stream, std::move(numbers)});
    }
    std::ranges::sort(open_, {}, &Open::number);
  }

  void put_in_order(TracePart& part) const {
    std::vector<std::uint32_t> streams(stored_.streams().size(), 0);
    for (std::uint32_t i = 0, at = 0; i < streams.size(); ++i) {
      const bool is_there = at < part.trace.streams.size() &&
                            part.trace.streams[at].task == stored_.streams()[i].task;
      streams[i] = at;
      if (is_there) ++at;
    }
    std::vector<std::uint32_t> next(part.trace.streams.size() + 1, 0);
    const auto add = [&](std::uint32_t stream) {
      part.order.places.push_back({streams[stream], next[streams[stream]]++});
    };
    for (const Open& open : open_)
      for (const std::uint64_t number : open.numbers) {
        add(open.stream);
        if (number != 0) part.begins.push_back(number);
      }
    for (std::size_t i = 0; i < own_.size(); ++i)
      if (!is_gap_[i]) add(own_[i]);
  }

  StoredTrace& stored_;
  StreamCursors cursors_;
  TraceWindow past_;
  std::uint64_t items_;
  std::uint64_t steps_;
  std::vector<Open> open_;
  std::vector<std::uint32_t> own_;  ///< Streams of the part's items,
  std::vector<bool> is_gap_;        ///< and which of those are no event.
  std::vector<std::uint64_t> texts_;
};

std::optional<std::string> Index::read() {
  make_printable(stored.definitions(), Charset::kUtf8);
  shorten_names(stored.definitions(), Charset::kUtf8);
  std::unordered_map<std::uint32_t, std::uint32_t> lanes_by_task;
  for (std::uint32_t lane = 0; lane < lanes.size(); ++lane)
    lanes_by_task.emplace(to_number(lanes[lane].task), lane);
  for (const StoredStream& stream : stored.streams()) {
    const auto lane = lanes_by_task.find(to_number(stream.task));
    if (lane == lanes_by_task.end()) return "it has events of a task that it does not define";
    lanes_of_streams.push_back(lane->second);
  }
  names.header = stored.definitions().header;
  names.tasks = stored.definitions().tasks;
  names.objects = stored.definitions().objects;
  names.sites = stored.definitions().sites;
  order.reserve(stored.events_count());
  Indexer indexer(*this);
  const auto problem = visit_in_order(
      stored, [&](std::uint32_t stream, const EventRecord& item) { indexer.add(stream, item); });
  if (problem) return problem;
  indexer.finish();
  return std::nullopt;
}

/// The last one that has no more than the steps before `step`.
const Checkpoint& Index::before(std::uint64_t step) const {
  const auto behind = std::upper_bound(
      checkpoints.begin(), checkpoints.end(), step,
      [](std::uint64_t wanted, const Checkpoint& one) { return wanted <= one.steps; });
  return *std::prev(behind);
}

}  // namespace

struct LongTrace::Impl : Index {
  using Index::Index;
};

Result<LongTrace, TraceError> LongTrace::open(const std::filesystem::path& path,
                                              const ReadLimits& limits) try {
  auto stored = StoredTrace::open(path, limits);
  if (!stored.has_value()) return stored.error();
  auto impl = std::make_unique<Impl>(std::move(stored).value());
  if (const auto problem = impl->read())
    return TraceError{path.string(), 0, *problem + detail::kRecoverAdvice};
  return LongTrace(std::move(impl));
} catch (const std::bad_alloc&) {
  return TraceError{path.string(), 0, "there is not enough memory to read the trace"};
} catch (const std::length_error&) {
  return TraceError{path.string(), 0, "there is not enough memory to read the trace"};
}

LongTrace::LongTrace(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LongTrace::LongTrace(LongTrace&&) noexcept = default;
LongTrace& LongTrace::operator=(LongTrace&&) noexcept = default;
LongTrace::~LongTrace() = default;

const Trace& LongTrace::definitions() const { return impl_->stored.definitions(); }
std::uint64_t LongTrace::steps_count() const { return impl_->steps_count; }
const std::vector<Lane>& LongTrace::lanes() const { return impl_->lanes; }
const Levels& LongTrace::levels() const { return impl_->levels; }

bool LongTrace::uses(std::uint64_t block, ObjectId object) const {
  return block < impl_->objects_of_blocks.size() &&
         std::ranges::binary_search(impl_->objects_of_blocks[block], to_number(object));
}

std::optional<TracePart> LongTrace::part(std::uint64_t from, std::uint64_t to) {
  const std::uint64_t count = impl_->steps_count;
  from = std::clamp<std::uint64_t>(from, 1, std::max<std::uint64_t>(count, 1));
  to = std::clamp(to, from, std::max(count, from));
  if (impl_->checkpoints.empty()) return TracePart{};
  PartMaker maker(impl_->stored, impl_->before(from));
  // With the last step comes all that is behind it.
  const bool is_to_end = to >= count;
  if (!maker.take(
          impl_->order, impl_->unwinding, from, is_to_end ? UINT64_MAX : to,
          std::min<std::uint64_t>(impl_->order.size(), impl_->unwinding + kUnwoundItemsMax)))
    return std::nullopt;
  Trace names = impl_->names;
  if (is_to_end) names.end = impl_->stored.definitions().end;
  TracePart part = std::move(maker).finish(std::move(names));
  part.first = from;
  part.last = std::min(to, count);
  return part;
}

}  // namespace chantrace::view
