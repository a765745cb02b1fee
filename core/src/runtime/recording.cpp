#include "recording.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>

#include "chantrace/detail/event_log.h"
#include "chantrace/detail/printable.h"
#include "drain.h"
#include "runtime.h"
#include "stack.h"

namespace chantrace::detail {
namespace {

std::vector<std::string> command_line() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  std::vector<std::string> words;
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find('\0', start), text.size());
    words.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  return words;
}

std::string program_path() {
  char path[4096];
  const ssize_t size = readlink("/proc/self/exe", path, sizeof path);
  return size > 0 ? std::string(path, static_cast<std::size_t>(size)) : std::string();
}

TraceHeader make_header(const RecordingOptions& options) {
  TraceHeader header;
  header.format_version = kTraceFormatVersion;
  header.program = program_path();
  header.arguments = command_line();
  if (!header.arguments.empty()) header.arguments.erase(header.arguments.begin());
  header.test = options.test;
  header.build_id = program_build_id();
  header.process_id = static_cast<std::uint64_t>(getpid());
  header.started_unix_ns =
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                     std::chrono::system_clock::now().time_since_epoch())
                                     .count());
  header.is_controlled = options.is_controlled;
  header.started_ticks = options.is_controlled ? 0 : ticks();
  header.ticks_per_second = options.is_controlled ? 1'000'000'000 : ticks_per_second();
  header.has_values = options.has_values;
  header.options = options.notes;
  header.options.emplace_back("values", options.has_values ? "on" : "off");
  if (options.has_stacks)
    header.options.emplace_back("stacks", "1 of " + std::to_string(options.stack_every));
  return header;
}

}  // namespace

std::uint64_t ticks_per_second() {
#if defined(__x86_64__) || defined(__i386__)
  // Measured once against the host's clock. A millisecond gives some 4 digits, which is plenty for
  // times that are only shown.
  static const std::uint64_t rate = [] {
    using SteadyClock = std::chrono::steady_clock;
    const auto start = SteadyClock::now();
    const std::uint64_t start_ticks = ticks();
    while (SteadyClock::now() - start < std::chrono::milliseconds(1)) {
    }
    const std::uint64_t elapsed_ticks = ticks() - start_ticks;
    const auto elapsed =
        std::chrono::duration_cast<std::chrono::nanoseconds>(SteadyClock::now() - start);
    return static_cast<std::uint64_t>(static_cast<double>(elapsed_ticks) * 1e9 /
                                      static_cast<double>(elapsed.count()));
  }();
  return rate;
#else
  return 1'000'000'000;
#endif
}

Result<std::shared_ptr<Recording>, TraceError> Recording::create(const RecordingOptions& options) {
  auto spool = Spool::create(options.path);
  if (!spool) return spool.error();
  std::shared_ptr<Recording> recording(new Recording);
  recording->has_values_ = options.has_values;
  recording->has_stacks_ = options.has_stacks;
  recording->stack_every_ = std::max<std::uint32_t>(options.stack_every, 1);
  recording->spool_ = std::move(spool).value();
  const TraceHeader header = make_header(options);
  recording->spool_->append(encode_header(header));
  if (options.has_stacks) recording->spool_->append(encode_modules(list_modules()));
  if (options.queue_events_max > 0)
    recording->drain_ = Drain::create(header, options.sinks,
                                      {options.queue_events_max, options.tasks_wait_for_sinks});
  return recording;
}

Recording::~Recording() = default;

void Recording::define_task(const TaskControl& task) {
  TaskInfo info;
  info.id = task.id;
  info.parent = task.parent;
  info.label = label_of(task);
  info.site = SiteId{task.started_at.line != 0 ? site(task.started_at) : 0};
  info.is_host = task.is_host;
  info.is_body = task.is_body;
  info.is_older = task.born_epoch != task.epoch && !task.is_body;
  info.os_thread = task.os_thread;
  spool_->append(encode_task(info));
  if (drain_ != nullptr) drain_->define_task(info);
  tasks_.fetch_add(1, std::memory_order_relaxed);
}

void Recording::define_object(const ObjectInfo& object, const Location& created) {
  if (object.kind == ObjectKind::kShared) has_variables_.store(true, std::memory_order_relaxed);
  ObjectInfo info = object;
  if (created.line != 0) info.site = SiteId{site(created)};
  spool_->append(encode_object(info));
  if (drain_ != nullptr) drain_->define_object(info);
  objects_.fetch_add(1, std::memory_order_relaxed);
}

