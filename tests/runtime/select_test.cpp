#include "chantrace/select.h"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>

#include "chantrace/task.h"
#include "support/run_on_threads.h"
#include "support/until_parked.h"

namespace chantrace {
namespace {

using namespace std::chrono_literals;

TEST(SelectTest, TakesTheCaseThatIsReady) {
  const Channel<int> empty("empty");
  const Channel<int> filled("filled", 1);
  filled.send(4);
  int got = 0;

  const std::size_t taken =
      select(on_recv(empty, [] { FAIL(); }),
             on_recv(filled, [&](std::optional<int> value) { got = *value; }));

  EXPECT_EQ(taken, 1u);
  EXPECT_EQ(got, 4);
}

TEST(SelectTest, SendsWhereThereIsRoom) {
  const Channel<int> full("full");
  const Channel<int> room("room", 1);
  bool has_sent = false;

  EXPECT_EQ(select(on_send(full, 1), on_send(room, 2, [&] { has_sent = true; })), 1u);

  EXPECT_TRUE(has_sent);
  EXPECT_EQ(room.recv(), 2);
}

TEST(SelectTest, TakesTheDefaultWhenNothingIsReady) {
  const Channel<int> channel("channel");
  bool was_called = false;

  EXPECT_EQ(select(on_default([&] { was_called = true; }), on_recv(channel), on_send(channel, 1)),
            0u);
  EXPECT_TRUE(was_called);
  EXPECT_EQ(select(on_default()), 0u);
}

TEST(SelectTest, PrefersAReadyCaseToDefaultAndTimeout) {
  const Channel<int> channel("channel", 1);
  channel.send(1);

  EXPECT_EQ(select(on_timeout(0ms), on_default(), on_recv(channel)), 2u);
  EXPECT_EQ(select(on_timeout(0ms), on_send(channel, 1)), 1u);
}

TEST(SelectTest, TimesOut) {
  const Channel<int> channel("channel");
  int timeouts = 0;

  EXPECT_EQ(select(on_recv(channel), on_timeout(1ms, [&] { ++timeouts; })), 1u);
  EXPECT_EQ(select(on_timeout(1ms, [&] { ++timeouts; }), on_send(channel, 1)), 0u);
  EXPECT_EQ(select(on_timeout(-1ms, [&] { ++timeouts; })), 0u);
  EXPECT_EQ(select(on_recv(Channel<int>()), on_timeout(1ms, [&] { ++timeouts; })), 1u);
  EXPECT_EQ(timeouts, 4);
  EXPECT_FALSE(channel.try_send(1)) << "a case that was given up still stands in the queue";
  EXPECT_EQ(channel.try_recv().status(), RecvStatus::kEmpty);
}

TEST(SelectTest, DefaultGoesBeforeATimeout) {
  EXPECT_EQ(select(on_recv(Channel<int>()), on_timeout(1h), on_default()), 2u);
}

TEST(SelectTest, NilChannelsAreNeverReady) {
  const Channel<int> nil;
  const Channel<int> channel("channel", 1);

  EXPECT_EQ(select(on_recv(nil), on_send(nil, 1), on_default()), 2u);
  EXPECT_EQ(select(on_recv(nil), on_send(nil, 1), on_send(channel, 1)), 2u);
}

TEST(SelectTest, WakesForTheFirstThatBecomesReady) {
  const Channel<int> first("first");
  const Channel<int> second("second");
  const Task waiter = go("waiter", [=] {
    EXPECT_EQ(select(on_recv(first),
                     on_recv(second, [](std::optional<int> value) { EXPECT_EQ(value, 9); })),
              1u);
  });
  until_parked("waiter");

  second.send(9);
  waiter.join();

  EXPECT_FALSE(first.try_send(1)) << "the other case still stands in its queue";
}

TEST(SelectTest, SeesAClosedChannelAsReady) {
  const Channel<int> channel("closed");
  channel.close();
  std::optional<int> got = 1;

  EXPECT_EQ(select(on_recv(channel, [&](std::optional<int> value) { got = value; })), 0u);

  EXPECT_EQ(got, std::nullopt);
  EXPECT_THROW(select(on_send(channel, 1)), ChannelClosed);
  EXPECT_THROW(select(on_send(channel, 1), on_default()), ChannelClosed);
}

TEST(SelectTest, CloseWakesReceivesAndThrowsInSends) {
  const Channel<int> in("in");
  const Channel<int> out("out");
  const Task receiver = go("receiver", [=] {
    EXPECT_EQ(select(on_send(out, 1),
                     on_recv(in, [](std::optional<int> value) { EXPECT_EQ(value, std::nullopt); })),
              1u);
  });
  until_parked("receiver");
  in.close();
  receiver.join();

  const Task sender = go("sender", [=] { EXPECT_THROW(select(on_send(out, 1)), ChannelClosed); });
  until_parked("sender");
  out.close();
  sender.join();
}

TEST(SelectTest, ChoosesFairlyAmongThoseThatAreReady) {
  constexpr int kDraws = 10'000;
  std::array<Channel<int>, 5> channels;
  for (std::size_t i = 0; i < 5; ++i) channels[i] = Channel<int>("fair", 1);
  std::array<int, 5> taken{};
  for (int i = 0; i < kDraws; ++i) {
    for (const std::size_t ready : {0u, 2u, 4u}) channels[ready].try_send(1);
    ++taken[select(on_recv(channels[0]), on_recv(channels[1]), on_recv(channels[2]),
                   on_recv(channels[3]), on_recv(channels[4]))];
  }

  EXPECT_EQ(taken[1] + taken[3], 0);
  // A third each; 600 is 12 standard deviations.
  for (const std::size_t ready : {0u, 2u, 4u}) EXPECT_NEAR(taken[ready], kDraws / 3, 600);
}

TEST(SelectTest, OneChannelMayStandInSeveralCases) {
  const Channel<int> channel("twice");
  std::array<int, 2> taken{};
  for (int i = 0; i < 200; ++i) {
    const Task sender = go("sender", [=] { channel.send(i); });
    ++taken[select(on_recv(channel), on_recv(channel))];
    sender.join();
    EXPECT_EQ(channel.try_recv().status(), RecvStatus::kEmpty);
  }

  EXPECT_EQ(taken[0] + taken[1], 200);
}

TEST(SelectTest, DoesNotMeetItself) {
  const Channel<int> channel("both ways");

  EXPECT_EQ(select(on_send(channel, 1), on_recv(channel), on_timeout(1ms)), 2u);
  EXPECT_EQ(select(on_send(channel, 1), on_recv(channel), on_default()), 2u);
}

TEST(SelectTest, TwoSelectsMeet) {
  const Channel<int> channel("both ways");
  for (int i = 0; i < 200; ++i) {
    std::size_t theirs = 9;
    const Task peer = go("peer", [&] { theirs = select(on_send(channel, 1), on_recv(channel)); });
    const std::size_t ours = select(on_send(channel, 2), on_recv(channel));
    peer.join();

    ASSERT_EQ(ours + theirs, 1u) << "one sends and the other receives";
  }
}

TEST(SelectTest, OpposedSelectsDoNotWaitForEachOther) {
  const Channel<int> left("left");
  const Channel<int> right("right");
  int moves = 0;
  const Task peer = go("peer", [=] {
    for (int i = 0; i < 2'000; ++i) select(on_send(left, 1), on_recv(right));
  });
  for (int i = 0; i < 2'000; ++i) {
    select(on_send(right, 1), on_recv(left));
    ++moves;
  }
  peer.join();

  EXPECT_EQ(moves, 2'000);
}

TEST(SelectTest, WithoutCasesWaitsForEver) {
  const auto run = run_on_threads([] { select(); });

  EXPECT_TRUE(run.body_was_stuck);
  EXPECT_NE(run.find(FindingKind::kBlocked), nullptr) << run.to_string();
}

TEST(SelectTest, OnNilChannelsAloneWaitsForEver) {
  const auto run = run_on_threads(
      [] { go("waiter", [] { select(on_recv(Channel<int>()), on_send(Channel<int>(), 1)); }); });

  const TaskState* const waiter = run.find_task("waiter");
  ASSERT_NE(waiter, nullptr);
  EXPECT_TRUE(waiter->is_select);
  ASSERT_EQ(waiter->waits.size(), 2u);
  EXPECT_TRUE(waiter->waits[0].is_nil_channel);
  EXPECT_NE(run.find(FindingKind::kLeaked), nullptr) << run.to_string();
}

TEST(SelectTest, HandlersMayThrowAndMayBlock) {
  const Channel<int> channel("channel", 1);
  channel.send(1);
  const Channel<int> reply("reply");
  go("peer", [=] { reply.recv(); });

  EXPECT_THROW(select(on_recv(channel, [] { throw std::runtime_error("no"); })),
               std::runtime_error);
  EXPECT_EQ(channel.size(), 0u) << "the receive had happened";
  select(on_send(channel, 1, [&] { reply.send(1); }));
}

TEST(SelectTest, ValuesMayBeMoveOnly) {
  const Channel<std::unique_ptr<int>> channel("moved");
  const Task receiver = go("receiver", [=] {
    select(
        on_recv(channel, [](std::optional<std::unique_ptr<int>> value) { EXPECT_EQ(**value, 3); }));
  });

  select(on_send(channel, std::make_unique<int>(3)));
  receiver.join();
}

TEST(SelectTest, DropsTheValueOfACaseNotTaken) {
  const auto watched = std::make_shared<int>(1);
  const Channel<std::shared_ptr<int>> nobody("nobody");
  const Channel<std::shared_ptr<int>> room("room", 1);

  EXPECT_EQ(select(on_send(nobody, watched), on_send(room, watched)), 1u);

  EXPECT_EQ(watched.use_count(), 2);
}

TEST(SelectTest, TakesTheSidesOfChannels) {
  const Channel<int> channel("sides", 1);
  const SendChannel<int> in = channel;
  const RecvChannel<int> out = channel;

  EXPECT_EQ(select(on_send(in, 1), on_recv(out)), 0u);
  EXPECT_EQ(select(on_send(in, 1), on_recv(out)), 1u);
}

}  // namespace
}  // namespace chantrace
