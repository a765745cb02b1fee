#include "chantrace/channel.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <new>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "chantrace/task.h"
#include "support/run_on_threads.h"
#include "support/until_parked.h"

namespace chantrace {
namespace {

using namespace std::chrono_literals;

template <typename T>
concept Sends = requires(const T& channel) {
  channel.send(1);
  channel.close();
};
template <typename T>
concept Receives = requires(const T& channel) {
  channel.recv();
  channel.begin();
};

static_assert(Sends<Channel<int>> && Receives<Channel<int>>);
static_assert(Sends<SendChannel<int>> && !Receives<SendChannel<int>>);
static_assert(!Sends<RecvChannel<int>> && Receives<RecvChannel<int>>);
static_assert(std::is_convertible_v<Channel<int>, SendChannel<int>>);
static_assert(std::is_convertible_v<Channel<int>, RecvChannel<int>>);
static_assert(!std::is_convertible_v<SendChannel<int>, RecvChannel<int>>);
static_assert(!std::is_convertible_v<SendChannel<int>, Channel<int>>);

TEST(ChannelTest, BufferKeepsTheOrder) {
  const Channel<int> channel("numbers", 3);

  for (int i = 0; i < 3; ++i) channel.send(i);

  EXPECT_EQ(channel.size(), 3u);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(channel.recv(), i);
  EXPECT_EQ(channel.size(), 0u);
}

TEST(ChannelTest, BufferWrapsAround) {
  const Channel<int> channel("numbers", 3);

  for (int i = 0; i < 100; ++i) {
    channel.send(i);
    channel.send(-i);
    EXPECT_EQ(channel.recv(), i);
    EXPECT_EQ(channel.recv(), -i);
  }
}

TEST(ChannelTest, KnowsItsNameAndCapacity) {
  const Channel<int> named("jobs", 10);
  const Channel<int> unnamed(2);

  EXPECT_EQ(named.name(), "jobs");
  EXPECT_EQ(named.capacity(), 10u);
  EXPECT_EQ(unnamed.name(), "");
  EXPECT_EQ(unnamed.capacity(), 2u);
}

TEST(ChannelTest, CopiesAreTheSameChannel) {
  const Channel<int> channel("one", 1);
  const Channel<int> copy = channel;
  const Channel<int> other("one", 1);

  copy.send(7);

  EXPECT_EQ(channel, copy);
  EXPECT_NE(channel, other);
  EXPECT_EQ(channel.recv(), 7);
}

TEST(ChannelTest, SidesShareTheChannel) {
  const Channel<int> channel("both", 1);
  const SendChannel<int> in = channel;
  const RecvChannel<int> out = channel;

  in.send(1);

  EXPECT_EQ(out.size(), 1u);
  EXPECT_EQ(out.recv(), 1);
  in.close();
  EXPECT_EQ(out.recv(), std::nullopt);
}

TEST(ChannelTest, UnbufferedSendWaitsForItsReceiver) {
  const Channel<int> channel("handover");
  const Task sender = go("sender", [=] { channel.send(5); });
  until_parked("sender");

  EXPECT_FALSE(sender.has_ended());
  EXPECT_EQ(channel.size(), 0u);
  EXPECT_EQ(channel.recv(), 5);
  sender.join();
}

TEST(ChannelTest, SendToAFullBufferWaitsForRoom) {
  const Channel<int> channel("full", 2);
  channel.send(0);
  channel.send(1);
  const Task sender = go("sender", [=] {
    for (int i = 2; i < 10; ++i) channel.send(i);
  });
  until_parked("sender");

  for (int i = 0; i < 10; ++i) EXPECT_EQ(channel.recv(), i);
  sender.join();
}

TEST(ChannelTest, WaitingReceiversAreServedAsTheyCame) {
  const Channel<int> channel("served");
  std::vector<int> got(3);
  std::vector<Task> receivers;
  for (int i = 0; i < 3; ++i) {
    receivers.push_back(
        go("receiver", [&, i] { got[static_cast<std::size_t>(i)] = channel.recv().value(); }));
    until_parked("receiver", static_cast<std::size_t>(i) + 1);
  }

  for (int i = 0; i < 3; ++i) channel.send(i);
  for (const Task& receiver : receivers) receiver.join();

  EXPECT_EQ(got, (std::vector{0, 1, 2}));
}

TEST(ChannelTest, WaitingSendersAreServedAsTheyCame) {
  const Channel<int> channel("served");
  std::vector<Task> senders;
  for (int i = 0; i < 3; ++i) {
    senders.push_back(go("sender", [=] { channel.send(i); }));
    until_parked("sender", static_cast<std::size_t>(i) + 1);
  }

  for (int i = 0; i < 3; ++i) EXPECT_EQ(channel.recv(), i);
}

TEST(ChannelTest, ClosedChannelIsDrainedFirst) {
  const Channel<int> channel("draining", 2);
  channel.send(1);
  channel.send(2);
  channel.close();

  EXPECT_EQ(channel.recv(), 1);
  EXPECT_EQ(channel.try_recv().value(), 2);
  EXPECT_EQ(channel.recv(), std::nullopt);
  EXPECT_EQ(channel.try_recv().status(), RecvStatus::kClosed);
  EXPECT_EQ(channel.recv_for(1ms).status(), RecvStatus::kClosed);
}

TEST(ChannelTest, CloseWakesAllReceivers) {
  const Channel<int> channel("closing");
  std::vector<Task> receivers;
  for (int i = 0; i < 3; ++i)
    receivers.push_back(go("receiver", [=] { EXPECT_EQ(channel.recv(), std::nullopt); }));
  until_parked("receiver", 3);

  channel.close();

  for (const Task& receiver : receivers) receiver.join();
}

TEST(ChannelTest, CloseThrowsInSendersThatWait) {
  const Channel<int> channel("closing");
  const Task sender = go("sender", [=] { EXPECT_THROW(channel.send(1), ChannelClosed); });
  until_parked("sender");

  channel.close();
  sender.join();

  EXPECT_EQ(channel.recv(), std::nullopt);
}

TEST(ChannelTest, EverySendOnAClosedChannelThrows) {
  const Channel<int> channel("closed", 1);
  channel.close();

  EXPECT_THROW(channel.send(1), ChannelClosed);
  EXPECT_THROW(channel.try_send(1), ChannelClosed);
  EXPECT_THROW(channel.send_for(1, 1ms), ChannelClosed);
  EXPECT_THROW(channel.send_for(1, 0ms), ChannelClosed);
  EXPECT_THROW(SendChannel<int>(channel).send(1), ChannelClosed);
}

TEST(ChannelTest, CloseOfAClosedOrNilChannelThrows) {
  const Channel<int> channel("closed");
  channel.close();

  EXPECT_THROW(channel.close(), ChannelClosed);
  EXPECT_THROW(Channel<int>().close(), ChannelNil);
  EXPECT_THROW(SendChannel<int>().close(), ChannelNil);
}

TEST(ChannelTest, MisuseNamesTheChannelAndThePlace) {
  const Channel<int> channel("jobs");
  channel.close();

  try {
    channel.send(1);
    FAIL();
  } catch (const MisuseError& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("\"jobs\""), std::string::npos) << text;
    EXPECT_NE(text.find("channel_test.cpp:" + std::to_string(__LINE__ - 5)), std::string::npos)
        << text;
  }
}

TEST(ChannelTest, TryFormsNeverWait) {
  const Channel<int> unbuffered("unbuffered");
  const Channel<int> full("full", 1);
  full.send(1);

  EXPECT_FALSE(unbuffered.try_send(1));
  EXPECT_EQ(unbuffered.try_recv().status(), RecvStatus::kEmpty);
  EXPECT_FALSE(full.try_send(2));
  EXPECT_EQ(full.try_recv().value(), 1);
  EXPECT_EQ(full.try_recv().status(), RecvStatus::kEmpty);
}

TEST(ChannelTest, TrySendFindsAReceiverThatWaits) {
  const Channel<int> channel("waiting");
  const Task receiver = go("receiver", [=] { EXPECT_EQ(channel.recv(), 3); });
  until_parked("receiver");

  EXPECT_TRUE(channel.try_send(3));
  receiver.join();
}

TEST(ChannelTest, TimedFormsGiveUp) {
  const Channel<int> channel("timed");

  EXPECT_EQ(channel.recv_for(1ms).status(), RecvStatus::kTimedOut);
  EXPECT_FALSE(channel.send_for(1, 1ms));
  EXPECT_EQ(channel.recv_for(0ms).status(), RecvStatus::kTimedOut);
  EXPECT_FALSE(channel.send_for(1, -1ms));
  EXPECT_EQ(channel.try_recv().status(), RecvStatus::kEmpty)
      << "a send that gave up left its value";
}

TEST(ChannelTest, TimedFormsAreInTime) {
  const Channel<int> channel("timed");
  const Task receiver = go("receiver", [=] { EXPECT_EQ(channel.recv_for(1h).value(), 1); });
  until_parked("receiver");

  EXPECT_TRUE(channel.send_for(1, 1h));
  receiver.join();
}

TEST(ChannelTest, TheLongestTimeoutsAreNoTimeouts) {
  const Channel<int> channel("patient", 1);
  channel.send(1);

  EXPECT_EQ(channel.recv_for(std::chrono::hours::max()).value(), 1);
  EXPECT_TRUE(channel.send_for(2, std::chrono::nanoseconds::max()));
  const Task sender = go("sender", [=] { channel.send_for(3, std::chrono::hours::max()); });
  until_parked("sender");
  EXPECT_EQ(channel.recv(), 2);
  EXPECT_EQ(channel.recv(), 3);
  sender.join();
}

TEST(ChannelTest, NilChannelIsNeverReady) {
  const Channel<int> nil;

  EXPECT_TRUE(nil.is_nil());
  EXPECT_FALSE(nil.try_send(1));
  EXPECT_EQ(nil.try_recv().status(), RecvStatus::kEmpty);
  EXPECT_FALSE(nil.send_for(1, 1ms));
  EXPECT_EQ(nil.recv_for(1ms).status(), RecvStatus::kTimedOut);
  EXPECT_EQ(nil.size(), 0u);
  EXPECT_EQ(nil.capacity(), 0u);
  EXPECT_EQ(nil.name(), "");
}

TEST(ChannelTest, WaitingAtTheNilChannelIsFound) {
  const auto receives = run_on_threads([] { Channel<int>().recv(); });
  const auto sends = run_on_threads([] { go("sender", [] { SendChannel<int>().send(1); }); });

  EXPECT_TRUE(receives.body_was_stuck);
  EXPECT_NE(receives.find(FindingKind::kBlocked), nullptr) << receives.to_string();
  EXPECT_NE(sends.find(FindingKind::kLeaked), nullptr) << sends.to_string();
}

TEST(ChannelTest, ForGoesOnUntilClosed) {
  const Channel<int> channel("range", 2);
  go("sender", [=] {
    for (int i = 1; i <= 10; ++i) channel.send(i);
    channel.close();
  });

  int sum = 0;
  for (const int value : channel) sum += value;

  EXPECT_EQ(sum, 55);
  for ([[maybe_unused]] const int value : RecvChannel<int>(channel)) FAIL();
}

TEST(ChannelTest, ForMayBeLeft) {
  const Channel<int> channel("range", 3);
  for (int i = 0; i < 3; ++i) channel.send(i);

  for (const int value : channel)
    if (value == 1) break;

  EXPECT_EQ(channel.size(), 1u) << "only what the loop looked at was received";
}

/// Neither copied nor made without a value.
struct Parcel {
  explicit Parcel(int number) : content(std::make_unique<int>(number)) {}
  std::unique_ptr<int> content;
};

TEST(ChannelTest, ElementsNeedOnlyBeMovable) {
  const Channel<Parcel> buffered("parcels", 1);
  const Channel<Parcel> unbuffered("parcels");
  const Task sender = go("sender", [=] {
    unbuffered.send(Parcel(2));
    unbuffered.close();
  });

  buffered.send(Parcel(1));
  EXPECT_EQ(*buffered.recv()->content, 1);
  for (const Parcel& parcel : unbuffered) EXPECT_EQ(*parcel.content, 2);
  EXPECT_FALSE(unbuffered.recv_for(1h));
  sender.join();
}

struct alignas(128) Aligned {
  char content = 'x';
};

TEST(ChannelTest, ElementsAreAligned) {
  const Channel<Aligned> channel("aligned", 3);
  for (int i = 0; i < 3; ++i) channel.send({});

  for (int i = 0; i < 3; ++i) {
    const std::optional<Aligned> received = channel.recv();
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(&*received) % alignof(Aligned), 0u);
    EXPECT_EQ(received->content, 'x');
  }
}

