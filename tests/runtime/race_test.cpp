// Data races in the traces of runs on threads that passed.
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "chantrace/chantrace.h"
#include "chantrace/trace.h"
#include "support/run_on_threads.h"
#include "support/temporary_folder.h"

namespace chantrace {
namespace {

std::vector<Finding> races_on_threads(const std::function<void()>& body) {
  const TemporaryFolder folder;
  detail::RecordingOptions recording;
  recording.path = folder.file("race.chantrace");
  const ThreadsRun run = run_on_threads(body, std::chrono::seconds(10), recording);
  EXPECT_TRUE(run.faults().empty()) << run.to_string();
  std::vector<Finding> findings = analyze(read_trace(recording.path).value());
  std::erase_if(findings, [](const Finding& one) { return one.kind != FindingKind::kRace; });
  return findings;
}

void add_together(bool is_locked) {
  Mutex mutex("mutex");
  Shared<int> sum(0, "sum");
  const auto add = [&] {
    if (is_locked) mutex.lock();
    sum.store(sum.load() + 1);
    if (is_locked) mutex.unlock();
  };
  Task other = go("other", add);
  add();
  other.join();
}

TEST(RaceOnThreadsTest, IsFoundInTheTraceOfARunThatPassed) {
  const std::vector<Finding> races = races_on_threads([] { add_together(false); });

  ASSERT_FALSE(races.empty());
  EXPECT_EQ(races[0].certainty, Certainty::kCertain);
  ASSERT_EQ(races[0].participants.size(), 2u);
  EXPECT_NE(races[0].participants[0].label, races[0].participants[1].label);
}

TEST(RaceOnThreadsTest, CorrectTwinHasNone) {
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(races_on_threads([] { add_together(true); }).empty());
}

/// What a joined task hands back over channels of all kinds, to many readers.
TEST(RaceOnThreadsTest, PipelineHasNone) {
  for (int i = 0; i < 20; ++i) {
    const std::vector<Finding> races = races_on_threads([] {
      Channel<int> jobs("jobs", 2);
      Channel<int> results("results");
      std::vector<std::unique_ptr<Shared<int>>> slots;
      for (int slot = 0; slot < 8; ++slot) slots.push_back(std::make_unique<Shared<int>>(0));
      std::vector<Task> workers;
      WaitGroup working("working", 2);
      for (int worker = 0; worker < 2; ++worker)
        workers.push_back(go("worker", [&] {
          for (int job : jobs) {
            slots[static_cast<std::size_t>(job)]->store(job);
            results.send(job);
          }
          working.done();
        }));
      workers.push_back(go("closer", [&] {
        working.wait();
        results.close();
      }));
      workers.push_back(go("feeder", [&] {
        for (int job = 0; job < 8; ++job) {
          slots[static_cast<std::size_t>(job)]->store(-1);
          jobs.send(job);
        }
        jobs.close();
      }));
      for (int job : results) EXPECT_EQ(slots[static_cast<std::size_t>(job)]->load(), job);
      for (const Task& worker : workers) worker.join();
    });
    EXPECT_TRUE(races.empty()) << to_text(races[0]);
  }
}

TEST(RaceOnThreadsTest, WithAThreadOfTheHostItIsOnlyPossible) {
  const std::vector<Finding> races = races_on_threads([] {
    Shared<int> value(0, "value");
    std::thread host([&] { value.store(1); });
    host.join();
    value.load();
  });

  ASSERT_EQ(races.size(), 1u);
  EXPECT_EQ(races[0].certainty, Certainty::kPossible);
}

}  // namespace
}  // namespace chantrace
