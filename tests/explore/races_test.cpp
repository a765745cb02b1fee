// Data races under control and from a trace: each operation that gives order in a program that has
// it, and in its nearest twin without it. Both ways must say the same.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "chantrace/chantrace.h"
#include "chantrace/trace.h"
#include "support/record_controlled.h"

namespace chantrace {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::vector<Finding> races_of(std::vector<Finding> findings) {
  std::erase_if(findings, [](const Finding& one) { return one.kind != FindingKind::kRace; });
  return findings;
}

/// Under many schedules, in each of which it races or not.
ExploreResult explore_all(const std::function<void()>& body) {
  return explore(body, {.schedules = 300, .strategy = random_walk(), .goes_on = true});
}

using Body = void (*)(bool is_faulty);

struct Twins {
  const char* name;
  Body run;
};

void lock(bool is_faulty) {
  Mutex mutex("mutex");
  Mutex other("other");
  Shared<int> value(0, "value");
  const auto add = [&](Mutex& guard) {
    guard.lock();
    value.store(value.load() + 1);
    guard.unlock();
  };
  Task task = go([&] { add(mutex); });
  add(is_faulty ? other : mutex);
  task.join();
}

void reader_lock(bool is_faulty) {
  SharedMutex mutex("mutex");
  Shared<int> value(0, "value");
  Task writer = go([&] {
    mutex.lock();
    value.store(1);
    mutex.unlock();
  });
  Task reader = go([&] {
    mutex.lock_shared();
    is_faulty ? value.store(2) : void(value.load());
    mutex.unlock_shared();
  });
  mutex.lock_shared();
  value.load();
  mutex.unlock_shared();
  writer.join();
  reader.join();
}

void join(bool is_faulty) {
  Shared<int> value(0, "value");
  Task task = go([&] { value.store(1); });
  if (!is_faulty) task.join();
  value.load();
  task.join();
}

void start(bool is_faulty) {
  Shared<int> value(0, "value");
  if (!is_faulty) value.store(1);
  Task task = go([&] { value.load(); });
  if (is_faulty) value.store(1);
  task.join();
}

void send_then_receive(bool is_faulty) {
  Channel<int> channel("channel", 1);
  Shared<int> value(0, "value");
  Task task = go([&] {
    if (!is_faulty) value.store(1);
    channel.send(1);
    if (is_faulty) value.store(1);
  });
  channel.recv();
  value.load();
  task.join();
}

/// The end of a send without a buffer comes after the receive has begun; with one it does not.
void receive_then_end_of_send(bool is_faulty) {
  Channel<int> channel("channel", is_faulty ? 1 : 0);
  Shared<int> value(0, "value");
  Task task = go([&] {
    value.store(1);
    channel.recv();
  });
  channel.send(1);
  value.load();
  task.join();
}

/// The k-th receive comes before send number k + capacity.
void room_of_channel(bool is_faulty) {
  Channel<int> channel("channel", is_faulty ? 2 : 1);
  Shared<int> value(0, "value");
  Task task = go([&] {
    value.store(1);
    channel.recv();
    channel.recv();
  });
  channel.send(1);
  channel.send(2);
  value.load();
  task.join();
}

void close_seen(bool is_faulty) {
  Channel<int> channel("channel");
  Shared<int> value(0, "value");
  Task task = go([&] {
    if (!is_faulty) value.store(1);
    channel.close();
    if (is_faulty) value.store(1);
  });
  for (int one : channel) static_cast<void>(one);
  value.load();
  task.join();
}

void select_of_channels(bool is_faulty) {
  Channel<int> left("left");
  Channel<int> right("right");
  Shared<int> value(0, "value");
  Task task = go([&] {
    if (!is_faulty) value.store(1);
    choose(2) == 0 ? left.send(1) : right.send(1);
    if (is_faulty) value.store(1);
  });
  select(on_recv(left, [](std::optional<int>) {}), on_recv(right, [](std::optional<int>) {}));
  value.load();
  task.join();
}

void wait_group(bool is_faulty) {
  WaitGroup group("group");
  Shared<int> value(0, "value");
  group.add(1);
  Task task = go([&] {
    if (!is_faulty) value.store(1);
    group.done();
    if (is_faulty) value.store(1);
  });
  group.wait();
  value.load();
  task.join();
}

void semaphore(bool is_faulty) {
  Semaphore permits("permits", is_faulty ? 2 : 1);
  Shared<int> value(0, "value");
  const auto add = [&] {
    permits.acquire();
    value.store(value.load() + 1);
    permits.release();
  };
  Task task = go(add);
  add();
  task.join();
}

void once(bool is_faulty) {
  Once first;
  Once second;
  Shared<int> value(0, "value");
  Task task = go([&] { first.call([&] { value.store(1); }); });
  (is_faulty ? second : first).call([&] { value.store(2); });
  value.load();
  task.join();
}

void condition(bool is_faulty) {
  Mutex mutex("mutex");
  ConditionVariable changed("changed");
  bool is_ready = false;
  Shared<int> value(0, "value");
  Task task = go([&] {
    if (!is_faulty) value.store(1);
    mutex.lock();
    is_ready = true;
    changed.notify_one();
    mutex.unlock();
    if (is_faulty) value.store(1);
  });
  mutex.lock();
  while (!is_ready) changed.wait(mutex);
  mutex.unlock();
  value.load();
  task.join();
}

void atomic(bool is_faulty) {
  Atomic<bool> is_ready(false, "is_ready");
  Shared<int> value(0, "value");
  Task task = go([&] {
    if (!is_faulty) value.store(1);
    is_ready.store(true);
    if (is_faulty) value.store(1);
  });
  while (!is_ready.load()) yield();
  value.load();
  task.join();
}

void context(bool is_faulty) {
  const Context over = with_cancel(Context::background());
  Shared<int> value(0, "value");
  Task task = go([&] {
    if (!is_faulty) value.store(1);
    over.cancel();
    if (is_faulty) value.store(1);
  });
  over.done().recv();
  value.load();
  task.join();
}

void context_error(bool is_faulty) {
  const Context over = with_cancel(Context::background());
  Shared<int> value(0, "value");
  Task task = go([&] {
    if (!is_faulty) value.store(1);
    over.cancel();
    if (is_faulty) value.store(1);
  });
  while (over.error() == ContextError::kNone) yield();
  value.load();
  task.join();
}

void end_seen(bool is_faulty) {
  Shared<int> value(0, "value");
  Task task = go([&] { value.store(1); });
  while (!is_faulty && !task.has_ended()) yield();
  value.load();
  task.join();
}

/// A timer gives what came before it was set, and nothing of what others set.
void timer(bool is_faulty) {
  Channel<int> channel("channel", 1);
  Shared<int> value(0, "value");
  Task task = go([&] {
    if (is_faulty) after(1ms).recv();
    value.store(1);
    if (!is_faulty) channel.send(1);
  });
  is_faulty ? void(after(2ms).recv()) : void(channel.recv());
  value.load();
  task.join();
}

const std::vector<Twins> kTwins = {{"lock", lock},
                                   {"reader_lock", reader_lock},
                                   {"join", join},
                                   {"start", start},
                                   {"send_then_receive", send_then_receive},
                                   {"receive_then_end_of_send", receive_then_end_of_send},
                                   {"room_of_channel", room_of_channel},
                                   {"close_seen", close_seen},
                                   {"select_of_channels", select_of_channels},
                                   {"wait_group", wait_group},
                                   {"semaphore", semaphore},
                                   {"once", once},
                                   {"condition", condition},
                                   {"atomic", atomic},
                                   {"context", context},
                                   {"context_error", context_error},
                                   {"end_seen", end_seen},
                                   {"timer", timer}};

class RaceTest : public testing::TestWithParam<Twins> {};

TEST_P(RaceTest, IsFoundUnderControlAndInTheTraceOfItsSchedule) {
  const auto body = [&] { GetParam().run(true); };
  const ExploreResult result = explore(body, {.schedules = 300, .strategy = random_walk()});

  ASSERT_TRUE(result.first_failure);
  const std::vector<Finding> races = races_of(result.findings());
  ASSERT_THAT(races, testing::Not(IsEmpty()));
  EXPECT_EQ(races[0].certainty, Certainty::kCertain);
  EXPECT_THAT(races[0].summary, HasSubstr("data race on value: "));
  const Schedule& schedule = result.first_failure->schedule;
  EXPECT_EQ(races_of(run(body, schedule).findings), races);
  std::vector<Finding> recorded = races_of(analyze(record_controlled(body, schedule)));
  ASSERT_EQ(recorded.size(), races.size());
  for (std::size_t i = 0; i < races.size(); ++i) {
    // A recording meets the channel of a timer with the timer, so that numbers differ.
    recorded[i].object = races[i].object;
    EXPECT_EQ(recorded[i], races[i]);
  }
}

TEST_P(RaceTest, CorrectTwinHasNone) {
  const auto body = [&] { GetParam().run(false); };
  const ExploreResult result = explore_all(body);

  EXPECT_FALSE(result.first_failure) << to_text(result.findings().front());
  EXPECT_EQ(result.executions, 300u);
  for (int i = 0; i < 20; ++i) {
    const ExploreResult one = explore(
        body, {.schedules = 1, .strategy = random_walk(), .seed = static_cast<std::uint64_t>(i)});
    EXPECT_THAT(races_of(analyze(record_controlled(body, one.last_schedule))), IsEmpty());
  }
}

INSTANTIATE_TEST_SUITE_P(, RaceTest, testing::ValuesIn(kTwins),
                         [](const auto& test) { return test.param.name; });

TEST(RacesTest, FindingNamesBothTasksAndBothPlaces) {
  std::uint32_t line = 0;
  const ExploreResult result = explore([&] {
    Shared<int> value(0, "value");
    line = __LINE__ + 1;
    Task writer = go("writer", [&] { value.store(1); });
    value.load();
    writer.join();
  });

  ASSERT_THAT(result.findings(), SizeIs(1));
  const Finding& race = result.findings()[0];
  EXPECT_EQ(race.kind, FindingKind::kRace);
  ASSERT_THAT(race.participants, SizeIs(2));
  std::vector<std::uint32_t> lines = {race.participants[0].site.line,
                                      race.participants[1].site.line};
  std::sort(lines.begin(), lines.end());
  EXPECT_EQ(lines, (std::vector<std::uint32_t>{line, line + 1}));
  EXPECT_THAT(race.summary, HasSubstr("store by writer"));
  ASSERT_THAT(race.sites, SizeIs(3));
  EXPECT_EQ(race.sites[0].site, race.participants[1].site);
  EXPECT_EQ(race.sites[2].role, "created");
}

TEST(RacesTest, AreNotLookedForWhereNobodyAsks) {
  const ExploreResult result =
      explore([] { start(true); }, {.schedules = 50, .run = {.finds_races = false}});

  EXPECT_FALSE(result.first_failure);
}

TEST(RacesTest, VariableThatComesUpLaterIsLookedAtFromItsFirstExecution) {
  // Only one schedule in many has it: the one that shows it must be the one that fails.
  const ExploreResult result = explore(
      [] {
        if (choose(40) == 7) start(true);
      },
      {.schedules = 1'000, .strategy = depth_first()});

  ASSERT_TRUE(result.first_failure);
  EXPECT_EQ(result.findings()[0].kind, FindingKind::kRace);
  EXPECT_EQ(result.first_failure->schedule.choices, std::vector<std::uint32_t>{7});
  EXPECT_EQ(result.executions, result.first_failure->index + 1);
}

TEST(RacesTest, DoNotChangeWhatAScheduleIs) {
  const auto body = [] {
    auto ticks = std::make_unique<Ticker>(1ms);
    const Context context = with_timeout(Context::background(), 5ms);
    Shared<int> value(0, "value");
    context.done().recv();
    ticks->stop();
    value.store(1);
  };
  const ExploreOptions options{.schedules = 20, .strategy = random_walk()};
  ExploreOptions unwatched = options;
  unwatched.run.finds_races = unwatched.finds_lock_orders = false;

  EXPECT_EQ(explore(body, options).last_schedule, explore(body, unwatched).last_schedule);
}

TEST(RacesTest, VariableOfOneExecutionInManyIsWatchedInThatOne) {
  const ExploreResult result = explore(
      [] {
        if (choose(40) != 7) return;
        Shared<int> value(0, "value");
        Task writer = go([&] { value.store(1); });
        value.store(2);
        writer.join();
      },
      {.schedules = 300, .strategy = random_walk()});

  EXPECT_THAT(races_of(result.findings()), SizeIs(1));
  ASSERT_TRUE(result.first_failure);
  // Not one of those that have a log in any case.
  EXPECT_FALSE(std::has_single_bit(result.first_failure->index + 1));
}

}  // namespace
}  // namespace chantrace