TEST(ChannelTest, ElementsDieWithTheirChannel) {
  const auto watched = std::make_shared<int>(1);
  {
    const Channel<std::shared_ptr<int>> channel("owner", 4);
    for (int i = 0; i < 3; ++i) channel.send(watched);
    channel.recv();
    EXPECT_EQ(watched.use_count(), 3);
  }

  EXPECT_EQ(watched.use_count(), 1);
}

TEST(ChannelTest, SendThatIsNotTakenDropsItsValue) {
  const auto watched = std::make_shared<int>(1);
  const Channel<std::shared_ptr<int>> channel("nobody");

  EXPECT_FALSE(channel.try_send(watched));
  EXPECT_FALSE(channel.send_for(watched, 1ms));

  EXPECT_EQ(watched.use_count(), 1);
}

TEST(ChannelTest, ChannelsPassThroughChannels) {
  const Channel<Channel<std::string>> requests("requests");
  go("server", [=] { requests.recv()->send("answer"); });

  const Channel<std::string> reply("reply");
  requests.send(reply);

  EXPECT_EQ(reply.recv(), "answer");
}

TEST(ChannelTest, CapacityMayBeLarge) {
  const Channel<char> channel("large", 10'000'000);

  for (int i = 0; i < 100; ++i) EXPECT_TRUE(channel.try_send('x'));

  EXPECT_EQ(channel.size(), 100u);
}

