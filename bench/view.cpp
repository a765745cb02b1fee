// What it takes to look at a long trace: its index, parts of it, and their documents.
//
//   bench_view make FILE [EVENTS]   records a pool of workers for about so many events; 10 million
//   bench_view FILE                 measures; each line says what is wanted, and what was measured
//
// How long a page takes with it is measured by view/web/test/measure.mjs.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <string>
#include <vector>

#include "chantrace/chantrace.h"
#include "model/long_trace.h"
#include "web/document.h"

namespace {

using namespace chantrace;
using std::chrono::duration;
using std::chrono::steady_clock;

/// A job is sent, received, added up under a lock, and its result sent and received: six events,
/// and some more where that parks.
constexpr std::uint64_t kEventsPerJob = 6;

void make(const std::string& path, std::uint64_t events) {
  const Session session(Options{}.trace_file(path).lossless());
  const std::uint64_t jobs_count = events / kEventsPerJob;
  const Channel<std::uint64_t> jobs("jobs", 64);
  const Channel<std::uint64_t> results("results", 64);
  Mutex mutex("total");
  std::uint64_t total = 0;
  std::vector<Task> workers;
  for (int worker = 0; worker < 4; ++worker)
    workers.push_back(go("worker-" + std::to_string(worker), [&, jobs, results] {
      for (const std::uint64_t job : jobs) {
        const std::lock_guard lock(mutex);
        total += job;
        results.send(job * 3);
      }
    }));
  const Task collector = go("collector", [=] {
    for (std::uint64_t result : results) static_cast<void>(result);
  });
  for (std::uint64_t job = 0; job < jobs_count; ++job) jobs.send(job);
  jobs.close();
  for (const Task& worker : workers) worker.join();
  results.close();
  collector.join();
}

std::uint64_t peak_mb() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::strtoull(line.c_str() + 6, nullptr, 10) / 976;
  return 0;
}

bool judge(bool is_well, const char* what, const std::string& measured) {
  std::printf("%-4s  %-52s  %s\n", is_well ? "PASS" : "FAIL", what, measured.c_str());
  return is_well;
}

int measure(const std::string& path) {
  const auto start = steady_clock::now();
  auto now = start;
  const auto lap_ms = [&] {
    const auto before = now;
    now = steady_clock::now();
    return duration<double, std::milli>(now - before).count();
  };
  auto opened = view::LongTrace::open(path);
  if (!opened.has_value()) {
    std::printf("%s\n", opened.error().to_string().c_str());
    return 2;
  }
  view::LongTrace& trace = opened.value();
  const double open_ms = lap_ms();
  std::printf("%llu steps, %.1f MB\n", static_cast<unsigned long long>(trace.steps_count()),
              static_cast<double>(std::filesystem::file_size(path)) / 1e6);
  bool is_well = true;
  constexpr std::uint64_t kSteps = 64 * 1024;
  double part_ms = 0;
  double document_ms = 0;
  constexpr int kParts = 10;
  for (std::uint64_t i = 0; i < kParts; ++i) {
    const std::uint64_t from = 1 + trace.steps_count() / kParts * i;
    lap_ms();
    const auto part = trace.part(from, from + kSteps - 1);
    part_ms += lap_ms();
    if (!part) return 2;
    document_ms += view::to_document(trace, *part, {}, "measured", "1/").empty() ? 0 : lap_ms();
  }
  is_well &= judge(part_ms < 50 * kParts, "a part of 65,536 steps in 50 ms, mean",
                   std::to_string(part_ms / kParts) + " ms");
  is_well &= judge(document_ms < 500 * kParts, "its document in 500 ms, mean",
                   std::to_string(document_ms / kParts) + " ms");
  lap_ms();
  const auto view = trace.levels().view(1, trace.steps_count(), 1200, 0, 100);
  is_well &= judge(!view.lanes.empty() && lap_ms() < 50, "all of it from afar in 50 ms",
                   std::to_string(view.lanes.front().size()) + " cells a lane");
  const auto limit = std::filesystem::file_size(path) * 3 / 2 / 1'000'000 + 200;
  is_well &= judge(peak_mb() <= limit, "memory of 1.5 times the file and 200 MB at most",
                   std::to_string(peak_mb()) + " MB");
  lap_ms();
  const auto whole = read_trace(path);
  const auto order = order_events(whole.value());
  const double whole_ms = lap_ms();
  is_well &= judge(open_ms < 2 * whole_ms, "its index in twice what reading it whole takes",
                   std::to_string(open_ms / whole_ms) + " times " + std::to_string(whole_ms) +
                       " ms, which take " + std::to_string(peak_mb()) + " MB");
  return is_well ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc >= 3 && std::strcmp(argv[1], "make") == 0) {
    make(argv[2], argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 10'000'000);
    return 0;
  }
  if (argc == 2) return measure(argv[1]);
  std::fprintf(stderr, "usage: bench_view make FILE [EVENTS] | bench_view FILE\n");
  return 2;
}
