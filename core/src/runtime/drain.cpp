#include "drain.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <limits>
#include <span>
#include <utility>

#include "runtime.h"

namespace chantrace::detail {
namespace {

/// How often the drain looks for new events: often enough to follow by eye.
constexpr std::chrono::milliseconds kPollInterval{5};
/// How long sinks may take to get what is left at the end.
constexpr std::chrono::seconds kClosePatience{5};
/// Events looked up and delivered at a time.
constexpr std::size_t kBatch = 1'024;

}  // namespace

std::shared_ptr<Drain> Drain::create(const TraceHeader& header,
                                     std::vector<std::shared_ptr<Sink>> sinks,
                                     const QueueOptions& queue) {
  std::shared_ptr<Drain> drain(new Drain(header, std::move(sinks), queue));
  std::thread thread = start_known_thread([drain] { drain->run(); });
  {
    const std::lock_guard lock(drain->mutex_);
    drain->thread_id_ = thread.get_id();
  }
  thread.detach();
  return drain;
}

Drain::Drain(const TraceHeader& header, std::vector<std::shared_ptr<Sink>> sinks,
             const QueueOptions& queue)
    : sinks_(std::move(sinks)), queue_(queue) {
  names_.header = header;
}

void Drain::define_task(const TaskInfo& info) {
  const std::lock_guard lock(mutex_);
  tasks_[to_number(info.id)] = info;
}

void Drain::define_object(const ObjectInfo& info) {
  const std::lock_guard lock(mutex_);
  objects_[to_number(info.id)] = info;
  past_.define_object(info);
}

void Drain::forget(const Gone& gone) {
  const std::lock_guard lock(mutex_);
  gone_.push_back(gone);
}

void Drain::define_site(SiteId id, const Site& site) {
  const std::lock_guard lock(mutex_);
  names_.sites[to_number(id)] = site;
}

void Drain::define_text(std::uint64_t id, std::string text) {
  const std::lock_guard lock(mutex_);
  names_.texts[id] = std::move(text);
}

void Drain::start(const Chunk& chunk) {
  const std::lock_guard lock(mutex_);
  const auto [found, is_new] = sources_.try_emplace(chunk.task);
  if (is_new) source_order_.push_back(chunk.task);
  found->second.chunk = &chunk;
  found->second.read = 0;
}

void Drain::wait_for_room() {
  if (!queue_.tasks_wait) return;
  std::unique_lock lock(mutex_);
  // A sink that uses the library would wait for itself.
  if (std::this_thread::get_id() == thread_id_) return;
  changed_.notify_one();
  taken_.wait(lock, [&] {
    if (waiting_events_ < queue_.events_max || is_closing_) return true;
    read_chunks();
    put_in_order(false);
    // All that waits then does so for an event that a task has not published yet: maybe this one.
    return ready_.empty();
  });
}

void Drain::finish(const Chunk& chunk) {
  const std::lock_guard lock(mutex_);
  Source& source = sources_[chunk.task];
  if (source.chunk != &chunk) return;
  const std::uint32_t count = chunk.count.load(std::memory_order_acquire);
  const std::uint32_t unread = count - source.read;
  const std::span<const EventRecord> events(chunk.events() + source.read, unread);
  const std::span<const EventRecord> taken = events.first(std::min(room(), events.size()));
  source.waiting.insert(source.waiting.end(), taken.begin(), taken.end());
  waiting_events_ += taken.size();
  const std::span<const EventRecord> lost = events.subspan(taken.size());
  if (!lost.empty()) {
    lost_.fetch_add(lost.size());
    for (const EventRecord& record : lost) {
      note_lost(record);
      if (record.operation == Operation::kTaskEnd) source.has_ended = true;
    }
    // Losses in a row are one gap.
    if (source.waiting.empty() || source.waiting.back().operation != Operation::kNone)
      source.waiting.push_back(EventRecord{.time = ticks()});
    source.waiting.back().value += lost.size();
  }
  source.chunk = nullptr;
  changed_.notify_one();
}

std::size_t Drain::room() const {
  // Tasks that wait have a chunk more each at most. That one must be taken: what waits for its
  // predecessors there would otherwise fill the queue for ever.
  if (queue_.tasks_wait) return std::numeric_limits<std::size_t>::max();
  return queue_.events_max > waiting_events_ ? queue_.events_max - waiting_events_ : 0;
}

void Drain::read_chunks() {
  for (auto& [task, source] : sources_) {
    if (source.chunk == nullptr) continue;
    const std::uint32_t count = source.chunk->count.load(std::memory_order_acquire);
    while (source.read < count && room() > 0) {
      source.waiting.push_back(source.chunk->events()[source.read++]);
      ++waiting_events_;
    }
  }
}

std::uint64_t Drain::key_of(bool is_task, std::uint32_t id) {
  return (std::uint64_t{is_task} << 32) | id;
}

std::uint64_t Drain::key_of(const EventRecord& record) {
  return key_of(is_on_task(record.operation), record.object);
}

void Drain::note_lost(const EventRecord& record) {
  if ((record.flags & kValueIsText) != 0) names_.texts.erase(record.value);
  if (record.sequence == 0) return;
  auto& ranges = lost_sequences_[key_of(record)];
  const auto next = ranges.upper_bound(record.sequence);
  const bool joins_next = next != ranges.end() && next->first == record.sequence + 1;
  const std::uint32_t end = joins_next ? next->second : record.sequence + 1;
  if (joins_next) ranges.erase(next);
  const auto after = ranges.upper_bound(record.sequence);
  if (after != ranges.begin() && std::prev(after)->second == record.sequence)
    std::prev(after)->second = end;
  else
    ranges.emplace(record.sequence, end);
}

bool Drain::is_next(const EventRecord& record) {
  if (record.operation == Operation::kNone || record.sequence == 0) return true;
  std::uint32_t& last = sequences_[key_of(record)];
  if (record.sequence > last + 1) {
    const auto lost = lost_sequences_.find(key_of(record));
    if (lost == lost_sequences_.end()) return false;
    auto& ranges = lost->second;
    while (!ranges.empty() && ranges.begin()->first <= last + 1) {
      last = std::max(last, ranges.begin()->second - 1);
      ranges.erase(ranges.begin());
    }
    if (ranges.empty()) lost_sequences_.erase(lost);
    if (record.sequence > last + 1) return false;
  }
  last = std::max(last, record.sequence);
  return true;
}

void Drain::put_in_order(bool is_last) {
  for (;;) {
    bool has_moved = false;
    // A task's events are taken as long as each is the next of its object.
    for (const std::uint32_t task : source_order_) {
      Source& source = sources_[task];
      while (!source.waiting.empty()) {
        const EventRecord& record = source.waiting.front();
        if (!is_next(record)) break;
        if (record.operation == Operation::kTaskEnd) source.has_ended = true;
        if (phase_of(record) != Phase::kDone) source.open_operation = ++source.operations;
        ready_.push_back(
            {TaskId{task}, record, (std::uint64_t{task} << 32) | source.open_operation});
        source.waiting.pop_front();
        has_moved = true;
      }
    }
    if (has_moved) continue;
    forget_ended_sources();
    // Stuck: a predecessor is not published yet. At the end it never will be.
    if (!is_last) return;
    const EventRecord* earliest = nullptr;
    for (auto& [task, source] : sources_)
      if (!source.waiting.empty() &&
          (earliest == nullptr || source.waiting.front().time < earliest->time))
        earliest = &source.waiting.front();
    if (earliest == nullptr) return;
    sequences_[key_of(*earliest)] = earliest->sequence - 1;
  }
}

void Drain::forget_ended_sources() {
  std::erase_if(source_order_, [&](std::uint32_t task) {
    const Source& source = sources_[task];
    if (!source.has_ended || source.chunk != nullptr || !source.waiting.empty()) return false;
    sources_.erase(task);
    return true;
  });
}

void Drain::forget_oldest() {
  const Pending& oldest = recent_.front();
  past_.pass(oldest.task, oldest.record);
  if ((oldest.record.flags & kValueIsText) != 0) names_.texts.erase(oldest.record.value);
  if (oldest.record.operation == Operation::kTaskEnd) tasks_.erase(to_number(oldest.task));
  recent_.pop_front();
  ++forgotten_;
}

bool Drain::is_complete(std::uint64_t key, std::uint32_t last_sequence) const {
  const auto sequence = sequences_.find(key);
  std::uint32_t last = sequence != sequences_.end() ? sequence->second : 0;
  if (const auto lost = lost_sequences_.find(key); lost != lost_sequences_.end())
    for (const auto& [first, end] : lost->second)
      if (first <= last + 1) last = std::max(last, end - 1);
  return last >= last_sequence;
}

void Drain::forget_gone() {
  const std::uint64_t events = forgotten_ + recent_.size() + ready_.size();
  std::erase_if(gone_, [&](const Gone& gone) {
    if (!is_complete(key_of(gone.is_task, gone.id), gone.last_sequence)) return false;
    leaving_.emplace_back(events, gone);
    return true;
  });
  while (!leaving_.empty() && leaving_.front().first <= forgotten_) {
    const Gone& gone = leaving_.front().second;
    const std::uint64_t key = key_of(gone.is_task, gone.id);
    sequences_.erase(key);
    lost_sequences_.erase(key);
    if (gone.is_task) {
      tasks_.erase(gone.id);  // Its end may be lost.
      past_.forget_task(TaskId{gone.id});
    } else {
      objects_.erase(gone.id);
      past_.forget_object(ObjectId{gone.id});
    }
    leaving_.pop_front();
  }
}

Event Drain::look_up(const Pending& pending) const {
  const EventRecord& record = pending.record;
  Event event;
  event.task = pending.task;
  event.operation = record.operation;
  const double seconds =
      static_cast<double>(static_cast<std::int64_t>(record.time - names_.header.started_ticks)) /
      static_cast<double>(names_.header.ticks_per_second);
  event.time = std::chrono::system_clock::time_point(
      std::chrono::duration_cast<std::chrono::system_clock::duration>(
          std::chrono::nanoseconds(names_.header.started_unix_ns) +
          std::chrono::nanoseconds(static_cast<std::int64_t>(seconds * 1e9))));
  if (const auto task = tasks_.find(to_number(pending.task)); task != tasks_.end())
    event.task_label = task->second.label;
  if (record.operation == Operation::kNone) {
    event.lost = record.value;
    return event;
  }
  event.phase = phase_of(record);
  event.outcome = outcome_of(record);
  event.sequence = record.sequence;
  event.site = names_.site(SiteId{record.site});
  event.operation_id = pending.operation_id;
  if (is_on_task(record.operation)) {
    event.other_task = TaskId{record.object};
    if (const auto other = tasks_.find(record.object); other != tasks_.end()) {
      event.other_label = other->second.label;
      event.parent = other->second.parent;
    }
    return event;
  }
  const bool is_case =
      record.operation == Operation::kSelect || record.operation == Operation::kSelectCase;
  if (is_case) event.select_case = case_index(record);
  event.object = ObjectId{record.object};
  if (const auto object = objects_.find(record.object); object != objects_.end()) {
    event.object_name = object->second.name;
    event.object_kind = object->second.kind;
    event.type = object->second.type;
    event.buffer_capacity = object->second.capacity;
    if ((record.flags & kHasValue) != 0)
      event.value = format_raw_value(record, object->second.format);
  }
  if (!is_case) event.buffer_size = record.detail;
  return event;
}

std::string Drain::format_raw_value(const EventRecord& record, ValueFormat format) const {
  Trace trace;
  ObjectInfo object;
  object.id = ObjectId{record.object};
  object.format = format;
  trace.objects.push_back(std::move(object));
  if ((record.flags & kValueIsText) != 0) {
    const auto text = names_.texts.find(record.value);
    return text == names_.texts.end() ? std::string() : text->second;
  }
  return format_value(trace, record);
}

void Drain::deliver(const std::vector<Event>& events) {
  for (const auto& sink : sinks_) {
    for (const Event& event : events) {
      try {
        sink->handle(event);
      } catch (...) {
        sink_errors_.fetch_add(1);
      }
    }
  }
}

void Drain::run() {
  Runtime::instance().make_service_task("chantrace drain", false);
  std::unique_lock lock(mutex_);
  for (bool is_last = false; !is_last;) {
    changed_.wait_for(lock, kPollInterval, [&] { return is_closing_; });
    is_last = is_closing_;
    do {
      read_chunks();
      put_in_order(is_last);
      std::vector<Event> batch;
      while (!ready_.empty() && batch.size() < kBatch) {
        const Pending pending = ready_.front();
        ready_.pop_front();
        if (pending.record.operation != Operation::kNone) --waiting_events_;
        if (!sinks_.empty()) batch.push_back(look_up(pending));
        recent_.push_back(pending);
        if (recent_.size() > kSnapshotEventsMax) forget_oldest();
      }
      forget_gone();
      if (waiting_events_ < queue_.events_max || ready_.empty()) taken_.notify_all();
      if (batch.empty()) continue;
      lock.unlock();
      deliver(batch);
      lock.lock();
    } while (!ready_.empty());
  }
  lock.unlock();
  for (const auto& sink : sinks_) {
    try {
      sink->close();
    } catch (...) {
      sink_errors_.fetch_add(1);
    }
  }
  // Here, where nobody's lock is held: one may wait for threads of its own.
  sinks_.clear();
  lock.lock();
  is_closed_ = true;
  served_.notify_all();
}

void Drain::close() {
  std::unique_lock lock(mutex_);
  is_closing_ = true;
  changed_.notify_one();
  taken_.notify_all();
  // A sink that ends the session waits for nothing: it is served when it returns.
  if (std::this_thread::get_id() == thread_id_) return;
  if (!served_.wait_for(lock, kClosePatience, [&] { return is_closed_; }))
    lost_.fetch_add(waiting_events_);
}

std::vector<Event> Drain::snapshot(std::size_t count) {
  const std::lock_guard lock(mutex_);
  read_chunks();
  put_in_order(false);
  const std::size_t available = recent_.size() + ready_.size();
  const std::size_t wanted = count == 0 ? available : std::min(count, available);
  std::vector<Event> events;
  events.reserve(wanted);
  for (std::size_t i = available - wanted; i < available; ++i)
    events.push_back(look_up(i < recent_.size() ? recent_[i] : ready_[i - recent_.size()]));
  return events;
}

EventBatch Drain::events_since(std::uint64_t number, std::size_t count) {
  const std::lock_guard lock(mutex_);
  const std::size_t available = recent_.size();
  EventBatch batch;
  batch.total = forgotten_ + available;
  const std::uint64_t skipped =
      std::min<std::uint64_t>(number > forgotten_ ? number - forgotten_ : 0, available);
  batch.first = forgotten_ + skipped + 1;
  for (std::size_t i = skipped; i < available && batch.events.size() < count; ++i)
    batch.events.push_back(look_up(recent_[i]));
  return batch;
}

Trace Drain::recent_trace(std::size_t count) {
  Trace names;
  TraceWindow window;
  std::vector<Pending> all;
  {
    // Tasks may wait for this lock: what can be done without it is done behind it.
    const std::lock_guard lock(mutex_);
    read_chunks();
    put_in_order(false);
    window = past_;
    all.assign(recent_.begin(), recent_.end());
    all.insert(all.end(), ready_.begin(), ready_.end());
    names = names_;
    for (const auto& [id, task] : tasks_) names.tasks.push_back(task);
    for (const auto& [id, object] : objects_) names.objects.push_back(object);
  }
  const std::size_t before = count == 0 ? 0 : all.size() - std::min(count, all.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (i < before)
      window.pass(all[i].task, all[i].record);
    else
      window.add(all[i].task, all[i].record);
  }
  return std::move(window).finish(std::move(names));
}

}  // namespace chantrace::detail
