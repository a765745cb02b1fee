// A test with inputs: RapidCheck draws them, and each runs under many schedules. It fails with
// three workers and no room for their results, and then under some schedules only.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "chantrace/chantrace.h"
#include "chantrace/property.h"

using chantrace::Between;

CHANTRACE_PROP(Pool, IsDoneAfterTwoResults, (Between<1, 6> workers, Between<0u, 3u> capacity)) {
  const chantrace::Channel<int> results("results", capacity);
  chantrace::Atomic<bool> are_enough(false);
  std::vector<chantrace::Task> tasks;
  for (int i = 1; i <= workers; ++i)
    tasks.push_back(chantrace::go("worker-" + std::to_string(i), [&, i] {
      if (!are_enough.load()) results.send(i);
    }));

  for (int i = 0; i < std::min<int>(workers, 2); ++i) results.recv();
  are_enough.store(true);
  for (chantrace::Task& task : tasks) task.join();
}