std::uint32_t Recording::site(const Location& place) {
  const ScopedLock lock(sites_mutex_);
  const auto [found, is_new] =
      sites_.try_emplace({place.file, place.line}, static_cast<std::uint32_t>(sites_.size() + 1));
  if (is_new) {
    locations_.push_back(place);
    const SiteId id{found->second};
    spool_->append(encode_site(id, place.file, place.function, place.line));
    if (drain_ != nullptr) drain_->define_site(id, to_site(place));
  }
  return found->second;
}

Location Recording::last_location(const TaskControl& task) {
  const std::uint32_t count = task.chunk->count.load(std::memory_order_relaxed);
  const std::span<const EventRecord> events(task.chunk->events(), count);
  // A done stands where its start does, and an operation may have been unwound in between.
  const auto last = std::find_if(events.rbegin(), events.rend(), [](const EventRecord& event) {
    return phase_of(event) != Phase::kDone;
  });
  if (last == events.rend() || last->site == 0) return task.last_site;
  const ScopedLock lock(sites_mutex_);
  return locations_[last->site - 1];
}

std::uint64_t Recording::text(std::string_view text) {
  const std::string cut = cut_to_code_points(text, kValueCodePointsMax);
  const std::uint64_t id = texts_.fetch_add(1, std::memory_order_relaxed) + 1;
  spool_->append(encode_text(id, cut));
  if (drain_ != nullptr) drain_->define_text(id, cut);
  return id;
}

std::uint64_t Recording::stack(std::span<const std::uint64_t> frames) {
  const ScopedLock lock(stacks_mutex_);
  const auto [found, is_new] =
      stacks_.try_emplace({frames.begin(), frames.end()}, stacks_.size() + 1);
  if (is_new) spool_->append(encode_stack(found->second, frames));
  return found->second;
}

bool Recording::write_chunk(const TaskControl& task) {
  if (task.chunk == &no_chunk || kept_bytes_.load(std::memory_order_relaxed) < kKeptBytesMax)
    return false;
  return spool_->write(*task.chunk);
}

void Recording::finish_chunk(TaskControl& task, bool is_written) {
  if (task.has_nested_locks) has_nested_locks_.store(true, std::memory_order_relaxed);
  const auto found = open_.find(&task);
  if (found == open_.end()) return;
  const Owned owned = found->second;
  open_.erase(found);
  const std::uint32_t count = owned.chunk->count.load(std::memory_order_relaxed);
  events_.fetch_add(count, std::memory_order_relaxed);
  task.records_before_chunk += count;
  if (drain_ != nullptr) drain_->finish(*owned.chunk);
  if (is_written || count == 0) {
    spool_->release({reinterpret_cast<std::byte*>(owned.chunk), owned.size_bytes});
  } else {
    kept_.push_back(owned);
    kept_bytes_.fetch_add(owned.size_bytes, std::memory_order_relaxed);
  }
}

void Recording::write_kept(bool keep) {
  for (const Owned& owned : kept_) {
    // What cannot be written stays in the spool, where readers find it.
    if (keep && !spool_->write(*owned.chunk)) continue;
    spool_->release({reinterpret_cast<std::byte*>(owned.chunk), owned.size_bytes});
  }
  kept_.clear();
  kept_bytes_ = 0;
}

bool Recording::next_chunk(TaskControl& task) {
  // Not under the lock, which other tasks want as well. If the recording ends meanwhile, the chunk
  // is written twice, which readers expect.
  const bool is_written = write_chunk(task);
  if (drain_ != nullptr) drain_->wait_for_room();
  const ScopedLock lock(mutex_);
  if (is_closed_) return false;
  const bool is_first = !open_.contains(&task);
  finish_chunk(task, is_written);
  const std::size_t size_bytes =
      is_first && task.records_before_chunk == 0 ? kSpoolSmallBufferBytes : kSpoolBufferBytes;
  const std::span<std::byte> buffer = spool_->acquire(size_bytes);
  Chunk* const chunk = make_chunk(buffer, task.id, task.records_before_chunk, 0);
  task.chunk = chunk;
  task.chunk_capacity = chunk_capacity(buffer.size());
  task.short_capacity = task.has_stacks ? 0 : task.chunk_capacity;
  open_[&task] = {chunk, buffer.size()};
  if (drain_ != nullptr) drain_->start(*chunk);
  return true;
}