TEST(ChannelTest, CapacityBeyondMemoryIsRefused) {
  EXPECT_THROW(Channel<int>("impossible", std::size_t(-1)), std::bad_alloc);
  EXPECT_THROW(Channel<int>("impossible", std::size_t(-1) / sizeof(int) / 2), std::bad_alloc);
}

TEST(ChannelTest, HostThreadsTakePart) {
  const Channel<int> channel("mixed");
  std::thread sender([&] {
    for (int i = 0; i < 100; ++i) channel.send(i);
    channel.close();
  });

  int expected = 0;
  for (const int value : channel) EXPECT_EQ(value, expected++);

  EXPECT_EQ(expected, 100);
  sender.join();
}

TEST(ChannelTest, ManyToManyLosesNothing) {
  const Channel<int> channel("crowd", 4);
  const Channel<std::int64_t> sums("sums", 4);
  std::vector<Task> senders;
  for (int sender = 0; sender < 4; ++sender) {
    senders.push_back(go("sender", [=] {
      for (int i = 0; i < 1'000; ++i) channel.send(1'000 * sender + i);
    }));
    go("receiver", [=] {
      std::int64_t sum = 0;
      for (const int value : channel) sum += value;
      sums.send(sum);
    });
  }
  for (const Task& sender : senders) sender.join();
  channel.close();

  std::int64_t total = 0;
  for (int i = 0; i < 4; ++i) total += sums.recv().value();

  EXPECT_EQ(total, std::int64_t{4'000} * 3'999 / 2);
}

}  // namespace
}  // namespace chantrace
