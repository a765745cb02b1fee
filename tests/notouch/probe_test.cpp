// The probe in this very process, whose threads it watches.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <latch>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "call_site.h"
#include "chantrace/chantrace.h"
#include "chantrace/no_touch.h"
#include "own_files.h"
#include "process.h"
#include "support/temporary_folder.h"
#include "watcher.h"

namespace chantrace {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

NoTouchOptions quick_options() {
  NoTouchOptions options;
  options.poll_interval = milliseconds(2);
  options.baseline_samples = 3;
  options.trigger_delta = 10;
  options.trigger_window = milliseconds(5);
  options.cooldown = milliseconds(1);
  options.stuck_after = milliseconds(50);
  options.is_printed = false;
  return options;
}

/// Lets other threads run until `condition` holds; a test that waits in vain is ended by its
/// timeout.
void await(const std::function<bool()>& condition) {
  while (!condition()) std::this_thread::yield();
}

/// Threads that wait for a condition until this object goes.
class IdlePool {
 public:
  explicit IdlePool(int count) : all_wait_(count) {
    for (int i = 0; i < count; ++i) threads_.emplace_back([this] { wait_for_work(); });
    all_wait_.wait();
  }
  ~IdlePool() {
    {
      const std::lock_guard lock(mutex_);
      is_closed_ = true;
    }
    has_work_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }
  IdlePool(const IdlePool&) = delete;
  IdlePool& operator=(const IdlePool&) = delete;

  [[gnu::noinline]] void wait_for_work() {
    std::unique_lock lock(mutex_);
    all_wait_.count_down();
    while (!is_closed_) has_work_.wait(lock);
  }

