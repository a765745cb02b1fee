#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "chantrace/detail/spool.h"
#include "recording.h"
#include "support/temporary_folder.h"

namespace chantrace {
namespace {

constexpr std::uint32_t kTasks = 4;

/// What the child says of itself, in memory that both processes see.
struct Progress {
  /// Events that a task has recorded, which must not be lost.
  std::array<std::atomic<std::uint64_t>, kTasks + 1> events{};
  /// Tasks that have been defined in a finished call.
  std::atomic<std::uint32_t> definitions = 0;
};

class SharedProgress {
 public:
  SharedProgress()
      : progress_(new (::mmap(nullptr, sizeof(Progress), PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS, -1, 0)) Progress) {}
  ~SharedProgress() { ::munmap(progress_, sizeof(Progress)); }
  SharedProgress(const SharedProgress&) = delete;
  SharedProgress& operator=(const SharedProgress&) = delete;

  Progress* operator->() const { return progress_; }

  std::uint64_t events_count() const {
    std::uint64_t count = 0;
    for (const auto& events : progress_->events) count += events.load();
    return count;
  }

 private:
  Progress* progress_;
};

/// Records until it is killed.
[[noreturn]] void record_for_ever(const std::filesystem::path& path,
                                  const SharedProgress& progress) {
  auto spool = detail::Spool::create(path);
  if (!spool.has_value()) ::_exit(1);
  detail::Spool& log = *spool.value();
  log.append(detail::encode_header(test_header()));
  std::vector<std::thread> threads;
  for (std::uint32_t task = 1; task <= kTasks; ++task)
    threads.emplace_back([&log, &progress, task] {
      TaskRecorder recorder(log, TaskId{task});
      while (true) {
        recorder.record();
        progress->events[task].store(recorder.recorded());
      }
    });
  for (std::uint32_t id = 1;; ++id) {
    log.append(detail::encode_task({.id = TaskId{id}, .label = "task " + std::to_string(id)}));
    progress->definitions.store(id);
    std::this_thread::yield();
  }
}

// A kill may come between any two instructions; the number of events at which it comes is drawn,
// and small numbers are drawn as often as large ones.
TEST(SpoolKillTest, LosesNothingThatWasRecorded) {
  constexpr int kKills = 25;
  std::mt19937 random(20240607);
  for (int kill = 0; kill < kKills; ++kill) {
    const TemporaryFolder folder;
    const auto path = folder.file("trace");
    const SharedProgress progress;
    const std::uint64_t events_wanted = 1ull << random() % 20;

    const pid_t process = ::fork();
    ASSERT_GE(process, 0);
    if (process == 0) record_for_ever(path, progress);
    while (progress.events_count() < events_wanted || progress->definitions.load() == 0)
      std::this_thread::yield();
    ASSERT_EQ(::kill(process, SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(::waitpid(process, &status, 0), process);
    ASSERT_TRUE(WIFSIGNALED(status)) << "status " << status;
    const auto trace = read_trace(path);

    ASSERT_TRUE(trace.has_value()) << trace.error().to_string();
    EXPECT_TRUE(trace.value().is_incomplete());
    EXPECT_EQ(trace.value().header, test_header());
    EXPECT_GE(trace.value().tasks.size(), progress->definitions.load());
    for (std::uint32_t task = 1; task <= kTasks; ++task) {
      const std::uint64_t published = progress->events[task].load();
      const TaskStream* found = nullptr;
      for (const TaskStream& stream : trace.value().streams)
        if (stream.task == TaskId{task}) found = &stream;
      if (published == 0) continue;
      ASSERT_NE(found, nullptr) << "task " << task;
      EXPECT_THAT(found->gaps, testing::IsEmpty());
      // It may have recorded one more and not have come to say so.
      ASSERT_GE(found->events.size(), published);
      ASSERT_LE(found->events.size(), published + 1);
      for (std::uint64_t i = 0; i < found->events.size(); ++i)
        ASSERT_EQ(found->events[i], numbered_event(TaskId{task}, i));
    }
  }
}

}  // namespace
}  // namespace chantrace
