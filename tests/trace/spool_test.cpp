#include "chantrace/detail/spool.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "recording.h"
#include "support/temporary_folder.h"

namespace chantrace::detail {
namespace {

class SpoolTest : public testing::Test {
 protected:
  std::unique_ptr<Spool> create() { return create(path()); }

  static std::unique_ptr<Spool> create(const std::filesystem::path& path) {
    auto spool = Spool::create(path);
    EXPECT_TRUE(spool.has_value());
    auto made = std::move(spool).value();
    made->append(encode_header(test_header()));
    return made;
  }

  Trace read() const {
    auto trace = read_trace(path());
    EXPECT_TRUE(trace.has_value()) << trace.error().to_string();
    return trace.has_value() ? std::move(trace).value() : Trace{};
  }

  static void expect_events(const TaskStream& stream, std::uint64_t count) {
    ASSERT_EQ(stream.events.size(), count);
    EXPECT_THAT(stream.gaps, testing::IsEmpty());
    for (std::uint64_t i = 0; i < count; ++i)
      ASSERT_EQ(stream.events[i], numbered_event(stream.task, i)) << "event " << i;
  }

  std::filesystem::path path() const { return folder_.file("trace"); }
  std::filesystem::path spool_path() const { return folder_.file("trace.spool"); }

