#include "snapshot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <initializer_list>
#include <string>

namespace chantrace::notouch {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

ThreadSnapshot thread(pid_t id, Wait wait, std::initializer_list<const char*> functions) {
  ThreadSnapshot result;
  result.id = id;
  result.name = "worker";
  result.wait = wait;
  result.progress = {3, 1000};
  for (const char* const function : functions)
    result.frames.push_back(
        {function, std::string(function) + ".cpp:7", is_system_function(function), true});
  return result;
}

ThreadSnapshot lock_waiter(pid_t id, std::uint64_t lock, pid_t holder) {
  ThreadSnapshot result = thread(id, Wait::kLock, {"pthread_mutex_lock", "take", "run"});
  result.lock = lock;
  result.holder = holder;
  return result;
}

TEST(HotspotsTest, ThreadsInTheSameFunctionsAreOne) {
  Snapshot snapshot;
  for (pid_t id = 1; id <= 20; ++id)
    snapshot.push_back(lock_waiter(id, 0x1000 + 64u * static_cast<std::uint64_t>(id), id % 20 + 1));

  const auto found = hotspots(snapshot, snapshot, {}, 10);

  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].state, "lock");
  EXPECT_EQ(found[0].top_frame, "take");
  EXPECT_THAT(found[0].frames, ElementsAre("take", "run"));
  EXPECT_THAT(found[0].places, ElementsAre("take.cpp:7"));
  EXPECT_EQ(found[0].count, 20u);
  EXPECT_TRUE(found[0].is_persistent);
  EXPECT_EQ(found[0].waits_on, "20 different locks");
}

TEST(HotspotsTest, AnotherStateOrAnotherCallerIsAnotherOne) {
  const Snapshot snapshot{
      thread(1, Wait::kSleep, {"nap", "a"}), thread(2, Wait::kSleep, {"nap", "b"}),
      thread(3, Wait::kPoll, {"nap", "a"}), thread(4, Wait::kSleep, {"nap", "a"})};

  const auto found = hotspots(snapshot, snapshot, {}, 10);

  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].count, 2u);
  EXPECT_THAT(found[0].frames, ElementsAre("nap", "a"));
  EXPECT_EQ(hotspots(snapshot, snapshot, {}, 2).size(), 2u);
}

TEST(HotspotsTest, WhoIsStuckComesFirst) {
  const Snapshot snapshot{thread(1, Wait::kSleep, {"nap"}), thread(2, Wait::kSleep, {"nap"}),
                          lock_waiter(3, 0x1000, 3)};

  EXPECT_EQ(hotspots(snapshot, snapshot, {}, 10).at(0).state, "sleep");
  EXPECT_EQ(hotspots(snapshot, snapshot, {3}, 10).at(0).state, "lock");
}

TEST(HotspotsTest, OnlyThreadsThatHaveNotRunArePersistent) {
  const Snapshot first{thread(1, Wait::kSleep, {"a"}), thread(2, Wait::kSleep, {"a"})};
  Snapshot last = first;
  EXPECT_TRUE(hotspots(first, last, {}, 10).at(0).is_persistent);
  last[1].progress.turns = 4;
  EXPECT_FALSE(hotspots(first, last, {}, 10).at(0).is_persistent);
  EXPECT_FALSE(hotspots({first[0]}, first, {}, 10).at(0).is_persistent);
  EXPECT_THAT(hotspots(first, {}, {}, 10), IsEmpty());
}

TEST(HotspotsTest, AThreadWithoutAKnownStackHasNoFrame) {
  const Snapshot snapshot{thread(1, Wait::kRunning, {})};

  const auto found = hotspots(snapshot, snapshot, {}, 10);

  EXPECT_EQ(found.at(0).top_frame, "");
  EXPECT_THAT(found.at(0).frames, IsEmpty());
}

TEST(HotspotsTest, NamesFromAProgramCannotBreakALine) {
  const Snapshot snapshot{thread(1, Wait::kSleep, {"a\n\x1b[31m"})};

  EXPECT_EQ(hotspots(snapshot, snapshot, {}, 10).at(0).top_frame, "a\\n\\x1b[31m");
}

TEST(WaitsTest, EachLockIsSummedAndItsHolderNamed) {
  Snapshot snapshot{lock_waiter(1, 0x1000, 9), lock_waiter(2, 0x2000, 8),
                    lock_waiter(3, 0x2000, 8)};
  snapshot[0].lock_name = "accounts";
  snapshot.push_back(thread(8, Wait::kSleep, {"nap"}));

  const auto found = waits(snapshot, 10);

  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].name, "lock 1");
  EXPECT_EQ(found[0].count, 2u);
  EXPECT_EQ(found[0].holder, "thread 8 (worker), in sleep in nap");
  EXPECT_EQ(found[1].name, "accounts");
  EXPECT_EQ(found[1].holder, "a thread that has ended");
  EXPECT_EQ(waits(snapshot, 1).size(), 1u);
}

TEST(WaitsTest, DescriptorsAreSummedToo) {
  Snapshot snapshot{thread(1, Wait::kTransfer, {"get"}), thread(2, Wait::kTransfer, {"get"})};
  for (ThreadSnapshot& one : snapshot) {
    one.descriptor = 5;
    one.descriptor_name = "socket:[77]";
  }

  EXPECT_THAT(waits(snapshot, 10),
              ElementsAre(NoTouchWait{"input/output", "descriptor 5 (socket:[77])", 2, ""}));
  EXPECT_EQ(hotspots(snapshot, snapshot, {}, 10).at(0).waits_on, "descriptor 5 (socket:[77])");
}

}  // namespace
}  // namespace chantrace::notouch
