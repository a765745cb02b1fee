#include "chantrace/session.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <latch>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "chantrace/chantrace.h"
#include "chantrace/trace.h"
#include "runtime/collecting_sink.h"
#include "support/run_on_threads.h"
#include "support/temporary_folder.h"
#include "support/until_parked.h"

namespace chantrace {
namespace {

TEST(SessionTest, GivesEveryEventToItsSinks) {
  const auto first = std::make_shared<CollectingSink>();
  const auto second = std::make_shared<CollectingSink>();
  {
    Session session(Options{}.sink(first).sink(second));
    EXPECT_TRUE(session.is_active());
    EXPECT_TRUE(is_recording());
    const Channel<int> channel("jobs", 2);
    channel.send(7);
    channel.recv();
    channel.close();
    go("worker", [] {}).join();
    session.stop();
    EXPECT_FALSE(session.is_active());
    EXPECT_EQ(session.lost(), 0u);
  }

  EXPECT_FALSE(is_recording());
  EXPECT_TRUE(first->is_closed());
  EXPECT_TRUE(second->is_closed());
  EXPECT_EQ(first->events().size(), second->events().size());
  const std::vector<Event> sends = first->events_of(Operation::kSend);
  ASSERT_EQ(sends.size(), 1u);
  EXPECT_EQ(sends[0].object_name, "jobs");
  EXPECT_EQ(sends[0].type, "int");
  EXPECT_EQ(sends[0].value, "7");
  EXPECT_EQ(sends[0].buffer_size, 1u);
  EXPECT_EQ(sends[0].buffer_capacity, 2u);
  EXPECT_NE(sends[0].site.file.find("session_test.cpp"), std::string::npos);
  EXPECT_EQ(first->events_of(Operation::kReceive).at(0).value, "7");
  const std::vector<Event> spawns = first->events_of(Operation::kTaskSpawn);
  ASSERT_EQ(spawns.size(), 1u);
  EXPECT_EQ(spawns[0].other_label, "worker");
}

TEST(SessionTest, KeepsEventsInAPossibleOrder) {
  const auto sink = std::make_shared<CollectingSink>();
  {
    const Session session(Options{}.sink(sink).buffer_size(1'000'000));
    const Channel<int> channel("channel", 3);
    std::vector<Task> tasks;
    for (int i = 0; i < 3; ++i) {
      tasks.push_back(go("sender", [=] {
        for (int step = 0; step < 500; ++step) channel.send(step);
      }));
      tasks.push_back(go("receiver", [=] {
        for (int step = 0; step < 500; ++step) channel.recv();
      }));
    }
    for (const Task& task : tasks) task.join();
  }

  std::map<ObjectId, std::uint32_t> last;
  for (const Event& event : sink->events()) {
    if (event.object == ObjectId{}) continue;
    EXPECT_EQ(event.sequence, ++last[event.object]);
  }
  EXPECT_FALSE(last.empty());
}

TEST(SessionTest, ValuesCanBeLeftOut) {
  const auto sink = std::make_shared<CollectingSink>();
  {
    const Session session(Options{}.sink(sink).values(false));
    const Channel<std::string> channel("secret", 1);
    channel.send("password");
  }

  EXPECT_EQ(sink->events_of(Operation::kSend).at(0).value, "");
}

TEST(SessionTest, OneSmallBufferLosesEventsButCountsAndPlacesThem) {
  const auto sink = std::make_shared<CollectingSink>();
  constexpr std::uint64_t kRounds = 50'000;
  std::uint64_t lost = 0;
  {
    Session session(Options{}.sink(sink).buffer_size(64));
    const Channel<int> channel("busy", 1);
    for (std::uint64_t i = 0; i < kRounds; ++i) {
      channel.send(1);
      channel.recv();
    }
    session.stop();
    lost = session.lost();
  }

  // One task and one object, so that the sequence says what is missing where.
  std::uint64_t received = 0;
  std::uint64_t missing = 0;
  std::uint32_t sequence = 0;
  for (const Event& event : sink->events()) {
    if (event.operation == Operation::kNone) {
      missing += event.lost;
      sequence += static_cast<std::uint32_t>(event.lost);
    } else {
      ++received;
      ASSERT_EQ(event.sequence, ++sequence);
    }
  }
  EXPECT_GT(lost, 0u);
  EXPECT_EQ(missing, lost);
  EXPECT_EQ(received + lost, 2 * kRounds + 1);
}

TEST(SessionTest, LosesNothingWhereTasksWaitForSinks) {
  constexpr int kRounds = 20'000;
  const auto sink = std::make_shared<CollectingSink>();
  Session session(Options{}.sink(sink).buffer_size(64).lossless());
  {
    const Channel<int> channel("busy", 8);
    const Task sender = go("sender", [=] {
      for (int i = 0; i < kRounds; ++i) channel.send(i);
    });
    for (int i = 0; i < kRounds; ++i) channel.recv();
    sender.join();
  }
  session.stop();

  EXPECT_EQ(session.lost(), 0u);
  EXPECT_TRUE(sink->events_of(Operation::kNone).empty());
  std::map<ObjectId, std::uint32_t> sequences;
  for (const Event& event : sink->events()) {
    if (event.sequence == 0 || event.object == ObjectId{}) continue;
    ASSERT_EQ(event.sequence, ++sequences[event.object]);
  }
  EXPECT_GE(sequences.begin()->second, 2u * kRounds);
}

// A task may be about to publish what all others have already followed: it must not wait for room.
TEST(SessionTest, ManyTasksAtOneLockDoNotWaitForEachOtherForEver) {
  const auto sink = std::make_shared<CollectingSink>();
  Session session(Options{}.sink(sink).buffer_size(64).lossless());
  Mutex mutex("busy");
  std::vector<Task> tasks;
  for (int i = 0; i < 12; ++i)
    tasks.push_back(go("task", [&] {
      for (int round = 0; round < 5'000; ++round) const std::scoped_lock lock(mutex);
    }));
  for (const Task& task : tasks) task.join();
  session.stop();

  EXPECT_EQ(session.lost(), 0u);
  EXPECT_GE(sink->events_of(Operation::kUnlock).size(), 60'000u);
}

TEST(SessionTest, SinksAreGoneWhenItHasEnded) {
  std::weak_ptr<CollectingSink> gone;
  {
    auto sink = std::make_shared<CollectingSink>();
    gone = sink;
    Session session(Options{}.sink(std::move(sink)));
    session.stop();

    EXPECT_TRUE(gone.expired());
  }
}

TEST(SessionTest, SinkMayUseTheLibraryWhileTasksWaitForIt) {
  const Channel<int> own("own", 1);
  std::atomic<bool> is_own = false;
  const auto sink = std::make_shared<CollectingSink>([&](const Event& event) {
    if (event.object_name == "own" || is_own.exchange(true)) return;
    for (int i = 0; i < 10'000; ++i) {
      own.send(i);
      own.recv();
    }
  });
  Session session(Options{}.sink(sink).buffer_size(64).lossless());
  const Channel<int> channel("busy", 1);
  for (int i = 0; i < 10'000; ++i) {
    channel.send(i);
    channel.recv();
  }
  session.stop();

  EXPECT_EQ(session.lost(), 0u);
}

TEST(SessionTest, LossesOfManyTasksAddUpToTheTraceFile) {
  const TemporaryFolder folder;
  const std::filesystem::path path = folder.path() / "session.chantrace";
  const auto sink = std::make_shared<CollectingSink>();
  {
    const Session session(Options{}.sink(sink).trace_file(path.string()).buffer_size(100));
    const Channel<int> channel("busy", 8);
    std::vector<Task> tasks;
    for (int i = 0; i < 2; ++i) {
      tasks.push_back(go("sender", [=] {
        for (int step = 0; step < 10'000; ++step) channel.send(step);
      }));
      tasks.push_back(go("receiver", [=] {
        for (int step = 0; step < 10'000; ++step) channel.recv();
      }));
    }
    for (const Task& task : tasks) task.join();
  }

  std::uint64_t received = 0;
  std::uint64_t missing = 0;
  std::map<TaskId, std::uint64_t> operations;
  std::map<ObjectId, std::uint32_t> sequences;
  for (const Event& event : sink->events()) {
    if (event.operation == Operation::kNone) {
      missing += event.lost;
      continue;
    }
    ++received;
    EXPECT_GE(event.operation_id, operations[event.task]);
    operations[event.task] = event.operation_id;
    if (event.sequence == 0 || event.object == ObjectId{}) continue;
    EXPECT_GT(event.sequence, sequences[event.object]);
    sequences[event.object] = event.sequence;
  }
  const auto trace = read_trace(path);
  ASSERT_TRUE(trace.has_value());
  EXPECT_EQ(received + missing, trace.value().events_count());
  EXPECT_EQ(trace.value().lost_count(), 0u) << "the trace file loses nothing";
  EXPECT_GE(trace.value().events_count(), 40'000u);
}

TEST(SessionTest, SinkThatThrowsHarmsNobody) {
  const auto thrower =
      std::make_shared<CollectingSink>([](const Event&) { throw std::runtime_error("sink"); });
  const auto sink = std::make_shared<CollectingSink>();
  Session session(Options{}.sink(thrower).sink(sink));
  const Channel<int> channel("channel", 10);
  for (int i = 0; i < 10; ++i) channel.send(i);
  session.stop();

  EXPECT_EQ(sink->events_of(Operation::kSend).size(), 10u);
  EXPECT_EQ(session.sink_errors(), sink->events().size());
  EXPECT_TRUE(thrower->is_closed());
}

TEST(SessionTest, SlowSinkStopsNoTask) {
  std::latch gate(1);
  std::atomic<bool> is_first = true;
  const auto slow = std::make_shared<CollectingSink>([&](const Event&) {
    if (is_first.exchange(false)) gate.wait();
  });
  Session session(Options{}.sink(slow).buffer_size(16));
  const Channel<int> channel("channel", 1);
  for (int i = 0; i < 10'000; ++i) {
    channel.send(i);
    channel.recv();
  }
  gate.count_down();
  session.stop();

  std::uint64_t received = 0;
  for (const Event& event : slow->events())
    if (event.operation != Operation::kNone) ++received;
  EXPECT_EQ(received + session.lost(), 20'001u);
}

TEST(SessionTest, NoMoreThanTheBufferWaitsForASlowSink) {
  constexpr std::size_t kBuffer = 100;
  std::latch gate(1);
  std::latch is_blocked(1);
  std::atomic<bool> is_first = true;
  const auto slow = std::make_shared<CollectingSink>([&](const Event&) {
    if (!is_first.exchange(false)) return;
    is_blocked.count_down();
    gate.wait();
  });
  Session session(Options{}.sink(slow).buffer_size(kBuffer));
  const Channel<int> channel("channel", 1);
  is_blocked.wait();
  for (int i = 0; i < 10'000; ++i) {
    channel.send(i);
    channel.recv();
    if (i % 50 == 0) snapshot(1);  // Puts in order what waits, and must make no room by that.
  }
  gate.count_down();
  session.stop();

  std::uint64_t received = 0;
  for (const Event& event : slow->events())
    if (event.operation != Operation::kNone) ++received;
  EXPECT_EQ(received + session.lost(), 20'001u);
  EXPECT_GE(received, kBuffer) << "what came while there was room";
  // Besides the buffer, what the sink had taken, and what is still in the task's own chunk.
  EXPECT_LE(received, kBuffer + 1 + 2'048);
}

TEST(SessionTest, SinkMayEndTheSession) {
  Session* running = nullptr;
  std::latch ended(1);
  std::atomic<bool> is_first = true;
  const auto sink = std::make_shared<CollectingSink>([&](const Event&) {
    if (!is_first.exchange(false)) return;
    running->stop();
    ended.count_down();
  });
  std::atomic<bool> is_ready = false;
  Session session(Options{}.sink(sink));
  running = &session;
  is_ready.store(true);
  const Channel<int> channel("channel", 1);
  channel.send(1);
  ended.wait();

  EXPECT_FALSE(session.is_active());
  EXPECT_FALSE(is_recording());
  channel.recv();
}

TEST(SessionTest, SinkMayUseTheLibrary) {
  const Channel<std::string> seen("seen", 1'000);
  const auto sink = std::make_shared<CollectingSink>(
      [&](const Event& event) { seen.try_send(event.object_name); });
  {
    const Session session(Options{}.sink(sink));
    const Channel<int> channel("channel", 1);
    channel.send(1);
  }

  for (const Event& event : sink->events()) EXPECT_NE(event.object_name, "seen");
  EXPECT_GT(seen.size(), 0u);
}

TEST(SessionTest, OnlyOneAtATime) {
  const Session session(Options{}.sink(std::make_shared<CollectingSink>()));

  EXPECT_THROW(Session(Options{}.sink(std::make_shared<CollectingSink>())), std::logic_error);
}

TEST(SessionTest, NoneInARecordedTest) {
  run_on_threads([] {
    EXPECT_THROW(Session(Options{}.sink(std::make_shared<CollectingSink>())), std::logic_error);
  });
}

TEST(SessionTest, AnotherMayFollow) {
  for (int i = 0; i < 3; ++i) {
    const auto sink = std::make_shared<CollectingSink>();
    {
      const Session session(Options{}.sink(sink));
      const Channel<int> channel("channel", 1);
      channel.send(i);
    }
    EXPECT_EQ(sink->events_of(Operation::kSend).at(0).value, std::to_string(i));
  }
}

TEST(SessionTest, TasksThatOutliveItGoOn) {
  const Channel<int> channel("channel");
  Task task;
  {
    const Session session(Options{}.sink(std::make_shared<CollectingSink>()));
    task = go("long-lived", [=] {
      for ([[maybe_unused]] const int value : channel) {
      }
    });
    channel.send(1);
  }
  for (int i = 0; i < 1'000; ++i) channel.send(i);
  channel.close();
  task.join();
}

TEST(SessionTest, TraceFileThatCannotBeWrittenIsAnError) {
  EXPECT_THROW(Session(Options{}.trace_file("/nowhere/at/all.chantrace")), std::system_error);
  EXPECT_FALSE(is_recording());
}

TEST(SessionTest, EnvironmentDecides) {
  const TemporaryFolder folder;
  const std::string path = (folder.path() / "environment.chantrace").string();
  setenv("CHANTRACE", ("trace=" + path).c_str(), 1);
  {
    const Session session;
    EXPECT_TRUE(session.is_active());
    Channel<int>("channel", 1).send(1);
  }
  EXPECT_TRUE(read_trace(path).has_value());

  setenv("CHANTRACE", "off", 1);
  EXPECT_FALSE(Session().is_active());
  unsetenv("CHANTRACE");
  Session none;
  EXPECT_FALSE(none.is_active());
  none.stop();
  EXPECT_EQ(none.lost(), 0u);
}

// `exit` destroys no local variables.
TEST(SessionTest, IsEndedWithTheProgram) {
  const TemporaryFolder folder;
  const std::filesystem::path path = folder.path() / "exit.chantrace";
  const pid_t process = ::fork();
  ASSERT_GE(process, 0);
  if (process == 0) {
    const Session session(Options{}.trace_file(path.string()));
    const Channel<int> channel("channel", 1);
    channel.send(1);
    std::exit(7);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(process, &status, 0), process);

  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 7);
  const auto trace = read_trace(path);
  ASSERT_TRUE(trace.has_value()) << trace.error().to_string();
  EXPECT_FALSE(trace.value().is_incomplete());
}

TEST(SessionTest, AWordInTheEnvironmentEndsNoProgram) {
  register_sink_factory("throws", [](const std::string&) -> std::shared_ptr<Sink> {
    throw std::runtime_error("no such sink today");
  });
  for (const char* const text : {"trace=/proc/none/x", "throws"}) {
    ::setenv("CHANTRACE", text, 1);
    EXPECT_NO_THROW({
      const Session session;
      EXPECT_FALSE(session.is_active());
    });
  }
  ::unsetenv("CHANTRACE");
}

TEST(SnapshotTest, GivesTheLastEvents) {
  EXPECT_TRUE(snapshot().empty());
  const Session session(Options{}.sink(std::make_shared<CollectingSink>()));
  const Channel<int> channel("channel", 100);
  for (int i = 0; i < 100; ++i) channel.send(i);

  const std::vector<Event> last = snapshot(3);
  ASSERT_EQ(last.size(), 3u);
  EXPECT_EQ(last[0].value, "97");
  EXPECT_EQ(last[2].value, "99");
  EXPECT_EQ(snapshot().size(), 101u);
  EXPECT_EQ(snapshot(1'000).size(), 101u);
}

TEST(EventsSinceTest, GivesPagesAndSaysWhatIsNoLongerKept) {
  const Session session(Options{}.sink(std::make_shared<CollectingSink>()).lossless());
  const Channel<int> channel("busy", 1);
  constexpr std::uint64_t kRounds = 50'000;
  const auto round = [&] {
    channel.send(1);
    channel.recv();
  };
  for (int i = 0; i < 100; ++i) round();
  while (events_since(0, 1).total < 201) std::this_thread::yield();

  const EventBatch first = events_since(0, 3);
  const EventBatch next = events_since(3, 1'000'000);
  for (std::uint64_t i = 0; i < kRounds; ++i) round();
  while (events_since(0, 1).total < 201 + 2 * kRounds) std::this_thread::yield();
  const EventBatch late = events_since(201, 10);
  const EventBatch none = events_since(late.total, 10);

  EXPECT_EQ(first.first, 1u);
  ASSERT_EQ(first.events.size(), 3u);
  EXPECT_EQ(first.events[0].operation, Operation::kChannelMake);
  EXPECT_EQ(first.events[2].operation, Operation::kReceive);
  EXPECT_EQ(next.first, 4u);
  EXPECT_EQ(next.events.size(), 198u);
  EXPECT_EQ(late.first, 201 + 2 * kRounds - 65'536 + 1);
  EXPECT_EQ(late.events.size(), 10u);
  EXPECT_TRUE(none.events.empty());
}

TEST(RecentTraceTest, WhatIsNoMoreIsForgotten) {
  constexpr std::uint64_t kChannels = 20'000;
  const Session session(Options{}.sink(std::make_shared<NullSink>()).lossless());
  Mutex lasting("lasting");
  const auto use_lasting = [&] { const std::lock_guard lock(lasting); };

  use_lasting();
  for (std::uint64_t i = 0; i < kChannels; ++i) {
    const Channel<std::uint64_t> reply("reply", 1);
    const Task task = go("short", [=] { reply.send(i); });
    reply.recv();
    task.join();
  }
  use_lasting();
  while (events_since(~0ull, 0).total < 7 * kChannels) std::this_thread::yield();

  const Trace recent = recent_trace();
  // Of each channel there are three events, and of each task four: 65,536 are kept.
  EXPECT_LT(recent.objects.size(), kChannels * 3 / 4);
  std::set<std::uint32_t> used;
  for (const TaskStream& stream : recent.streams)
    for (const EventRecord& event : stream.events)
      if (!is_on_task(event.operation)) used.insert(event.object);
  used.erase(0);
  for (const std::uint32_t id : used)
    EXPECT_NE(recent.find_object(ObjectId{id}), nullptr) << "object " << id;
  EXPECT_EQ(recent.objects.front().name, "lasting");
  for (const Finding& finding : analyze(recent))
    EXPECT_EQ(finding.certainty, Certainty::kNote) << finding.summary;
}

TEST(RecentTraceTest, WhatEndsInAnExecutionInsideIsNoneOfTheSession) {
  const Session session(Options{}.sink(std::make_shared<NullSink>()).lossless());
  Mutex lasting("lasting");
  const auto use_lasting = [&] { const std::lock_guard lock(lasting); };
  use_lasting();

  // Its objects have the numbers that those of the session have.
  explore([] {
    Mutex inner("inner");
    const std::lock_guard lock(inner);
  });
  for (int i = 0; i < 70'000; ++i) use_lasting();
  while (events_since(~0ull, 0).total < 140'000) std::this_thread::yield();

  const Trace recent = recent_trace();
  ASSERT_FALSE(recent.objects.empty());
  EXPECT_EQ(recent.objects.front().name, "lasting");
}

TEST(RecentTraceTest, ShowsWhoHasWaitedSinceLongBefore) {
  const Channel<int> never("never", 0);
  const Channel<int> busy("busy", 4);
  Mutex mutex("held");
  Session session(Options{}.sink(std::make_shared<CollectingSink>()));
  mutex.lock();
  busy.send(1);
  busy.send(2);
  const Task waiter = go("waiter", [=] { never.recv(); });
  until_parked("waiter");
  for (int i = 0; i < 5'000; ++i) {
    busy.send(i);
    busy.recv();
  }

  const Trace trace = recent_trace(100);
  mutex.unlock();
  never.send(0);
  waiter.join();
  session.stop();

  EXPECT_LE(trace.events_count(), 101u);
  EXPECT_GE(trace.lost_count(), 9'000u);
  const EndState state = end_state(trace, order_events(trace));
  const auto waiting = std::find_if(state.tasks.begin(), state.tasks.end(),
                                    [](const TaskState& task) { return task.label == "waiter"; });
  ASSERT_NE(waiting, state.tasks.end());
  EXPECT_EQ(waiting->status, TaskStatus::kParked);
  EXPECT_EQ(trace.find_object(waiting->waits.at(0).object)->name, "never");
  std::map<std::string, ObjectState> objects;
  for (const ObjectState& object : state.objects) objects[object.name] = object;
  EXPECT_EQ(objects["busy"].size, 2u);
  EXPECT_EQ(objects["held"].holders.size(), 1u);
  EXPECT_TRUE(from_bytes(to_bytes(trace)).has_value());
}

TEST(ChannelsTest, ListsWhatExistsTheNewestFirst) {
  const std::size_t before = channels().size();
  const Channel<int> older("older", 4);
  older.send(1);
  {
    const Channel<std::string> newer("newer");
    newer.close();
    const std::vector<ChannelInfo> all = channels();

    ASSERT_EQ(all.size(), before + 2);
    EXPECT_EQ(all[0].name, "newer");
    EXPECT_TRUE(all[0].is_closed);
    EXPECT_EQ(all[1].name, "older");
    EXPECT_EQ(all[1].type, "int");
    EXPECT_EQ(all[1].capacity, 4u);
    EXPECT_EQ(all[1].size, 1u);
    EXPECT_FALSE(all[1].is_closed);
    EXPECT_NE(all[1].created_at.file.find("session_test.cpp"), std::string::npos);
  }
  EXPECT_EQ(channels().size(), before + 1);
}

}  // namespace
}  // namespace chantrace
