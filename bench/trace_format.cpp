/// \file
/// What a trace costs: its bytes, its writing and reading, its definitions, its spool.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "chantrace/detail/assert.h"
#include "chantrace/detail/spool.h"
#include "chantrace/trace.h"

namespace chantrace {
namespace {

/// Events like those of a pool of workers on a channel of jobs and one of results: a producer, a
/// collector, four workers; time in ticks of a processor's counter; some operations park.
class FanOut {
 public:
  Trace make(std::size_t events_count) {
    constexpr std::uint32_t kTasks = 6;
    Trace trace;
    trace.header.format_version = kTraceFormatVersion;
    trace.header.test = "Pool.Drains";
    for (std::uint32_t task = 1; task <= kTasks; ++task) {
      trace.tasks.push_back({.id = TaskId{task}, .label = "worker-" + std::to_string(task)});
      trace.streams.push_back({.task = TaskId{task}, .events = {}, .gaps = {}});
    }
    for (const std::uint32_t object : {kJobs, kResults})
      trace.objects.push_back({.id = ObjectId{object},
                               .kind = ObjectKind::kChannel,
                               .name = {},
                               .type = {},
                               .initial_holders = {}});
    trace.end.emplace();

    for (std::size_t count = 0; count < events_count;) {
      const std::uint32_t worker = 2 + below(4);
      count += operate(trace.streams[0], Operation::kSend, kJobs, next_job_++);
      count += operate(trace.streams[worker - 1], Operation::kReceive, kJobs, next_job_ - 1);
      count += operate(trace.streams[worker - 1], Operation::kSend, kResults, next_job_ * 3);
      count += operate(trace.streams[5], Operation::kReceive, kResults, next_job_ * 3);
    }
    return trace;
  }

 private:
  static constexpr std::uint32_t kJobs = 1;
  static constexpr std::uint32_t kResults = 2;

