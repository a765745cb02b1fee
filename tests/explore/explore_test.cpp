#include "chantrace/explore.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>

#include "chantrace/chantrace.h"

namespace chantrace {
namespace {

using ::testing::Contains;
using ::testing::Field;

/// Reads, then writes what it read and one: two of them can lose one of both.
void add_one(Atomic<int>& counter) { counter.store(counter.load() + 1); }

void lose_an_update() {
  Atomic<int> counter(0);
  Task other = go([&] { add_one(counter); });
  add_one(counter);
  other.join();
  if (counter.load() != 2) throw std::logic_error("lost an update");
}

void keep_all_updates() {
  Atomic<int> counter(0);
  Task other = go([&] { counter.fetch_add(1); });
  counter.fetch_add(1);
  other.join();
  if (counter.load() != 2) throw std::logic_error("lost an update");
}

TEST(ExploreTest, FindsAnUpdateThatIsLost) {
  const ExploreResult result = explore(lose_an_update);

  ASSERT_TRUE(result.first_failure);
  ASSERT_EQ(result.findings().size(), 1u);
  EXPECT_EQ(result.findings()[0].kind, FindingKind::kException);
  EXPECT_EQ(result.failures, 1u);
  EXPECT_EQ(result.executions, result.first_failure->index + 1);
}

TEST(ExploreTest, FindsNothingInItsCorrectTwin) {
  const ExploreResult result = explore(keep_all_updates);

  EXPECT_FALSE(result.first_failure);
  EXPECT_TRUE(result.is_exhausted);  // There are few.
  EXPECT_LT(result.executions, 1'000u);
  EXPECT_GE(result.distinct, 2u);
  EXPECT_TRUE(result.findings().empty());
}

TEST(ExploreTest, SameSeedDoesTheSame) {
  const auto tokens = [](std::uint64_t seed) {
    const ExploreResult result = explore(lose_an_update, {.strategy = random_walk(), .seed = seed});
    return result.first_failure->schedule.to_string() + " at " +
           std::to_string(result.first_failure->index);
  };

  EXPECT_EQ(tokens(7), tokens(7));
}

TEST(ExploreTest, CountsFailuresWhereItGoesOn) {
  const ExploreResult result =
      explore(lose_an_update, {.schedules = 500, .strategy = random_walk(), .goes_on = true});

  EXPECT_EQ(result.executions, 500u);
  EXPECT_GT(result.failures, 50u);
  EXPECT_LT(result.failures, 450u);
}

TEST(ExploreTest, FindsTheDeadlockOfTwoLocks) {
  const ExploreResult result = explore([] {
    Mutex left("left");
    Mutex right("right");
    const auto take = [](Mutex& first, Mutex& second) {
      first.lock();
      second.lock();
      second.unlock();
      first.unlock();
    };
    Task other = go("other", [&] { take(right, left); });
    take(left, right);
    other.join();
  });

  ASSERT_TRUE(result.first_failure);
  EXPECT_THAT(result.findings(), Contains(Field(&Finding::kind, FindingKind::kDeadlock)));
  EXPECT_EQ(result.findings()[0].certainty, Certainty::kCertain);
}

TEST(ExploreTest, FindsATaskThatIsLeaked) {
  const ExploreResult result = explore([] {
    Channel<int> results("results");
    go("worker", [=] { results.send(1); });
  });

  ASSERT_TRUE(result.first_failure);
  EXPECT_EQ(result.first_failure->index, 0u);
  EXPECT_THAT(result.findings(), Contains(Field(&Finding::kind, FindingKind::kLeaked)));
}

TEST(ExploreTest, FindsTheExceptionOfATask) {
  const ExploreResult result =
      explore([] { go("worker", [] { throw std::runtime_error("no such job"); }).join(); });

  ASSERT_TRUE(result.first_failure);
  EXPECT_EQ(result.findings()[0].kind, FindingKind::kException);
  EXPECT_THAT(to_text(result.findings()[0]), ::testing::HasSubstr("no such job"));
}

TEST(ExploreTest, FindsALockThatOutlivesItsHolder) {
  const auto mutex = std::make_shared<Mutex>("state");

  const ExploreResult result = explore([=] { go("worker", [=] { mutex->lock(); }).join(); });

  ASSERT_TRUE(result.first_failure);
  EXPECT_EQ(result.findings()[0].kind, FindingKind::kMutexHeld);
}

TEST(ExploreTest, FindsMisuse) {
  const ExploreResult result = explore([] {
    Channel<int> jobs("jobs", 1);
    Task closer = go("closer", [=] { jobs.close(); });
    jobs.send(1);
    closer.join();
  });

  ASSERT_TRUE(result.first_failure);
  EXPECT_THAT(result.findings(), Contains(Field(&Finding::kind, FindingKind::kSendOnClosed)));
}

TEST(ExploreTest, AnExecutionAfterAFailureIsSound) {
  // What a failed execution leaves behind must not matter to the next: of those that pass, all see
  // the same.
  int seen = 0;
  const ExploreResult result = explore(
      [&] {
        Channel<int> values("values", 1);
        const auto mutex = std::make_shared<Mutex>("mutex");
        go([=] {
          mutex->lock();
          values.send(1);
          values.send(2);
          mutex->unlock();
        });
        if (choose(2) == 0) return;
        if (values.recv() == 1 && values.recv() == 2) ++seen;
        mutex->lock();
        mutex->unlock();
      },
      {.schedules = 1'000,
       .strategy = random_walk(),
       .goes_on = true,
       .runs_again = false,
       .shrink = {.executions = 0}});

  EXPECT_EQ(static_cast<std::uint64_t>(seen), result.executions - result.failures);
  EXPECT_GT(result.failures, 300u);
  EXPECT_GT(seen, 300);
  EXPECT_EQ(result.abandoned, 0u);
}

TEST(ExploreTest, ASelectTakesEachReadyCase) {
  int taken[2] = {0, 0};
  const ExploreResult result = explore(
      [&] {
        Channel<int> left("left", 1);
        Channel<int> right("right", 1);
        left.send(1);
        right.send(2);
        select(on_recv(left, [&] { ++taken[0]; }), on_recv(right, [&] { ++taken[1]; }));
      },
      {.schedules = 100, .strategy = random_walk()});

  EXPECT_FALSE(result.first_failure);
  EXPECT_GT(taken[0], 20);
  EXPECT_GT(taken[1], 20);
}

TEST(ExploreTest, AnyTryFormCanFailAndSucceed) {
  int sent = 0;
  int not_sent = 0;
  explore(
      [&] {
        Channel<int> values("values");
        Task receiver = go([=] { values.recv(); });
        if (values.try_send(1)) {
          ++sent;
        } else {
          ++not_sent;
          values.close();
        }
        receiver.join();
      },
      {.schedules = 200, .strategy = random_walk()});

  EXPECT_GT(sent, 10);
  EXPECT_GT(not_sent, 10);
}

TEST(ExploreTest, StopsWhenItsTimeIsOver) {
  const ExploreResult result = explore(keep_all_updates, {.schedules = ~std::uint64_t{0},
                                                          .budget = std::chrono::milliseconds(5),
                                                          .strategy = random_walk()});

  EXPECT_GT(result.executions, 0u);
  EXPECT_GE(result.elapsed, std::chrono::milliseconds(5));
}

TEST(ExploreTest, WorksOnThreadsAfterwards) {
  explore(keep_all_updates, {.schedules = 10});

  Channel<int> values("values");
  Task sender = go([=] { values.send(4); });
  EXPECT_EQ(values.recv(), 4);
  sender.join();
}

TEST(ExploreTest, RefusesToBeUsedInAnExecutionUnderControl) {
  int refused = 0;
  const auto in_body = [&] {
    EXPECT_THROW(explore([] {}), std::logic_error);
    EXPECT_THROW(run([] {}, Schedule{}), std::logic_error);
    ++refused;
  };
  const ExploreResult result = explore(
      [&] {
        in_body();
        go(in_body).join();
      },
      {.schedules = 3, .runs_again = false});

  EXPECT_FALSE(result.first_failure);
  EXPECT_EQ(refused, 2 * static_cast<int>(result.executions));
}

TEST(ExploreTest, KeepsTheFindingsOfAFailureThatDoesNotComeAgain) {
  int executions = 0;
  const ExploreResult result = explore(
      [&] {
        if (++executions == 2) throw std::logic_error("this time only");
      },
      {.strategy = random_walk(), .runs_again = false});

  ASSERT_TRUE(result.first_failure);
  EXPECT_EQ(result.findings().size(), 1u);
}

TEST(ExploreTest, RefusesAShardThatThereIsNot) {
  EXPECT_THROW(explore([] {}, {.shard = {0, 0}}), std::invalid_argument);
  EXPECT_THROW(explore([] {}, {.shard = {3, 3}}), std::invalid_argument);
}

TEST(ExploreTest, TasksThatOnlyLookLetOthersRun) {
  // None of these looks is an operation.
  const ExploreResult result = explore(
      [] {
        const Channel<int> values("values", 1);
        const Context context = with_cancel(Context::background());
        Task sender = go([=] { values.send(1); });
        while (values.size() == 0) {
        }
        while (!sender.has_ended()) {
        }
        Task canceller = go([=] { context.cancel(); });
        while (context.error() == ContextError::kNone) {
        }
        canceller.join();
        values.recv();
      },
      {.schedules = 200});

  EXPECT_FALSE(result.first_failure) << to_text(result.findings().at(0));
  EXPECT_EQ(result.cut, 0u);
}

TEST(ExploreTest, OptionsThatCannotWorkAreRefused) {
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{16'383}, SIZE_MAX})
    EXPECT_THROW(explore([] {}, {.run = {.stack_bytes = bytes}}), std::invalid_argument) << bytes;
  EXPECT_THROW(explore([] {}, {.run = {.steps_max = 0}}), std::invalid_argument);
}

TEST(ExploreTest, ManyYieldsInARowAreNoLivelock) {
  const ExploreResult result = explore(
      [] {
        for (int i = 0; i < 20'000; ++i) yield();
      },
      {.schedules = 2});

  EXPECT_TRUE(result.findings().empty());
}

TEST(ExploreTest, AnExceptionWithoutATextIsTold) {
  struct Silent final : std::exception {
    const char* what() const noexcept override { return nullptr; }
  };
  const ExploreResult result = explore([] { go([] { throw Silent(); }).join(); });

  ASSERT_EQ(result.findings().size(), 1u);
  EXPECT_EQ(result.findings().front().kind, FindingKind::kException);
}

}  // namespace
}  // namespace chantrace
