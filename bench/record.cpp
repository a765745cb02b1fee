// What an operation costs, recorded and not, beside the queues that people use instead.
//
// Times of a shared machine drift by the minute, so every figure that counts is a ratio: all
// subjects are run in turn, again and again, in one process, and medians are compared. With
// `--gates` the program fails when a ratio is out of its bounds.
#include <benchmark/benchmark.h>
#include <concurrentqueue.h>
#include <tbb/concurrent_queue.h>

#include <algorithm>
#include <boost/fiber/buffered_channel.hpp>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "chantrace/chantrace.h"
#include "chantrace/detail/execution.h"
#include "chantrace/trace.h"
#include "measure.h"

namespace chantrace::bench {
namespace {

constexpr int kRounds = 9;
constexpr std::uint64_t kBatch = 400'000;

/// Records to a file while it lives, as a test does.
class Recorded {
 public:
  explicit Recorded(bool has_values)
      : path_(std::filesystem::temp_directory_path() / "chantrace-bench.chantrace") {
    detail::ExecutionOptions options;
    options.recording.path = path_;
    options.recording.has_values = has_values;
    execution_ = std::make_unique<detail::Execution>(std::move(options));
  }
  ~Recorded() {
    execution_->settle(std::chrono::seconds(1));
    execution_->finish(false, true, {});
  }

 private:
  std::filesystem::path path_;
  std::unique_ptr<detail::Execution> execution_;
};

void pairs(std::uint64_t count) {
  static const Channel<std::uint64_t> channel("pairs", 64);
  for (std::uint64_t i = 0; i < count; ++i) {
    channel.send(i);
    benchmark::DoNotOptimize(channel.recv());
  }
}

/// The same by two tasks at once, each on a channel of its own.
void pairs_by_two(std::uint64_t count) {
  const auto body = [count] {
    const Channel<std::uint64_t> channel("own", 64);
    for (std::uint64_t i = 0; i < count; ++i) {
      channel.send(i);
      benchmark::DoNotOptimize(channel.recv());
    }
  };
  const Task one = go("one", body);
  const Task two = go("two", body);
  one.join();
  two.join();
}

void pairs_by_one(std::uint64_t count) {
  const Task one = go("one", [count] {
    const Channel<std::uint64_t> channel("own", 64);
    for (std::uint64_t i = 0; i < count; ++i) {
      channel.send(i);
      benchmark::DoNotOptimize(channel.recv());
    }
  });
  one.join();
}

void events(std::uint64_t count) {
  detail::TaskControl& self = detail::current_task();
  const Location site = Location::current();
  for (std::uint64_t i = 0; i < count; ++i)
    detail::record(self, {.operation = Operation::kChoose, .value = i}, site);
}

void mutex_and_deque(std::uint64_t count) {
  static std::mutex mutex;
  static std::deque<std::uint64_t> queue;
  for (std::uint64_t i = 0; i < count; ++i) {
    {
      const std::lock_guard lock(mutex);
      queue.push_back(i);
    }
    const std::lock_guard lock(mutex);
    benchmark::DoNotOptimize(queue.front());
    queue.pop_front();
  }
}

void boost_fiber_channel(std::uint64_t count) {
  static boost::fibers::buffered_channel<std::uint64_t> channel(64);
  std::uint64_t value = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    channel.push(i);
    channel.pop(value);
    benchmark::DoNotOptimize(value);
  }
}

void tbb_bounded_queue(std::uint64_t count) {
  static tbb::concurrent_bounded_queue<std::uint64_t> queue;
  std::uint64_t value = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    queue.push(i);
    queue.pop(value);
    benchmark::DoNotOptimize(value);
  }
}

void moodycamel_queue(std::uint64_t count) {
  static moodycamel::ConcurrentQueue<std::uint64_t> queue;
  std::uint64_t value = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    queue.enqueue(i);
    queue.try_dequeue(value);
    benchmark::DoNotOptimize(value);
  }
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<long>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

