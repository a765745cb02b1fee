/// \file
/// A program that shows itself in a browser while it runs: jobs go to three workers, which parse
/// them or raise an alert, and an aggregator looks at both every now and then. It runs until it is
/// interrupted, or, with a number, until so many jobs are done.
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>

#include "chantrace/chantrace.h"

using chantrace::Channel;
using std::chrono::milliseconds;

namespace {

volatile std::sig_atomic_t is_interrupted = 0;
void interrupt(int) { is_interrupted = 1; }

void produce(const Channel<int>& jobs, int count) {
  for (int job = 1; is_interrupted == 0 && (count == 0 || job <= count); ++job) {
    jobs.send(job);
    if (count == 0) chantrace::sleep_for(milliseconds(5));
  }
  jobs.close();
}

void work(const Channel<int>& jobs, const Channel<std::string>& parsed,
          const Channel<std::string>& alerts) {
  for (const int job : jobs) {
    if (job % 10 == 0)
      alerts.send("job " + std::to_string(job) + " is suspicious");
    else
      parsed.send("job " + std::to_string(job));
  }
}

struct Totals {
  int parsed = 0;
  int alerts = 0;
};

Totals aggregate(const Channel<std::string>& parsed, const Channel<std::string>& alerts) {
  Totals totals;
  bool is_parsing = true;
  bool is_alerting = true;
  while (is_parsing || is_alerting) {
    bool is_idle = false;
    chantrace::select(chantrace::on_recv(is_parsing ? parsed : Channel<std::string>{},
                                         [&](const std::optional<std::string>& one) {
                                           one ? void(++totals.parsed) : void(is_parsing = false);
                                         }),
                      chantrace::on_recv(is_alerting ? alerts : Channel<std::string>{},
                                         [&](const std::optional<std::string>& one) {
                                           one ? void(++totals.alerts) : void(is_alerting = false);
                                         }),
                      chantrace::on_default([&] { is_idle = true; }));
    if (is_idle) chantrace::sleep_for(milliseconds(10));
  }
  return totals;
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGINT, interrupt);
  const int count = argc > 1 ? std::atoi(argv[1]) : 0;
  chantrace::Options options;
  if (!chantrace::Options::from_environment(options)) options.web();
  const chantrace::Session session(std::move(options));

  const Channel<int> jobs("jobs", 8);
  const Channel<std::string> parsed("parsed", 16);
  const Channel<std::string> alerts("alerts", 4);
  chantrace::go("producer", [=] { produce(jobs, count); });
  const chantrace::Task pool = chantrace::go("pool", [=] {
    chantrace::WaitGroup workers("workers");
    for (int i = 1; i <= 3; ++i) {
      workers.add(1);
      chantrace::go("worker-" + std::to_string(i), [=, &workers] {
        work(jobs, parsed, alerts);
        workers.done();
      });
    }
    workers.wait();
    parsed.close();
    alerts.close();
  });
  const Totals totals = aggregate(parsed, alerts);
  pool.join();
  std::printf("%d jobs parsed, %d alerts\n", totals.parsed, totals.alerts);
}
