// Threads that are no tasks, beside tasks under control.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <thread>
#include <utility>

#include "chantrace/chantrace.h"
#include "chantrace/explore.h"

namespace chantrace {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;

/// A thread that is joined wherever its scope is left.
class JoinedThread {
 public:
  explicit JoinedThread(std::function<void()> body) : thread_(std::move(body)) {}
  ~JoinedThread() { thread_.join(); }
  JoinedThread(const JoinedThread&) = delete;
  JoinedThread& operator=(const JoinedThread&) = delete;

 private:
  std::thread thread_;
};

TEST(ForeignThreadTest, ThreadThatUsesAnObjectOfTheTestIsNamed) {
  const ExploreResult result = explore(
      [] {
        const Channel<int> results("results");
        const JoinedThread worker([=] { results.send(1); });
        results.recv();
      },
      {.schedules = 100, .goes_on = true});

  EXPECT_EQ(result.executions, 1u) << "no other schedule can say more";
  ASSERT_THAT(result.findings(), ElementsAre(Field(&Finding::kind, FindingKind::kForeignThread)));
  EXPECT_THAT(result.findings().front().summary, HasSubstr("uses \"results\""));
  EXPECT_EQ(result.findings().front().certainty, Certainty::kCertain);
}

TEST(ForeignThreadTest, TaskInItsPlaceIsSound) {
  const ExploreResult result = explore(
      [] {
        const Channel<int> results("results");
        const Task worker = go([=] { results.send(1); });
        results.recv();
        worker.join();
      },
      {.schedules = 100});

  EXPECT_TRUE(result.findings().empty());
}

TEST(ForeignThreadTest, ThreadWithObjectsOfItsOwnIsNobodysBusiness) {
  Channel<int> requests("requests");
  Channel<int> answers("answers");
  const JoinedThread echo([=] {
    for (const int request : requests) answers.send(request + 1);
  });
  Atomic<int> rounds(0);
  const JoinedThread asks([=, &rounds] {
    for (int i = 0; i < 1'000; ++i) {
      requests.send(i);
      answers.recv();
      rounds.fetch_add(1);
    }
    requests.close();
  });

  const ExploreResult result = explore(
      [] {
        const Channel<int> values("values");
        const Task sender = go([=] { values.send(1); });
        values.recv();
        sender.join();
      },
      {.schedules = 2'000, .strategy = random_walk()});

  EXPECT_TRUE(result.findings().empty());
  EXPECT_EQ(result.executions, 2'000u);
}

TEST(ForeignThreadTest, ThreadThatWasRefusedIsAThreadAgainAfterwards) {
  const Channel<int> orders("orders", 1);
  const Channel<int> done("done", 1);
  std::thread worker;
  const ExploreResult result = explore(
      [&] {
        const Channel<int> results("results");
        worker = std::thread([=] {
          results.send(1);
          done.send(orders.recv().value_or(0));
        });
        results.recv();
      },
      {.schedules = 10});
  EXPECT_THAT(result.findings(), ElementsAre(Field(&Finding::kind, FindingKind::kForeignThread)));

  orders.send(5);
  worker.join();
}

TEST(ForeignThreadTest, ThreadThatJoinsATaskIsNamed) {
  const ExploreResult result = explore(
      [] {
        const Task task = go("worker", [] {});
        const JoinedThread waits([&] { task.join(); });
      },
      {.schedules = 100, .goes_on = true});

  ASSERT_THAT(result.findings(), ElementsAre(Field(&Finding::kind, FindingKind::kForeignThread)));
  EXPECT_THAT(result.findings().front().summary, HasSubstr("waits for the end of worker"));
}

TEST(ForeignThreadTest, TaskOfTheTestMayJoinInItsPlace) {
  const ExploreResult result = explore(
      [] {
        const Task task = go("worker", [] {});
        go("waits", [&] { task.join(); }).join();
      },
      {.schedules = 100});

  EXPECT_TRUE(result.findings().empty());
}

TEST(ForeignThreadTest, BodyThatCannotBeUnwoundSaysWhatWasFound) {
  const auto body = [] {
    const Channel<int> results("results");
    std::thread worker([=] { results.send(1); });
    results.recv();  // Thrown out of this, it destroys a thread that can be joined.
    worker.join();
  };

  EXPECT_EXIT(explore(body), testing::ExitedWithCode(1),
              AllOf(HasSubstr("uses \"results\""), HasSubstr("under the schedule c1:"),
                    HasSubstr("the test cannot be ended where it waits")));
}

}  // namespace
}  // namespace chantrace