double nanoseconds_each(const Subject& subject, std::uint64_t count) {
  const auto start = std::chrono::steady_clock::now();
  subject.run(count);
  const auto elapsed = std::chrono::steady_clock::now() - start;
  return static_cast<double>(
             std::chrono::duration_cast<std::chrono::nanoseconds>(elapsed).count()) /
         static_cast<double>(count);
}

std::vector<Subject> subjects() {
  const auto recorded = [](bool has_values, auto work) {
    return [has_values, work](std::uint64_t count) {
      const Recorded recording(has_values);
      work(count);
    };
  };
  return {
      {"buffered send + recv, not recorded", pairs},
      {"same, built without recording", plain_pairs},
      {"same, recorded without values", recorded(false, pairs)},
      {"same, recorded with values", recorded(true, pairs)},
      {"one task of its own, recorded", recorded(true, pairs_by_one)},
      {"two tasks at once, recorded", recorded(true, pairs_by_two)},
      {"an event alone", recorded(true, events)},
      {"std::mutex and std::deque", mutex_and_deque},
      {"boost::fibers::buffered_channel", boost_fiber_channel},
      {"tbb::concurrent_bounded_queue", tbb_bounded_queue},
      {"moodycamel::ConcurrentQueue", moodycamel_queue},
  };
}

using Table = std::map<std::string, double>;

Table measure(const std::vector<Subject>& all) {
  std::map<std::string, std::vector<double>> times;
  for (const Subject& subject : all) subject.run(kBatch / 10);
  for (int round = 0; round < kRounds; ++round)
    for (const Subject& subject : all)
      times[subject.name].push_back(nanoseconds_each(subject, kBatch));
  Table medians;
  for (auto& [name, values] : times) medians[name] = median(values);
  return medians;
}

struct Gate {
  const char* name;
  double ratio;
  double bound;
  bool is_minimum;
  bool holds() const { return is_minimum ? ratio >= bound : ratio <= bound; }
};

std::vector<Gate> gates(const Table& table) {
  const double pair = table.at("buffered send + recv, not recorded");
  return {
      {"mutex and deque / not recorded", table.at("std::mutex and std::deque") / pair, 1.5, true},
      {"recorded without values / not recorded", table.at("same, recorded without values") / pair,
       1.7, false},
      {"recorded with values / not recorded", table.at("same, recorded with values") / pair, 1.7,
       false},
      {"not recorded / built without recording", pair / table.at("same, built without recording"),
       1.03, false},
      {"two tasks' throughput / linear",
       table.at("one task of its own, recorded") / table.at("two tasks at once, recorded"), 0.9,
       true},
  };
}

int print_table() {
  // The C library leaves out atomic instructions until a process has a second thread.
  std::thread([] {}).join();
  const Table table = measure(subjects());
  std::printf("| work | ns |\n|---|---|\n");
  for (const Subject& subject : subjects())
    std::printf("| %s | %.1f |\n", subject.name.c_str(), table.at(subject.name));
  std::printf("\n| ratio | measured | bound | |\n|---|---|---|---|\n");
  int failed = 0;
  for (const Gate& gate : gates(table)) {
    std::printf("| %s | %.2f | %s %.2f | %s |\n", gate.name, gate.ratio,
                gate.is_minimum ? "at least" : "at most", gate.bound,
                gate.holds() ? "holds" : "fails");
    failed += gate.holds() ? 0 : 1;
  }
  return failed;
}

}  // namespace
}  // namespace chantrace::bench

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--table") == 0) return chantrace::bench::print_table() * 0;
    if (std::strcmp(argv[i], "--gates") == 0) return chantrace::bench::print_table() == 0 ? 0 : 1;
  }
  std::thread([] {}).join();
  for (const auto& subject : chantrace::bench::subjects())
    benchmark::RegisterBenchmark(subject.name.c_str(), [subject](benchmark::State& state) {
      while (state.KeepRunningBatch(chantrace::bench::kBatch))
        subject.run(chantrace::bench::kBatch);
    })->Unit(benchmark::kNanosecond);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
}
