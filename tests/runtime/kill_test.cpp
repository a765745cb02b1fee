// What is left of a trace when its process is killed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <thread>

#include "chantrace/chantrace.h"
#include "chantrace/detail/execution.h"
#include "chantrace/trace.h"
#include "support/temporary_folder.h"

namespace chantrace {
namespace {

constexpr std::size_t kTasks = 4;
constexpr std::uint64_t kOperationsOfRound = 3;

/// Operations that each task has done, in memory that both processes see.
using Progress = std::array<std::atomic<std::uint64_t>, kTasks>;

struct Unmap {
  void operator()(Progress* progress) const { ::munmap(progress, sizeof(Progress)); }
};
using SharedProgress = std::unique_ptr<Progress, Unmap>;

SharedProgress share_progress() {
  void* const memory =
      ::mmap(nullptr, sizeof(Progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  return SharedProgress(new (memory) Progress{});
}

std::uint64_t total(const Progress& progress) {
  std::uint64_t sum = 0;
  for (const auto& operations : progress) sum += operations.load();
  return sum;
}

std::string label_of(std::size_t task) { return "busy " + std::to_string(task); }

/// Two senders and two receivers that never end, with values that are texts, and a lock.
[[noreturn]] void record_for_ever(const std::filesystem::path& path, Progress& progress) {
  detail::ExecutionOptions options;
  options.recording.path = path;
  const detail::Execution execution(std::move(options));
  std::array<Channel<std::string>, kTasks / 2> channels;
  for (auto& channel : channels) channel = Channel<std::string>("lines", 4);
  Mutex mutex("mutex");
  for (std::size_t task = 0; task < kTasks; ++task) {
    go(label_of(task), [&, task, channel = channels[task / 2]] {
      for (std::uint64_t round = 0;; ++round) {
        if (task % 2 == 0)
          channel.send("line " + std::to_string(round));
        else
          channel.recv();
        mutex.lock();
        mutex.unlock();
        progress[task].store((round + 1) * kOperationsOfRound);
      }
    });
  }
  while (true) ::pause();
}

// A kill may come between any two instructions. The number of operations after which it comes is
// drawn, small ones as often as large ones, so that traces of a few events are tried, those whose
// chunks are all in the spool, and those that have been written for long.
TEST(KillTest, LosesNoOperationThatWasDone) {
  constexpr int kKills = 20;
  std::mt19937 random(20240229);
  int parked = 0;
  for (int kill = 0; kill < kKills; ++kill) {
    const TemporaryFolder folder;
    const auto path = folder.file("busy.chantrace");
    const SharedProgress progress = share_progress();
    const std::uint64_t wanted = (1ull << kill) + random() % 1000;

    const pid_t process = ::fork();
    ASSERT_GE(process, 0);
    if (process == 0) record_for_ever(path, *progress);
    while (total(*progress) < wanted) {
      ASSERT_EQ(::waitpid(process, nullptr, WNOHANG), 0) << "it ended by itself";
      std::this_thread::yield();
    }
    ASSERT_EQ(::kill(process, SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(::waitpid(process, &status, 0), process);
    ASSERT_TRUE(WIFSIGNALED(status)) << "status " << status;
    const auto read = read_trace(path);

    ASSERT_TRUE(read.has_value()) << read.error().to_string();
    const Trace& trace = read.value();
    EXPECT_TRUE(trace.is_incomplete());
    EXPECT_EQ(trace.lost_count(), 0u);
    for (std::size_t task = 0; task < kTasks; ++task) {
      const std::uint64_t done = (*progress)[task].load();
      const auto info = std::find_if(trace.tasks.begin(), trace.tasks.end(),
                                     [&](const auto& one) { return one.label == label_of(task); });
      if (done == 0) continue;
      ASSERT_NE(info, trace.tasks.end());
      const auto stream = std::find_if(trace.streams.begin(), trace.streams.end(),
                                       [&](const TaskStream& one) { return one.task == info->id; });
      ASSERT_NE(stream, trace.streams.end());
      const auto& events = stream->events;
      const auto started = static_cast<std::uint64_t>(
          std::count_if(events.begin(), events.end(),
                        [](const EventRecord& event) { return starts_operation(event); }));
      // It may have begun another round, and not have come to say so.
      ASSERT_GE(started, done);
      ASSERT_LE(started, done + kOperationsOfRound);
      for (const EventRecord& event : events) {
        parked += phase_of(event) == Phase::kStart ? 1 : 0;
        if ((event.flags & kValueIsText) != 0) {
          ASSERT_TRUE(trace.texts.contains(event.value));
        }
        ASSERT_NE(trace.site(SiteId{event.site}).line, 0u);
      }
    }
    for (const Finding& finding : analyze(trace))
      EXPECT_NE(finding.kind, FindingKind::kInconsistent) << to_text(finding);
  }
  EXPECT_GT(parked, 0);
}

}  // namespace
}  // namespace chantrace
