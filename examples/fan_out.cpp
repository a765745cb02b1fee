/// \file
/// Three workers share a channel of jobs; the last one to finish lets the results end.
#include <cstdio>
#include <set>
#include <string>

#include "chantrace/chantrace.h"

int main() {
  const chantrace::Session session;
  const chantrace::Channel<int> jobs("jobs", 10);
  const chantrace::Channel<int> results("results", 10);
  chantrace::WaitGroup workers("workers", 3);

  for (int i = 1; i <= 3; ++i) {
    chantrace::go("worker-" + std::to_string(i), [=, &workers] {
      for (const int job : jobs) results.send(job * job);
      workers.done();
    });
  }
  chantrace::go("producer", [=] {
    for (int job = 1; job <= 9; ++job) jobs.send(job);
    jobs.close();
  });
  const chantrace::Task closer = chantrace::go("closer", [=, &workers] {
    workers.wait();
    results.close();
  });

  std::set<int> sorted;  // Results come in any order.
  for (const int result : results) sorted.insert(result);
  closer.join();  // It uses `workers`, which is on this stack.

  std::printf("%zu results:", sorted.size());
  for (const int result : sorted) std::printf(" %d", result);
  std::printf("\n");
}
