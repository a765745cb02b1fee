// What a controlled execution costs from its start to its verdict, with the log of what tasks do
// and without, as a multiple of the switch from one fiber to another and back, which is measured in
// between.
#include <algorithm>
#include <boost/context/detail/fcontext.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "chantrace/chantrace.h"
#include "chantrace/detail/event_log.h"
#include "chantrace/explore.h"
#include "explore/controlled_run.h"
#include "explore/strategies.h"

namespace {

using namespace chantrace;

/// 50 round trips over two unbuffered channels.
void ping_pong() {
  Channel<int> there("there");
  Channel<int> back("back");
  Task peer = go([=] {
    for (int value : there) back.send(value);
  });
  for (int i = 0; i < 50; ++i) {
    there.send(i);
    back.recv();
  }
  there.close();
  peer.join();
}

/// One producer, three workers, one collector, 30 jobs.
void fan() {
  Channel<int> jobs("jobs", 4);
  Channel<int> results("results", 4);
  Task producer = go([=] {
    for (int i = 0; i < 30; ++i) jobs.send(i);
    jobs.close();
  });
  Task workers[3];
  for (Task& worker : workers)
    worker = go([=] {
      for (int job : jobs) results.send(job);
    });
  Task collector = go([=] {
    for (int i = 0; i < 30; ++i) results.recv();
  });
  producer.join();
  for (Task& worker : workers) worker.join();
  collector.join();
}

/// Three tasks that lock, add and unlock ten times each.
void locks() {
  Mutex mutex;
  int sum = 0;
  Task tasks[3];
  for (Task& task : tasks)
    task = go([&] {
      for (int i = 0; i < 10; ++i) {
        mutex.lock();
        ++sum;
        mutex.unlock();
      }
    });
  for (Task& task : tasks) task.join();
}

/// Four empty tasks, started and joined.
void start_and_join() {
  Task tasks[4];
  for (Task& task : tasks) task = go([] {});
  for (Task& task : tasks) task.join();
}

/// A token that `tasks` tasks hand on in a ring, `laps` times around.
void ring(int tasks, int laps) {
  std::vector<Channel<int>> channels;
  for (int i = 0; i < tasks; ++i) channels.emplace_back("ring", 1);
  std::vector<Task> members;
  for (int i = 0; i < tasks; ++i)
    members.push_back(go([&channels, i, tasks, laps] {
      const Channel<int>& mine = channels[static_cast<std::size_t>(i)];
      const Channel<int>& next = channels[static_cast<std::size_t>((i + 1) % tasks)];
      for (int lap = 0; lap < laps; ++lap) next.send(mine.recv().value() + 1);
    }));
  channels[0].send(0);
  for (const Task& member : members) member.join();
  channels[0].recv();
}

double ring_step_ns(int tasks, int laps, std::uint64_t count) {
  const ExploreResult result =
      explore([&] { ring(tasks, laps); },
              {.schedules = count, .strategy = random_walk(), .runs_again = false});
  return static_cast<double>(result.elapsed.count()) / static_cast<double>(result.steps);
}

struct Workload {
  const char* name;
  void (*body)();
  double goal;
};

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

double raw_round_trip_ns() {
  using namespace boost::context::detail;
  static std::vector<char> stack(64 * 1024);
  transfer_t there{make_fcontext(stack.data() + stack.size(), stack.size(),
                                 [](transfer_t from) {
                                   for (;;) from = jump_fcontext(from.fctx, nullptr);
                                 }),
                   nullptr};
  constexpr int kCount = 200'000;
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < kCount; ++i) there = jump_fcontext(there.fctx, nullptr);
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start)
             .count() /
         kCount;
}

/// Executions alone, without what `explore` does between them, with a log or without (nullptr).
double bare_ns(const Workload& workload, detail::EventLog* log, std::uint64_t count) {
  detail::ControlledRuns runs({.for_races = true, .for_lock_orders = true});
  const auto strategy = detail::make_strategy(random_walk(), count, {});
  const auto start = std::chrono::steady_clock::now();
  for (std::uint64_t i = 0; i < count; ++i) {
    strategy->begin(i);
    runs.run(workload.body, *strategy, {}, log);
    strategy->end(true);
  }
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start)
             .count() /
         static_cast<double>(count);
}

double execution_ns(const Workload& workload, const SearchStrategy& strategy, std::uint64_t count) {
  ExploreOptions options;
  options.schedules = count;
  options.strategy = strategy;
  const ExploreResult result = explore(workload.body, options);
  if (result.first_failure || result.executions != count) {
    std::fprintf(stderr, "%s failed\n%s", workload.name, to_text(result.findings().at(0)).c_str());
    std::exit(1);
  }
  return static_cast<double>(result.elapsed.count()) / static_cast<double>(count);
}

}  // namespace

int main(int argc, char** argv) {
  const Workload workloads[] = {{"W1 50 round trips", ping_pong, 900},
                                {"W2 fan, 30 jobs", fan, 360},
                                {"W3 3 x 10 locks", locks, 145},
                                {"W4 4 empty tasks", start_and_join, 30}};
  if (argc > 1) {
    const Workload& one = workloads[std::atoi(argv[1])];
    std::printf(
        "%.1f ns\n",
        execution_ns(one, random_walk(), argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 400'000));
    return 0;
  }
  constexpr int kRounds = 9;
  std::vector<double> raw;
  std::vector<double> ns[4];
  std::vector<double> ratio[4];
  std::vector<double> log_cost[4];
  for (int round = 0; round < kRounds; ++round) {
    for (int i = 0; i < 4; ++i) {
      const double switch_ns = raw_round_trip_ns();
      const double one = execution_ns(workloads[i], random_walk(), 20'000);
      detail::EventLog log;
      const double without = bare_ns(workloads[i], nullptr, 10'000);
      const double with = bare_ns(workloads[i], &log, 10'000);
      log_cost[i].push_back(with / without);
      raw.push_back(switch_ns);
      ns[i].push_back(one);
      ratio[i].push_back(one / switch_ns);
    }
  }
  std::vector<double> ring_ratio;
  for (int round = 0; round < kRounds; ++round) {
    const double small = ring_step_ns(10, 100, 300);
    ring_ratio.push_back(ring_step_ns(1'000, 45, 12) / small);
  }
  std::printf("raw round trip %.2f ns\n", median(raw));
  for (int i = 0; i < 4; ++i)
    std::printf("%-20s %9.0f ns %9.0f /s  %7.1f round trips (goal %.0f)  log %+.0f %%\n",
                workloads[i].name, median(ns[i]), 1e9 / median(ns[i]), median(ratio[i]),
                workloads[i].goal, 100 * (median(log_cost[i]) - 1));
  std::printf("a step in a ring of 1,000 tasks costs %.2f times one in a ring of 10 (goal 2)\n",
              median(ring_ratio));
}