void Recording::retire(TaskControl& task) {
  const bool is_written = write_chunk(task);
  if (drain_ != nullptr) drain_->wait_for_room();
  const ScopedLock lock(mutex_);
  if (!is_closed_) finish_chunk(task, is_written);
  stop_recording(task);
}

void Recording::close(bool keep, const TraceEnd& end) {
  {
    const ScopedLock lock(mutex_);
    if (is_closed_) return;
    is_closed_ = true;
    // A task that outlived the recording may still be writing to its chunk, of which it is and
    // remains the owner; what it has published is taken.
    for (auto& [task, owned] : open_) {
      events_.fetch_add(owned.chunk->count.load(std::memory_order_acquire));
      if (drain_ != nullptr) drain_->finish(*owned.chunk);
    }
  }
  // Not under the lock: sinks may take their time, and a task that meets the end must not wait.
  if (drain_ != nullptr) drain_->close();
  const ScopedLock lock(mutex_);
  write_kept(keep);
  if (keep) {
    for (auto& [task, owned] : open_) spool_->write(*owned.chunk);
    spool_->append(encode_end(end));
    spool_->flush();
  }
  spool_->close(keep);
}

constinit Chunk no_chunk;

void start_recording(TaskControl& self) {
  self.is_recording = true;
  self.has_nested_locks = false;
  self.has_values = self.recording->has_values();
  self.has_stacks = self.recording->has_stacks();
  self.hooks.fetch_or(kHookRecorded);
}

namespace {

bool take_chunk_of_log(TaskControl& self) {
  Chunk* const chunk = self.log->chunk_with_room();
  if (chunk == nullptr) return false;
  self.chunk = chunk;
  self.chunk_capacity = EventLog::kChunkCapacity;
  self.short_capacity = kIsThreadSanitized ? 0 : EventLog::kChunkCapacity;
  return true;
}

}  // namespace

void start_logging(TaskControl& self, EventLog& log) {
  self.log = &log;
  self.is_recording = true;
  self.has_nested_locks = false;
  self.number_in_log = to_number(self.id.load(std::memory_order_relaxed));
  self.clock = &self.number_in_log;
  if (self.sites.owner != log.id()) {
    self.sites = {};
    self.sites.owner = log.id();
  }
  const std::uint8_t hooks = self.hooks.load(std::memory_order_relaxed);
  self.hooks.store(hooks | kHookRecorded, std::memory_order_relaxed);
  if (!take_chunk_of_log(self)) stop_recording(self);
}

void stop_recording(TaskControl& self) {
  self.log = nullptr;
  self.is_recording = self.has_values = self.has_stacks = false;
  self.chunk = &no_chunk;
  self.chunk_capacity = self.short_capacity = 0;
  self.hooks.fetch_and(static_cast<std::uint8_t>(~kHookRecorded));
}

bool next_chunk(TaskControl& self) {
  if (self.log != nullptr && take_chunk_of_log(self)) return true;
  if (self.recording != nullptr && self.recording->next_chunk(self)) return true;
  stop_recording(self);
  return false;
}

std::uint32_t find_site(TaskControl& self, const Location& site) {
  if (site.line == 0) return 0;
  SiteCache::Entry& known = self.sites.entry(site);
  if (known.is(site)) return known.id;
  if (self.log != nullptr)
    known = {site.file, site.line, self.log->site(site)};
  else if (self.recording != nullptr)
    known = {site.file, site.line, self.recording->site(site)};
  else
    return 0;
  return known.id;
}

void record_fully(TaskControl& self, Happening what, const Location& site) {
  std::optional<WithoutRaces> scope;
  if (self.log != nullptr) scope.emplace();
  const std::uint32_t id = find_site(self, site);
  if (self.has_stacks) record_stack(self, id);
  store_record(self, make_record(what, record_time(self), id));
}

std::uint64_t record_text(TaskControl& self, std::string_view text) {
  return self.recording == nullptr ? 0 : self.recording->text(text);
}

}  // namespace chantrace::detail