 private:
  std::latch all_wait_;
  std::mutex mutex_;
  std::condition_variable has_work_;
  bool is_closed_ = false;
  std::vector<std::thread> threads_;
};

TEST(NoTouchProbeTest, SeesGrowthAndWhereTheThreadsAre) {
  NoTouchProbe probe(quick_options());
  await([&] { return probe.report().baseline.has_value(); });
  EXPECT_THAT(probe.report().incidents, IsEmpty());

  const IdlePool pool(30);
  await([&] { return !probe.report().incidents.empty(); });

  const NoTouchIncident incident = probe.report().incidents.at(0);
  EXPECT_EQ(incident.trigger, NoTouchTrigger::kGrowth);
  EXPECT_GE(incident.peak_delta, 10);
  EXPECT_THAT(incident.reason, HasSubstr("more than usual"));
  EXPECT_TRUE(probe.report().last_trigger_at.has_value());
}

TEST(NoTouchProbeTest, AnIdlePoolIsNotStuck) {
  const IdlePool pool(20);
  NoTouchOptions options = quick_options();
  options.stuck_after = milliseconds(1);
  NoTouchProbe probe(options);

  // A hundred samples are many times what a stuck thread takes.
  await([&] { return probe.report().samples.size() > 100; });

  EXPECT_EQ(probe.report().stuck_threads, 0u);
  EXPECT_EQ(probe.report().trigger_count, 0u);
}

TEST(NoTouchProbeTest, AnIdlePoolIsStuckForWhoeverWantsThat) {
  const IdlePool pool(20);
  NoTouchOptions options = quick_options();
  options.stuck_on = StuckOn::kAnyWait;
  NoTouchProbe probe(options);
  await([&] { return probe.report().stuck_threads >= 20; });
  await([&] { return !probe.report().incidents.empty(); });

  EXPECT_EQ(probe.report().incidents.at(0).trigger, NoTouchTrigger::kStuck);
  EXPECT_THAT(probe.report().incidents.at(0).reason, HasSubstr("without an end"));
}

TEST(NoTouchProbeTest, RunsOnceInAProcess) {
  EXPECT_FALSE(no_touch_report().is_enabled);
  NoTouchProbe probe(quick_options());
  EXPECT_TRUE(no_touch_report().is_enabled);

  EXPECT_THROW(NoTouchProbe{quick_options()}, std::logic_error);
  probe.stop();
  probe.stop();
  EXPECT_EQ(probe.report().mode, NoTouchMode::kDisabled);
  EXPECT_FALSE(no_touch_report().is_enabled);
}

TEST(NoTouchProbeTest, AnOpenIncidentIsClosedAtTheEnd) {
  NoTouchOptions options = quick_options();
  options.trigger_window = std::chrono::hours(1);
  NoTouchProbe probe(options);
  await([&] { return probe.report().baseline.has_value(); });
  const IdlePool pool(30);
  await([&] { return probe.report().is_triggered; });

  probe.stop();

  EXPECT_EQ(probe.report().incidents.size(), 1u);
}

TEST(NoTouchProbeTest, AForkedChildHasNone) {
  NoTouchProbe probe(quick_options());
  const pid_t child = fork();
  if (child == 0) {
    const bool has_none = !no_touch_report().is_enabled && !probe.report().is_enabled;
    probe.stop();
    probe.~NoTouchProbe();
    _exit(has_none ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);

  EXPECT_EQ(status, 0);
  EXPECT_TRUE(no_touch_report().is_enabled);
}

TEST(NoTouchProbeTest, OfASessionRecordsNothing) {
  Options options;
  ASSERT_TRUE(Options::from_text("notouch", options));
  Session session(std::move(options));

  EXPECT_TRUE(session.is_active());
  EXPECT_FALSE(is_recording());
  EXPECT_TRUE(no_touch_report().is_enabled);
  session.stop();
  EXPECT_FALSE(no_touch_report().is_enabled);
}

TEST(NoTouchProbeTest, OfASessionStandsBesideATrace) {
  const TemporaryFolder folder;
  const std::string trace = folder.file("x.chantrace").string();
  Session session(Options{}.no_touch(quick_options()).trace_file(trace));

  EXPECT_TRUE(is_recording());
  EXPECT_TRUE(no_touch_report().is_enabled);
}

TEST(ProcessTest, CountsAndListsTheOtherThreads) {
  const IdlePool first(1);  // With the first thread, a sanitizer starts one of its own.
  const std::size_t before = notouch::count_other_threads();
  const IdlePool pool(3);

  EXPECT_EQ(notouch::count_other_threads(), before + 3);
  EXPECT_EQ(notouch::other_threads().size(), before + 3);
  for (const pid_t id : notouch::other_threads()) EXPECT_NE(id, gettid());
}

TEST(ProcessTest, ThreadsThatAreGoneAreNoErrors) {
  pid_t gone = 0;
  std::thread([&] { gone = gettid(); }).join();
  await([&] { return !notouch::progress_of(gone).has_value(); });

  EXPECT_FALSE(notouch::system_call_of(gone).has_value());
  EXPECT_EQ(notouch::name_of(gone), "");
}

std::string read_text(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(WatcherTest, AThreadThatIsHiddenIsNotSaidToRun) {
  const IdlePool pool(1);
  prctl(PR_SET_DUMPABLE, 0);
  const uid_t user = geteuid();
  ASSERT_EQ(seteuid(user == 0 ? 65534 : user), 0);

  const notouch::Snapshot snapshot = notouch::Watcher(quick_options()).take_snapshot();

  ASSERT_EQ(seteuid(user), 0);
  prctl(PR_SET_DUMPABLE, 1);
  ASSERT_FALSE(snapshot.empty());
  for (const notouch::ThreadSnapshot& thread : snapshot)
    EXPECT_EQ(thread.wait, notouch::Wait::kOther);
}

TEST(ReplaceFileTest, LeavesNothingElseBehind) {
  const TemporaryFolder folder;
  const std::string path = folder.file("report").string();
  std::ofstream(path + ".new") << "another's";

  EXPECT_EQ(notouch::replace_file(path, "first"), "");
  EXPECT_EQ(notouch::replace_file(path, "second"), "");

  EXPECT_EQ(read_text(path), "second");
  EXPECT_EQ(read_text(path + ".new"), "another's");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 2);
}

TEST(ReplaceFileTest, WhatIsNoOrdinaryFileStays) {
  const TemporaryFolder folder;
  const std::string target = folder.file("target").string();
  const std::string link = folder.file("link").string();
  const std::string pipe = folder.file("pipe").string();
  std::filesystem::create_symlink(target, link);
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  std::ofstream(target) << "something that is longer";

  EXPECT_EQ(notouch::replace_file(link, "text"), "");
  EXPECT_NE(notouch::replace_file(pipe, "nobody reads it"), "");
  EXPECT_NE(notouch::replace_file(folder.path().string(), "text"), "");

  EXPECT_TRUE(std::filesystem::is_symlink(link));
  EXPECT_EQ(read_text(target), "text");
  EXPECT_TRUE(std::filesystem::is_fifo(pipe));
}

TEST(FindCallTest, NothingReturnsToZero) {
  const notouch::StackCopy zeros(0x1000, std::vector<unsigned char>(8'000));
  int asked_count = 0;
  const auto is_code = [&](std::uint64_t) { return ++asked_count > 0; };

  EXPECT_FALSE(notouch::find_call(0x5000, 0x1000, zeros, is_code).has_value());
  EXPECT_EQ(asked_count, 0);
}

TEST(ProcessTest, MemoryThatIsNotMappedIsNotRead) {
  const int number = 7;
  int copy = 0;
  EXPECT_EQ(notouch::read_memory(reinterpret_cast<std::uint64_t>(&number), &copy, sizeof copy),
            sizeof copy);
  EXPECT_EQ(copy, 7);
  EXPECT_EQ(notouch::read_memory(64, &copy, sizeof copy), 0u);
  EXPECT_EQ(notouch::read_memory(~std::uint64_t{0} - 4, &copy, sizeof copy), 0u);
}

}  // namespace
}  // namespace chantrace