  std::size_t operate(TaskStream& stream, Operation operation, std::uint32_t object,
                      std::uint64_t value) {
    const std::uint32_t site = 2 * object + static_cast<std::uint32_t>(operation);
    const bool parks = below(8) == 0;
    std::uint16_t& depth = depths_[object];
    if (operation == Operation::kSend) {
      ++depth;
    } else if (depth > 0) {
      --depth;
    }
    EventRecord event{.time = tick(parks ? 20'000 : 300),
                      .value = value,
                      .object = object,
                      .sequence = ++sequences_[object],
                      .site = site,
                      .operation = operation,
                      .flags = make_flags(Phase::kBoth, Outcome::kOk, kHasValue),
                      .detail = depth};
    if (!parks) {
      stream.events.push_back(event);
      return 1;
    }
    event.flags = make_flags(Phase::kStart, Outcome::kOk, kHasValue);
    stream.events.push_back(event);
    event.time = tick(20'000);
    event.sequence = ++sequences_[object];
    event.flags = make_flags(Phase::kDone, Outcome::kOk, kHasValue);
    stream.events.push_back(event);
    return 2;
  }

  std::uint64_t tick(std::uint32_t ticks_max) { return now_ += 40 + below(ticks_max); }

  // Source: xorshift64, Marsaglia 2003.
  std::uint32_t below(std::uint32_t limit) {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return static_cast<std::uint32_t>(state_ >> 32) % limit;
  }

  std::uint64_t state_ = 88172645463325252;
  std::uint64_t now_ = 1ull << 50;
  std::uint64_t next_job_ = 0;
  std::uint32_t sequences_[3] = {};
  std::uint16_t depths_[3] = {};
};

constexpr std::size_t kEvents = 2'000'000;

const Trace& fan_out() {
  static const Trace trace = FanOut().make(kEvents);
  return trace;
}

/// A folder that is gone afterwards.
class Folder {
 public:
  Folder()
      : path_(std::filesystem::temp_directory_path() /
              ("chantrace-bench-" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(path_);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::filesystem::path file(const char* name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

void count_events(benchmark::State& state, const Trace& trace, std::uint64_t bytes) {
  const auto events = trace.events_count();
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(events));
  state.counters["bytes_per_event"] = static_cast<double>(bytes) / static_cast<double>(events);
}

void write_to_memory(benchmark::State& state) {
  const Trace& trace = fan_out();
  std::size_t bytes = 0;
  for (auto _ : state) bytes = to_bytes(trace).size();
  count_events(state, trace, bytes);
}
BENCHMARK(write_to_memory)->Unit(benchmark::kMillisecond);

void read_from_memory(benchmark::State& state) {
  const Trace& trace = fan_out();
  const auto bytes = to_bytes(trace);
  for (auto _ : state) CHANTRACE_ASSERT(from_bytes(bytes).has_value());
  count_events(state, trace, bytes.size());
}
BENCHMARK(read_from_memory)->Unit(benchmark::kMillisecond);

void write_and_read_a_file(benchmark::State& state) {
  const Folder folder;
  const auto path = folder.file("trace");
  const Trace& trace = fan_out();
  for (auto _ : state) {
    CHANTRACE_ASSERT(!write_trace(trace, path).has_value());
    CHANTRACE_ASSERT(read_trace(path).has_value());
  }
  count_events(state, trace, std::filesystem::file_size(path));
}
BENCHMARK(write_and_read_a_file)->Unit(benchmark::kMillisecond);

/// Chunks as a recorder makes and writes them.
void record_chunks(const std::filesystem::path& path) {
  auto spool = detail::Spool::create(path);
  CHANTRACE_ASSERT(spool.has_value());
  detail::Spool& log = *spool.value();
  log.append(detail::encode_header(fan_out().header));
  for (const TaskStream& stream : fan_out().streams) {
    const auto buffer = log.acquire(detail::kSpoolBufferBytes);
    const std::size_t capacity = detail::chunk_capacity(buffer.size());
    for (std::size_t first = 0; first < stream.events.size(); first += capacity) {
      detail::Chunk& chunk = *detail::make_chunk(buffer, stream.task, first, 0);
      const std::size_t count = std::min(capacity, stream.events.size() - first);
      for (std::size_t i = 0; i < count; ++i) {
        chunk.events()[i] = stream.events[first + i];
        chunk.count.store(static_cast<std::uint32_t>(i + 1), std::memory_order_release);
      }
      log.write(chunk);
    }
    log.release(buffer);
  }
  log.close(true);
}

void record_to_a_file(benchmark::State& state) {
  const Folder folder;
  const auto path = folder.file("trace");
  fan_out();
  for (auto _ : state) record_chunks(path);
  count_events(state, fan_out(), std::filesystem::file_size(path));
}
BENCHMARK(record_to_a_file)->Unit(benchmark::kMillisecond);

void read_recorded_file(benchmark::State& state) {
  const Folder folder;
  const auto path = folder.file("trace");
  record_chunks(path);
  for (auto _ : state) CHANTRACE_ASSERT(read_trace(path).has_value());
  count_events(state, fan_out(), std::filesystem::file_size(path));
}
BENCHMARK(read_recorded_file)->Unit(benchmark::kMillisecond);

/// A test that records little and passes, whose trace is not kept.
void make_and_drop_a_spool(benchmark::State& state) {
  const Folder folder;
  const auto path = folder.file("trace");
  TraceHeader header = fan_out().header;
  header.format_version = kTraceFormatVersion;
  for (auto _ : state) {
    auto spool = detail::Spool::create(path);
    detail::Spool& log = *spool.value();
    log.append(detail::encode_header(header));
    const auto buffer = log.acquire(detail::kSpoolSmallBufferBytes);
    detail::Chunk& chunk = *detail::make_chunk(buffer, TaskId{1}, 0, 0);
    chunk.count.store(1, std::memory_order_release);
    log.release(buffer);
    log.close(false);
  }
}
BENCHMARK(make_and_drop_a_spool)->Unit(benchmark::kMicrosecond);

/// The same, but kept.
void make_and_keep_a_spool(benchmark::State& state) {
  const Folder folder;
  const auto path = folder.file("trace");
  for (auto _ : state) {
    auto spool = detail::Spool::create(path);
    detail::Spool& log = *spool.value();
    log.append(detail::encode_header(fan_out().header));
    const auto buffer = log.acquire(detail::kSpoolSmallBufferBytes);
    detail::Chunk& chunk = *detail::make_chunk(buffer, TaskId{1}, 0, 0);
    chunk.count.store(1, std::memory_order_release);
    log.write(chunk);
    log.close(true);
  }
}
BENCHMARK(make_and_keep_a_spool)->Unit(benchmark::kMicrosecond);

void encode_a_task(benchmark::State& state) {
  const TaskInfo task{.id = TaskId{3}, .parent = TaskId{1}, .label = "worker-2", .site = SiteId{9}};
  for (auto _ : state) benchmark::DoNotOptimize(detail::encode_task(task));
}
BENCHMARK(encode_a_task);

void encode_a_site(benchmark::State& state) {
  for (auto _ : state)
    benchmark::DoNotOptimize(
        detail::encode_site(SiteId{3}, "/home/someone/project/src/pool.cpp", "run_worker", 97));
}
BENCHMARK(encode_a_site);

void encode_and_append_a_text(benchmark::State& state) {
  const Folder folder;
  auto spool = detail::Spool::create(folder.file("trace"));
  std::uint64_t id = 0;
  for (auto _ : state) spool.value()->append(detail::encode_text(++id, "{id: 42, name: \"job\"}"));
  spool.value()->close(false);
}
BENCHMARK(encode_and_append_a_text);

void acquire_and_release(benchmark::State& state) {
  const Folder folder;
  auto spool = detail::Spool::create(folder.file("trace"));
  for (auto _ : state)
    spool.value()->release(spool.value()->acquire(detail::kSpoolSmallBufferBytes));
  spool.value()->close(false);
}
BENCHMARK(acquire_and_release);

}  // namespace
}  // namespace chantrace

BENCHMARK_MAIN();
