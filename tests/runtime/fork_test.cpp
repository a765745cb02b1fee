// A child process has one task, the one that forked; it works, and records nothing.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>

#include "chantrace/chantrace.h"
#include "chantrace/trace.h"
#include "runtime/collecting_sink.h"
#include "support/run_on_threads.h"
#include "support/temporary_folder.h"
#include "support/until_parked.h"

namespace chantrace {
namespace {

using namespace std::chrono_literals;

/// Runs `function` in a child. Returns its exit code; -1 where it was killed.
int in_child(const std::function<int()>& function) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);
    _exit(function());
  }
  int status = 0;
  if (waitpid(child, &status, 0) != child || !WIFEXITED(status)) return -1;
  return WEXITSTATUS(status);
}

int use_everything() {
  const Channel<int> channel("in the child");
  const Task sender = go("sender", [=] { channel.send(3); });
  if (channel.recv() != 3) return 1;
  sender.join();
  sleep_for(1ms);
  if (!after(1ms).recv()) return 2;
  if (is_recording()) return 3;
  return 0;
}

TEST(ForkTest, ChildWorks) {
  const Channel<int> channel("warm", 1);
  channel.send(1);

  EXPECT_EQ(in_child(use_everything), 0);
}

TEST(ForkTest, ObjectsOfAChildEndThoughSinksWereBusy) {
  const Session session(Options{}.sink(std::make_shared<NullSink>()));
  std::atomic<bool> is_over = false;
  const Task busy = go("busy", [&] {
    while (!is_over) {
      Mutex short_lived;
      const std::lock_guard lock(short_lived);
    }
  });

  int failed = 0;
  for (int i = 0; i < 200 && failed == 0; ++i) {
    auto mutex = std::make_unique<Mutex>();
    mutex->lock();
    mutex->unlock();
    const auto end_it = [&] {
      mutex.reset();
      return 0;
    };
    failed += in_child(end_it) == 0 ? 0 : 1;
  }
  is_over = true;
  busy.join();

  EXPECT_EQ(failed, 0);
}

TEST(ForkTest, ChildOfARecordedTestWorksAndLeavesTheTraceAlone) {
  const TemporaryFolder folder;
  detail::RecordingOptions options;
  options.path = folder.path() / "fork.chantrace";
  const ThreadsRun run = run_on_threads(
      [] {
        const Channel<int> channel("shared", 8);
        const Channel<int> gate("gate");
        const Task waiter = go("waiter", [=] { gate.recv(); });
        until_parked("waiter");
        after(1ms).recv();
        channel.send(1);
        EXPECT_EQ(in_child([&] {
                    channel.send(2);
                    if (channel.recv() != 1 || channel.recv() != 2) return 9;
                    return use_everything();
                  }),
                  0);
        EXPECT_EQ(channel.recv(), 1);
        EXPECT_EQ(channel.size(), 0u);
        gate.send(1);
        waiter.join();
      },
      10s, options);

  EXPECT_TRUE(run.findings.empty()) << run.to_string();
  const auto trace = read_trace(options.path);
  ASSERT_TRUE(trace.has_value());
  EXPECT_TRUE(trace.value().warnings.empty());
  EXPECT_FALSE(trace.value().is_incomplete());
  EXPECT_TRUE(order_events(trace.value()).contradictions.empty());
  for (const ObjectInfo& object : trace.value().objects) EXPECT_NE(object.name, "in the child");
}

TEST(ForkTest, ChildMayRunATestOfItsOwn) {
  EXPECT_EQ(in_child([] {
              const ThreadsRun run = run_on_threads([] {
                const Channel<int> channel("never");
                go("stuck", [=] { channel.recv(); });
              });
              return run.faults().size() == 1 && !run.body_was_stuck ? 0 : 1;
            }),
            0);
}

}  // namespace
}  // namespace chantrace