  TemporaryFolder folder_;
};

TEST_F(SpoolTest, KeepsWhatWasRecorded) {
  const auto spool = create();
  {
    TaskRecorder recorder(*spool, TaskId{1});
    for (int i = 0; i < 5000; ++i) recorder.record();
  }
  spool->append(encode_task({.id = TaskId{1}, .label = "main"}));
  spool->append(encode_end({}));
  spool->close(true);

  const Trace trace = read();

  EXPECT_EQ(trace.header, test_header());
  EXPECT_FALSE(trace.is_incomplete());
  EXPECT_THAT(trace.warnings, testing::IsEmpty());
  ASSERT_EQ(trace.tasks.size(), 1u);
  EXPECT_EQ(trace.tasks[0].label, "main");
  ASSERT_EQ(trace.streams.size(), 1u);
  expect_events(trace.streams[0], 5000);
  EXPECT_EQ(spool->bytes_written(), std::filesystem::file_size(path()));
  EXPECT_EQ(spool->write_errors(), 0u);
}

TEST_F(SpoolTest, CanBeReadWhileItIsOpen) {
  const auto spool = create();
  TaskRecorder recorder(*spool, TaskId{1});
  for (int i = 0; i < 5000; ++i) {
    recorder.record();
    if (i != 0 && i != 124 && i != 125 && i != 126 && i != 4999) continue;

    const Trace trace = read();

    EXPECT_TRUE(trace.is_incomplete());
    ASSERT_EQ(trace.streams.size(), 1u);
    expect_events(trace.streams[0], recorder.recorded());
  }
}

TEST_F(SpoolTest, IsNotReadTwiceWhereAChunkWasWrittenAndNotYetReset) {
  const auto spool = create();
  const auto buffer = spool->acquire(kSpoolSmallBufferBytes);
  Chunk& chunk = *make_chunk(buffer, TaskId{1}, 0, 0);
  for (std::uint32_t i = 0; i < 10; ++i) {
    chunk.events()[i] = numbered_event(TaskId{1}, i);
    chunk.count.store(i + 1);
  }
  spool->write(chunk);
  const Trace as_written = read();
  chunk.events()[10] = numbered_event(TaskId{1}, 10);
  chunk.count.store(11);
  const Trace gone_on = read();

  expect_events(as_written.streams.at(0), 10);
  expect_events(gone_on.streams.at(0), 11);
}

TEST_F(SpoolTest, LeavesNoFileWhereTheTraceIsNotKept) {
  const auto spool = create();
  { TaskRecorder(*spool, TaskId{1}).record(); }

  spool->close(false);

  EXPECT_FALSE(std::filesystem::exists(path()));
}

TEST_F(SpoolTest, ReplacesAnOlderTraceAndItsSpool) {
  std::ofstream(path()) << "old";
  std::ofstream(spool_path()) << "old";
  const auto spool = create();

  EXPECT_THAT(read().streams, testing::IsEmpty());
  EXPECT_EQ(read().header, test_header());
}

TEST_F(SpoolTest, SaysWhyItCannotBeMade) {
  const auto spool = Spool::create(folder_.file("missing") / "trace");

  ASSERT_FALSE(spool.has_value());
  EXPECT_THAT(spool.error().to_string(), testing::HasSubstr("No such file or directory"));
  EXPECT_THAT(spool.error().to_string(), testing::HasSubstr("missing/trace"));
}

TEST_F(SpoolTest, DoesNotReplaceWhatIsNoFile) {
  std::filesystem::create_directory(path());

  EXPECT_FALSE(Spool::create(path()).has_value());
  EXPECT_TRUE(std::filesystem::is_directory(path()));
}

TEST_F(SpoolTest, WritesNothingWithoutAPath) {
  auto spool = Spool::create({});
  ASSERT_TRUE(spool.has_value());
  spool.value()->append(encode_header(test_header()));
  { TaskRecorder(*spool.value(), TaskId{1}).record(); }
  spool.value()->close(true);

  EXPECT_EQ(spool.value()->bytes_written(), 0u);
}

TEST_F(SpoolTest, GivesEachCallerABufferOfItsOwn) {
  const auto spool = create();
  std::set<const std::byte*> seen;
  for (int i = 0; i < 5000; ++i) {
    const std::size_t size_bytes = i % 50 == 0 ? kSpoolBufferBytes : kSpoolSmallBufferBytes;
    const auto buffer = spool->acquire(size_bytes);
    ASSERT_EQ(buffer.size(), size_bytes);
    ASSERT_EQ(reinterpret_cast<std::uintptr_t>(buffer.data()) % 8, 0u);
    for (std::size_t offset = 0; offset < size_bytes; offset += kSpoolSmallBufferBytes)
      ASSERT_TRUE(seen.insert(buffer.data() + offset).second);
    make_chunk(buffer, TaskId{1}, 0, 0);
  }
}

TEST_F(SpoolTest, RecyclesBuffers) {
  const auto spool = create();
  const auto first = spool->acquire(kSpoolBufferBytes);
  spool->release(first);

  EXPECT_EQ(spool->acquire(kSpoolBufferBytes).data(), first.data());
}

TEST_F(SpoolTest, HoldsTheOpenChunksOfThousandsOfTasks) {
  constexpr std::uint32_t kTasks = 2000;
  const auto spool = create();
  std::vector<std::unique_ptr<TaskRecorder>> recorders;
  for (std::uint32_t i = 1; i <= kTasks; ++i)
    recorders.push_back(std::make_unique<TaskRecorder>(*spool, TaskId{i}));
  for (std::uint32_t i = 0; i < kTasks; ++i)
    for (std::uint32_t j = 0; j <= i % 200; ++j) recorders[i]->record();

  const Trace trace = read();

  ASSERT_EQ(trace.streams.size(), kTasks);
  for (std::uint32_t i = 0; i < kTasks; ++i) expect_events(trace.streams[i], i % 200 + 1);
}

TEST_F(SpoolTest, TakesMoreDefinitionsThanItsLogHolds) {
  constexpr std::uint32_t kTasks = 5000;
  const auto spool = create();
  for (std::uint32_t i = 1; i <= kTasks; ++i)
    spool->append(encode_task({.id = TaskId{i}, .label = "task " + std::to_string(i)}));
  spool->append(encode_text(1, std::string(100'000, 'x')));
  const Trace open = read();
  spool->close(true);
  const Trace closed = read();

  EXPECT_EQ(open.tasks.size(), kTasks);
  EXPECT_EQ(open.texts.at(1).size(), 100'000u);
  EXPECT_EQ(closed, open);
}

TEST_F(SpoolTest, IsReadOnlyWithItsOwnTrace) {
  const auto other = create(folder_.file("other"));
  other->append(encode_task({.id = TaskId{1}, .label = "of the other"}));
  TraceHeader header = test_header();
  header.test = "Suite.Another";
  Trace written;
  written.header = header;
  ASSERT_FALSE(write_trace(written, path()).has_value());
  std::filesystem::copy_file(folder_.file("other.spool"), spool_path());

  const Trace trace = read();

  EXPECT_EQ(trace.header.test, "Suite.Another");
  EXPECT_THAT(trace.tasks, testing::IsEmpty());
  EXPECT_THAT(trace.warnings, testing::ElementsAre(testing::HasSubstr("belongs to another")));
}

TEST_F(SpoolTest, IsReadEvenWhereNothingHasReachedTheFile) {
  const auto spool = create();
  spool->append(encode_task({.id = TaskId{1}, .label = "main"}));

  EXPECT_EQ(std::filesystem::file_size(path()), 0u);
  EXPECT_EQ(read().tasks.size(), 1u);
}

TEST_F(SpoolTest, OutlivesItsClosingForTasksThatDo) {
  const auto spool = create();
  const auto buffer = spool->acquire(kSpoolSmallBufferBytes);
  Chunk& chunk = *make_chunk(buffer, TaskId{1}, 0, 0);

  spool->close(true);
  chunk.events()[0] = numbered_event(TaskId{1}, 0);
  chunk.count.store(1);
  spool->write(chunk);
  spool->release(buffer);
  spool->append(encode_task({.id = TaskId{1}, .label = {}}));

  EXPECT_THAT(read().streams, testing::IsEmpty());
  EXPECT_FALSE(std::filesystem::exists(spool_path()));
}

TEST_F(SpoolTest, IsMadeAnewManyTimes) {
  for (int i = 0; i < 100; ++i) {
    const auto spool = create(folder_.file("trace" + std::to_string(i % 3)));
    TaskRecorder recorder(*spool, TaskId{1});
    for (int j = 0; j <= i; ++j) recorder.record();
    const auto trace = read_trace(folder_.file("trace" + std::to_string(i % 3)));
    ASSERT_TRUE(trace.has_value());
    expect_events(trace.value().streams.at(0), static_cast<std::uint64_t>(i) + 1);
    if (i % 7 == 0)
      std::filesystem::remove(folder_.file("trace" + std::to_string(i % 3) + ".spool"));
  }
}

TEST_F(SpoolTest, TakesEventsFromManyThreads) {
  constexpr std::uint32_t kThreads = 8;
  constexpr int kEvents = 20'000;
  const auto spool = create();
  std::vector<std::thread> threads;
  for (std::uint32_t i = 1; i <= kThreads; ++i)
    threads.emplace_back([&spool, i] {
      TaskRecorder recorder(*spool, TaskId{i});
      for (int j = 0; j < kEvents; ++j) recorder.record();
      spool->append(encode_task({.id = TaskId{i}, .label = {}}));
    });
  for (std::thread& thread : threads) thread.join();
  spool->close(true);

  const Trace trace = read();

  EXPECT_EQ(trace.tasks.size(), kThreads);
  ASSERT_EQ(trace.streams.size(), kThreads);
  for (const TaskStream& stream : trace.streams) expect_events(stream, kEvents);
}

/// Runs `child` in a forked process, which must end well.
template <typename Child>
void run_in_child(Child child) {
  const pid_t process = ::fork();
  ASSERT_GE(process, 0);
  if (process == 0) {
    child();
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(process, &status, 0), process);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "status " << status;
}

TEST_F(SpoolTest, IsNotTouchedByAForkedChild) {
  auto spool = create();
  TaskRecorder recorder(*spool, TaskId{1});
  for (int i = 0; i < 10; ++i) recorder.record();

  run_in_child([&] {
    for (int i = 0; i < 5000; ++i) recorder.record();
    { TaskRecorder(*spool, TaskId{2}).record(); }
    spool->append(encode_task({.id = TaskId{9}, .label = {}}));
    spool->flush();
    spool->close(false);
  });
  for (int i = 0; i < 10; ++i) recorder.record();
  const Trace trace = read();

  EXPECT_THAT(trace.tasks, testing::IsEmpty());
  ASSERT_EQ(trace.streams.size(), 1u);
  expect_events(trace.streams[0], 20);
}

TEST_F(SpoolTest, OfAForkedChildIsItsOwn) {
  { create(folder_.file("before"))->close(false); }
  auto spool = create();
  TaskRecorder recorder(*spool, TaskId{1});
  recorder.record();

  run_in_child([&] {
    const auto mine = create(folder_.file("child"));
    TaskRecorder child(*mine, TaskId{5});
    child.record();
    child.flush();
    mine->close(true);
  });
  const auto of_child = read_trace(folder_.file("child"));

  ASSERT_TRUE(of_child.has_value());
  EXPECT_EQ(of_child.value().streams.at(0).task, TaskId{5});
  expect_events(read().streams.at(0), 1);
}

TEST_F(SpoolTest, CountsWhatAFullDiskRefuses) {
  // A limit on the size of files stands for the disk. A child, since it cannot be raised again.
  run_in_child([&] {
    struct rlimit limit = {200'000, 200'000};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) ::_exit(2);
    auto spool = Spool::create(path());
    if (!spool.has_value()) ::_exit(3);
    spool.value()->append(encode_header(test_header()));
    {
      TaskRecorder recorder(*spool.value(), TaskId{1});
      for (int i = 0; i < 200'000; ++i) recorder.record();
    }
    if (spool.value()->write_errors() == 0) ::_exit(4);
    spool.value()->close(true);
  });

  const Trace trace = read();

  EXPECT_LE(std::filesystem::file_size(path()), 200'000u);
  ASSERT_EQ(trace.streams.size(), 1u);
  EXPECT_GT(trace.streams[0].events.size(), 4000u);
}

}  // namespace
}  // namespace chantrace::detail
